"""What the lecture says of each attention: normalised or not, masked, blind to the data or led by it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from model_store.config import Attention as AttentionName
from model_store.config import NetworkConfig
from model_store.network.attention import AdditiveAttention, Attention, GeneralAttention, build_attention

B, Q, S, H = 3, 2, 5, 4
LENGTHS = torch.tensor([5, 2, 1])
MASK = torch.arange(S) < LENGTHS.unsqueeze(1)
POSITIONS = torch.tensor([[0, 1]]).expand(B, -1)

SOFTMAX: tuple[AttentionName, ...] = ("dot", "general", "additive")
ALL: tuple[AttentionName, ...] = ("mean", "positional", "dot_unnormalised", *SOFTMAX)


def attention_of(name: AttentionName) -> Attention:
    torch.manual_seed(0)
    attention = build_attention(NetworkConfig(vocabulary=9, hidden=H, embedding=H, attention=name, positions=6))
    assert attention is not None
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter)
    return attention.to(torch.float64)


def data(seed: int = 0, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(B, Q, H, generator=generator, dtype=torch.float64) * scale
    return query, torch.randn(B, S, H, generator=generator, dtype=torch.float64) * scale


def run(attention: Attention, query: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    context, weights = attention(query, attention.keys(values), values, MASK, POSITIONS)
    return context, weights


def test_none_is_no_attention() -> None:
    assert build_attention(NetworkConfig(vocabulary=9, attention="none")) is None


@pytest.mark.parametrize("name", ALL)
def test_masked_positions_weigh_nothing_and_the_context_is_the_weighted_sum(name: AttentionName) -> None:
    query, values = data()
    context, weights = run(attention_of(name), query, values)
    assert weights.shape == (B, Q, S)
    assert not weights.masked_select(~MASK.unsqueeze(1)).any()
    torch.testing.assert_close(context, torch.einsum("bqs,bsh->bqh", weights, values))


@pytest.mark.parametrize("name", ALL)
def test_what_stands_at_masked_positions_has_no_influence(name: AttentionName) -> None:
    attention = attention_of(name)
    query, values = data()
    other = torch.where(MASK.unsqueeze(2), values, 1e6)
    for left, right in zip(run(attention, query, values), run(attention, query, other), strict=True):
        torch.testing.assert_close(left, right)


@pytest.mark.parametrize("name", ["mean", *SOFTMAX])
def test_normalised_weights_sum_to_one_and_are_not_negative(name: AttentionName) -> None:
    weights = run(attention_of(name), *data(scale=30.0))[1]
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(B, Q).double())
    assert weights.min() >= 0


def test_mean_is_uniform_for_any_query_and_any_values() -> None:
    weights = run(attention_of("mean"), *data())[1]
    for row, length in enumerate(LENGTHS.tolist()):
        assert torch.equal(weights[row, :, :length], torch.full((Q, length), 1 / length, dtype=torch.float64))


@pytest.mark.parametrize("name", ["mean", "positional"])
def test_weights_blind_to_the_data(name: AttentionName) -> None:
    attention = attention_of(name)
    assert torch.equal(run(attention, *data(seed=1))[1], run(attention, *data(seed=2))[1])


@pytest.mark.parametrize("name", ["dot_unnormalised", *SOFTMAX])
def test_weights_led_by_query_and_values(name: AttentionName) -> None:
    attention = attention_of(name)
    (query, values), (other_query, other_values) = data(seed=1), data(seed=2)
    weights = run(attention, query, values)[1][0]
    assert not torch.allclose(weights, run(attention, other_query, values)[1][0])
    assert not torch.allclose(weights, run(attention, query, other_values)[1][0])


def test_positional_weights_are_the_tables_entries_at_target_and_source_position() -> None:
    attention = attention_of("positional")
    table = attention.get_parameter("table")
    assert table.shape == (6, 6)
    query, values = data()
    positions = torch.tensor([[3, 5]]).expand(B, -1)
    weights = attention(query, attention.keys(values), values, MASK, positions)[1]
    assert torch.equal(weights[0, 0], table[3, :S])
    assert torch.equal(weights[0, 1], table[5, :S])


def test_the_unnormalised_context_grows_without_bound_and_the_softmax_ones_stay_among_the_values() -> None:
    query, values = data()
    unnormalised = attention_of("dot_unnormalised")
    small, large = (run(unnormalised, query * scale, values)[0].norm() for scale in (1.0, 1000.0))
    torch.testing.assert_close(large, 1000 * small)
    for name in SOFTMAX:
        context = run(attention_of(name), query * 1000, values)[0]
        assert context.norm(dim=2).max() <= values.norm(dim=2).max()


def test_dot_is_the_softmax_of_dot_products() -> None:
    query, values = data()
    weights = run(attention_of("dot"), query, values)[1]
    torch.testing.assert_close(weights[0], torch.softmax(query[0] @ values[0].T, dim=1))


def test_general_is_h_w_s() -> None:
    attention = attention_of("general")
    assert isinstance(attention, GeneralAttention)
    query, values = data()
    matrix = attention.project.weight
    expected = torch.softmax(torch.einsum("qi,ij,sj->qs", query[0], matrix, values[0]), dim=1)
    torch.testing.assert_close(run(attention, query, values)[1][0], expected)


def test_additive_is_v_tanh_of_the_sum_of_projections() -> None:
    attention = attention_of("additive")
    assert isinstance(attention, AdditiveAttention)
    query, values = data()
    scores = torch.empty(Q, S, dtype=torch.float64)
    for q in range(Q):
        for s in range(S):
            sum_of_both = attention.target(query[0, q]) + attention.source(values[0, s])
            scores[q, s] = (attention.energy.weight[0] * torch.tanh(sum_of_both)).sum()
    torch.testing.assert_close(run(attention, query, values)[1][0], torch.softmax(scores, dim=1))


@pytest.mark.parametrize("name", ALL)
def test_many_queries_at_once_are_as_many_queries_alone(name: AttentionName) -> None:
    attention = attention_of(name)
    query, values = data()
    together = run(attention, query, values)[1]
    for q in range(Q):
        alone = attention(query[:, q : q + 1], attention.keys(values), values, MASK, POSITIONS[:, q : q + 1])[1]
        torch.testing.assert_close(alone, together[:, q : q + 1])
