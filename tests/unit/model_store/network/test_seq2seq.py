"""The assembled network in every configuration: shapes, gradients, padding, and that its two ways to run agree."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from model_store.config import Attention, Cell, EncoderConfig, NetworkConfig
from model_store.errors import ConfigError
from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.network.configurations import CELLS, CONFIGURATIONS, VOCABULARY, build, config_id, ids

LENGTHS = torch.tensor([3, 6, 1, 5])
TARGETS = 4

every_configuration = pytest.mark.parametrize("config", CONFIGURATIONS, ids=config_id)
every_third = pytest.mark.parametrize("config", CONFIGURATIONS[::3], ids=config_id)  # each value of each option


def close(left: Tensor, right: Tensor) -> None:
    torch.testing.assert_close(left, right, rtol=0, atol=1e-10)


def repeat(memory: Memory, state: DecoderState, queries: int) -> DecoderState:
    """The first state of every source once for each of its hypotheses."""
    return state.rows(torch.arange(len(memory.mask)).repeat_interleave(queries))


def step_through(network: Seq2Seq, memory: Memory, state: DecoderState, target: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Logits of target ids, shape = (B, Q, T), by one step for each; logits have shape (B, Q, T, V)."""
    logits, weights = [], []
    for t in range(target.shape[2]):
        step = network.step(target[:, :, t], memory, state, torch.full((len(target),), t))
        logits.append(step.logits)
        weights += [] if step.weights is None else [step.weights]
        state = step.state
    return torch.stack(logits, dim=2), weights


def test_configurations_cover_every_combination() -> None:
    names = {config_id(config) for config in CONFIGURATIONS}
    assert len(CONFIGURATIONS) == len(names) == 3 * 4 * 13
    flags = {
        (config.residual, config.tied_embeddings, config.embedding, config.embedding_window)
        for config in CONFIGURATIONS
    }
    assert len(flags) == 16


@every_configuration
def test_shapes(config: NetworkConfig) -> None:
    network = build(config)
    source, target = ids(4, 6), ids(4, TARGETS)
    assert network(source, LENGTHS, target).shape == (4, TARGETS, config.readout)
    memory, state = network.encode(source, LENGTHS)
    assert memory.values.shape == memory.keys.shape == (4, 6, config.hidden)
    assert memory.mask.sum(dim=1).tolist() == LENGTHS.tolist()
    tensors = 2 if config.cell == "lstm" else 1
    assert state.hidden.shape == (config.layers, tensors, 4, config.hidden)
    step = network.step(ids(4, 3), memory, repeat(memory, state, 3), torch.zeros(4, dtype=torch.int64))
    assert step.logits.shape == (4, 3, VOCABULARY)
    assert step.state.hidden.shape == (config.layers, tensors, 12, config.hidden)
    assert (step.state.feed is not None) == config.decoder.input_feeding
    if step.state.feed is not None:
        assert step.state.feed.shape == (12, config.readout)
    if config.attention == "none":
        assert step.weights is None
    else:
        assert step.weights is not None
        assert step.weights.shape == (4, 3, 6)


@every_configuration
def test_gradients_reach_every_parameter(config: NetworkConfig) -> None:
    network = build(config)
    logits = network.projection(network(ids(4, 6), LENGTHS, ids(4, TARGETS)))
    (
        logits * torch.randn(logits.shape, generator=torch.Generator().manual_seed(0), dtype=logits.dtype)
    ).sum().backward()
    unreached = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().max() > 1e-8
    ]
    assert unreached == []


@every_configuration
def test_a_row_of_a_padded_batch_gives_what_it_gives_alone(config: NetworkConfig) -> None:
    """Whatever ids stand in the padding, whether kernels are fused or not."""
    network = build(config)
    source, target = ids(4, 6), ids(4, TARGETS)
    with torch.no_grad():
        together = network(source, LENGTHS, target)
        scanned = network.encode(source, LENGTHS, fused=False)[1]
        for row, length in enumerate(LENGTHS.tolist()):
            only = source[row : row + 1, :length]
            close(network(only, LENGTHS[row : row + 1], target[row : row + 1]), together[row : row + 1])
            alone = network.encode(only, LENGTHS[row : row + 1], fused=False)[1]
            close(alone.hidden, scanned.hidden[:, :, row : row + 1])


@every_configuration
def test_steps_give_what_the_teacher_forced_pass_gives(config: NetworkConfig) -> None:
    network = build(config)
    source, target = ids(4, 6), ids(4, TARGETS)
    with torch.no_grad():
        forced = network.projection(network(source, LENGTHS, target))
        memory, state = network.encode(source, LENGTHS)
        close(step_through(network, memory, state, target.unsqueeze(1))[0].squeeze(1), forced)


@every_third
def test_hypotheses_side_by_side_do_not_see_each_other(config: NetworkConfig) -> None:
    network = build(config)
    target = ids(4 * 3, TARGETS).view(4, 3, TARGETS)
    with torch.no_grad():
        memory, state = network.encode(ids(4, 6), LENGTHS)
        together, _weights = step_through(network, memory, repeat(memory, state, 3), target)
        for query in range(3):
            alone, _weights = step_through(network, memory, state, target[:, query : query + 1])
            close(alone.squeeze(1), together[:, query])


@every_configuration
def test_unfused_encoding_gives_what_the_fused_gives(config: NetworkConfig) -> None:
    network = build(config)
    source = ids(4, 6)
    with torch.no_grad():
        (fused, state), (scanned, scanned_state) = (
            network.encode(source, LENGTHS, fused=each) for each in (True, False)
        )
    close(scanned_state.hidden, state.hidden)
    present = fused.mask.unsqueeze(2)
    close(scanned.values * present, fused.values * present)
    close(scanned.keys * present, fused.keys * present)
    assert torch.equal(scanned.mask, fused.mask)


@every_third
def test_full_rows_are_encoded_like_ragged_ones(config: NetworkConfig) -> None:
    """Rows that are all full run unpacked, another path through the kernels."""
    network = build(config)
    source = ids(2, 5)
    with torch.no_grad():
        full, full_state = network.encode(source, torch.tensor([5, 5]))
        padded = torch.cat((source, ids(2, 2)), dim=1)
        ragged, ragged_state = network.encode(padded, torch.tensor([5, 5]))
    close(ragged.values[:, :5], full.values)
    close(ragged_state.hidden, full_state.hidden)


@pytest.mark.parametrize("config", CONFIGURATIONS[:: len(CONFIGURATIONS) // 12], ids=config_id)
def test_dropout_acts_in_training_only(config: NetworkConfig) -> None:
    network = build(config)
    arguments = (ids(4, 6), LENGTHS, ids(4, TARGETS))
    with torch.no_grad():
        assert torch.equal(network(*arguments), network(*arguments))
        network.train()
        assert not torch.equal(network(*arguments), network(*arguments))


@pytest.mark.parametrize("attention", ["dot", "general"])
@pytest.mark.parametrize("window", [1, 3, 7])
def test_embeddings_around_a_token_are_mixed_into_the_context_and_scores_are_without_them(
    attention: Attention, window: int
) -> None:
    """One layer, one hypothesis, from the equations: a = softmax(h keys), c = sum a (output + W [e...])."""
    options = {"vocabulary": VOCABULARY, "layers": 1, "hidden": 6, "embedding": 4, "attention": attention}
    network = build(NetworkConfig.model_validate({**options, "embedding_window": window}))
    source, lengths = torch.tensor([[5, 6, 7, 3, 3], [1, 2, 3, 4, 5]]), torch.tensor([3, 5])
    memory, state = network.encode(source, lengths)
    embedded = network.source_embedding.weight[source[0, :3]]
    outputs = network.encoder(embedded.unsqueeze(0), lengths[:1]).outputs[0]
    weight = network.get_parameter("decoder.of_window.weight").view(6, window, 4)
    rows = []
    for place, output in enumerate(outputs):
        for column in range(window):
            token = place + column - window // 2
            if 0 <= token < 3:
                output = output + weight[:, column] @ embedded[token]
        rows.append(output)
    project = getattr(network.decoder.attention, "project", None)
    keys = outputs if project is None else outputs @ project.weight.T
    close(memory.keys[0, :3], keys)
    close(memory.values[0, :3], torch.stack(rows))
    step = network.step(torch.tensor([[3], [3]]), memory, state, torch.tensor([0, 0]))
    hidden = step.state.hidden[0, 0, 0]
    context = sum(share * row for share, row in zip(torch.softmax(keys @ hidden, dim=0), rows, strict=True))
    readout = torch.tanh(network.decoder.combine.weight @ torch.cat((context, hidden)))
    close(step.logits[0, 0], network.projection.weight @ readout + network.projection.bias)


def test_tied_embeddings_are_one_matrix() -> None:
    tied, untied = (
        build(next(each for each in CONFIGURATIONS if each.tied_embeddings is want)) for want in (True, False)
    )
    assert tied.source_embedding.weight is tied.target_embedding.weight is tied.projection.weight
    matrices = {id(each.weight) for each in (untied.source_embedding, untied.target_embedding, untied.projection)}
    assert len(matrices) == 3


def test_the_reference_network_has_83_million_parameters() -> None:
    """4 x 1000 with a tied vocabulary of 16k (issue of the reference recipe); built without memory."""
    with torch.device("meta"):
        network = Seq2Seq(NetworkConfig(vocabulary=16_000))
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6) == 83


@pytest.mark.parametrize(
    ("config", "source", "target", "refused"),
    [
        (NetworkConfig(vocabulary=9, layers=1, hidden=4, embedding=4, attention="positional", positions=5), 6, 2, 6),
        (NetworkConfig(vocabulary=9, layers=1, hidden=4, embedding=4, attention="positional", positions=5), 2, 7, 7),
        (
            NetworkConfig(
                vocabulary=9,
                layers=1,
                hidden=4,
                embedding=4,
                encoder=EncoderConfig(kind="self_attention"),
                positions=5,
            ),
            6,
            2,
            6,
        ),
    ],
    ids=["positional-source", "positional-target", "self-attention-source"],
)
def test_longer_than_the_table_of_positions_is_refused(
    config: NetworkConfig, source: int, target: int, refused: int
) -> None:
    network = Seq2Seq(config).eval()
    network(torch.zeros(1, 5, dtype=torch.int64), torch.tensor([5]), torch.zeros(1, 5, dtype=torch.int64))
    with pytest.raises(ConfigError, match=rf"length: {refused} tokens .* allowed: 1\.\.5"):
        network(
            torch.zeros(1, source, dtype=torch.int64),
            torch.tensor([source]),
            torch.zeros(1, target, dtype=torch.int64),
        )


def test_without_a_table_any_length_is_taken() -> None:
    network = Seq2Seq(NetworkConfig(vocabulary=9, layers=1, hidden=4, embedding=4, positions=2)).eval()
    zeros = torch.zeros(1, 50, dtype=torch.int64)
    assert network(zeros, torch.tensor([50]), zeros).shape == (1, 50, 4)


@pytest.mark.parametrize("cell", CELLS)
def test_input_feeding_feeds_the_last_attentional_vector(cell: Cell) -> None:
    config = next(each for each in CONFIGURATIONS if each.cell == cell and each.decoder.input_feeding)
    network = build(config)
    tokens, zero = ids(4, 1), torch.zeros(4, dtype=torch.int64)
    with torch.no_grad():
        memory, state = network.encode(ids(4, 6), LENGTHS)
        assert state.feed is not None
        assert not state.feed.any()
        step = network.step(tokens, memory, state, zero)
        assert step.state.feed is not None
        close(network.projection(step.state.feed), step.logits[:, 0])
        fed = network.step(tokens, memory, DecoderState(state.hidden, step.state.feed), zero)
    assert not torch.allclose(fed.logits, step.logits)
