"""Encoders: what each output position has seen, and that outputs stand in original source order."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from model_store.config import Cell, EncoderConfig, NetworkConfig
from model_store.network.encoder import Encoded, Encoder, build_encoder, reversal
from tests.unit.model_store.network.configurations import CELLS

S, WIDTH = 5, 4
FULL = torch.tensor([S])


def encoder_of(config: EncoderConfig, *, cell: Cell = "lstm", layers: int = 2) -> Encoder:
    torch.manual_seed(0)
    network = NetworkConfig(
        vocabulary=9, cell=cell, layers=layers, hidden=6, embedding=WIDTH, encoder=config, dropout=0.0, positions=8
    )
    return build_encoder(network).to(torch.float64).eval()


def reach(encoder: Encoder) -> list[set[int]]:
    """Which source positions each output position depends on."""
    x = torch.randn(1, S, WIDTH, dtype=torch.float64, requires_grad=True)
    outputs = encoder(x, FULL).outputs
    seen = []
    for position in range(S):
        (gradient,) = torch.autograd.grad(outputs[0, position].sin().sum(), x, retain_graph=True)
        seen.append(set(gradient[0].abs().sum(dim=1).nonzero().flatten().tolist()))
    return seen


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), spare=st.integers(0, 3))
@settings(deadline=None, max_examples=60)
def test_reversal_reverses_each_row_leaves_padding_and_undoes_itself(lengths: list[int], spare: int) -> None:
    size = max(lengths) + spare
    index = reversal(torch.tensor(lengths), size)
    for row, length in enumerate(lengths):
        assert index[row].tolist() == [*range(length - 1, -1, -1), *range(length, size)]
    assert torch.equal(index.gather(1, index), torch.arange(size).expand(len(lengths), size))


@pytest.mark.parametrize("cell", CELLS)
def test_forward_sees_what_came_before(cell: Cell) -> None:
    assert reach(encoder_of(EncoderConfig(direction="forward"), cell=cell)) == [set(range(i + 1)) for i in range(S)]


@pytest.mark.parametrize("cell", CELLS)
def test_reversed_sees_what_comes_after(cell: Cell) -> None:
    """It reads the last word first, and its output for a word stands at that word's own place."""
    assert reach(encoder_of(EncoderConfig(direction="reversed"), cell=cell)) == [set(range(i, S)) for i in range(S)]


@pytest.mark.parametrize("config", [EncoderConfig(direction="bidirectional"), EncoderConfig(kind="self_attention")])
def test_bidirectional_and_self_attention_see_everything(config: EncoderConfig) -> None:
    if config.kind == "self_attention":
        config = EncoderConfig(kind="self_attention", heads=2)
    assert reach(encoder_of(config, layers=1)) == [set(range(S))] * S


def test_reversed_is_forward_of_the_reversed_text() -> None:
    forward, backward = (encoder_of(EncoderConfig(direction=each)) for each in ("forward", "reversed"))
    x = torch.randn(1, S, WIDTH, dtype=torch.float64)
    expected = forward(x.flip(1), FULL)
    result = backward(x, FULL)
    torch.testing.assert_close(result.outputs, expected.outputs.flip(1))
    torch.testing.assert_close(result.state, expected.state)


def test_a_bidirectional_state_is_the_last_of_each_direction() -> None:
    result: Encoded = encoder_of(EncoderConfig(direction="bidirectional"), layers=1)(
        torch.randn(2, S, WIDTH, dtype=torch.float64), torch.tensor([S, 3])
    )
    hidden: Tensor = result.state[0, 0]  # (B, H), h of the only level
    assert torch.equal(hidden[0, :3], result.outputs[0, S - 1, :3])
    assert torch.equal(hidden[1, :3], result.outputs[1, 2, :3])
    assert torch.equal(hidden[:, 3:], result.outputs[:, 0, 3:])


def test_self_attention_tells_positions_apart() -> None:
    encoder = encoder_of(EncoderConfig(kind="self_attention", heads=2))
    same = torch.ones(1, S, WIDTH, dtype=torch.float64)
    outputs = encoder(same, FULL).outputs
    assert not torch.allclose(outputs[0, 0], outputs[0, 1])


def test_self_attentions_inference_path_is_its_training_path() -> None:
    """torch runs another kernel where no gradient is asked for."""
    encoder = encoder_of(EncoderConfig(kind="self_attention", heads=2))
    x, lengths = torch.randn(3, S, WIDTH, dtype=torch.float64), torch.tensor([5, 2, 1])
    with torch.no_grad():
        inferred = encoder(x, lengths)
    trained = encoder(x.requires_grad_(), lengths)
    torch.testing.assert_close(inferred.outputs, trained.outputs, rtol=0, atol=1e-12)
    torch.testing.assert_close(inferred.state, trained.state, rtol=0, atol=1e-12)
