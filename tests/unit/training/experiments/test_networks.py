"""Networks that were tried: layer normalisation against its equations, routed attention step by step."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from model_store.config import EncoderConfig, NetworkConfig
from model_store.network.seq2seq import Seq2Seq
from training.experiments.networks import LayerNormalisedLayer, layer_normalised, routed

CONFIG = NetworkConfig(vocabulary=24, layers=2, hidden=8, embedding=6, residual=True, dropout=0.0)
SOURCE, LENGTHS = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0]]), torch.tensor([4, 2])
TARGET = torch.tensor([[2, 11, 12], [2, 13, 14]])


def normalised(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    return gain * (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + 1e-5)


def test_a_step_is_that_of_ba_et_al() -> None:
    """Equations 20 to 22, one row at a time."""
    torch.manual_seed(0)
    layer = LayerNormalisedLayer(3, 4).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    x, state = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 2, 4, dtype=torch.float64)
    new = layer.step(x, state)
    w_ih, w_hh, bias_ih, bias_hh = layer.kernel.all_weights[0]
    for row in range(2):
        gates = normalised(w_hh @ state[0, row], layer.of_states.weight)
        gates = gates + normalised(w_ih @ x[row], layer.of_inputs.weight) + bias_ih + bias_hh
        enter, forget, fresh, leave = gates.chunk(4)
        cell = forget.sigmoid() * state[1, row] + enter.sigmoid() * fresh.tanh()
        seen = normalised(cell, layer.of_cells.weight) + layer.of_cells.bias
        torch.testing.assert_close(new[1, row], cell)
        torch.testing.assert_close(new[0, row], leave.sigmoid() * seen.tanh())


def test_a_sequence_is_its_steps_and_a_row_stops_at_its_length() -> None:
    torch.manual_seed(0)
    layer = LayerNormalisedLayer(3, 4).double()
    x, state = torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 2, 4, dtype=torch.float64)
    packed = pack_padded_sequence(x, torch.tensor([5, 2]), batch_first=True)
    data, final = layer(packed.data, state, packed.batch_sizes)
    outputs, _lengths = pad_packed_sequence(PackedSequence(data, packed.batch_sizes), batch_first=True)
    for row, length in enumerate((5, 2)):
        own = state[:, row : row + 1]
        for t in range(length):
            own = layer.step(x[row : row + 1, t], own)
            torch.testing.assert_close(outputs[row, t], own[0, 0])
        torch.testing.assert_close(final[:, row : row + 1], own)


@pytest.mark.parametrize("direction", ["reversed", "bidirectional"])
@pytest.mark.parametrize("build", [layer_normalised, routed])
def test_the_whole_target_is_its_steps(build: type[Seq2Seq], direction: str) -> None:
    torch.manual_seed(1)
    encoder = EncoderConfig.model_validate({"direction": direction})
    network = build(CONFIG.model_copy(update={"encoder": encoder})).double().eval()
    whole = network.projection(network(SOURCE, LENGTHS, TARGET))
    memory, state = network.encode(SOURCE, LENGTHS, fused=False)
    for t in range(TARGET.shape[1]):
        step = network.step(TARGET[:, t : t + 1], memory, state, torch.full((2,), t))
        torch.testing.assert_close(step.logits[:, 0], whole[:, t])
        assert step.weights is not None
        torch.testing.assert_close(step.weights.sum(dim=-1), torch.ones(2, 1, dtype=torch.float64))
        state = step.state


def test_every_layer_is_normalised() -> None:
    network = layer_normalised(CONFIG)
    layers = [*network.encoder.modules(), *network.decoder.modules()]
    assert sum(isinstance(each, LayerNormalisedLayer) for each in layers) == 4


def test_layers_above_the_first_read_what_attention_found() -> None:
    """So without their weights for that it is another function."""
    torch.manual_seed(2)
    network = routed(CONFIG).double().eval()
    before = network(SOURCE, LENGTHS, TARGET)
    with torch.no_grad():
        network.get_parameter("decoder.stack.layers.1.kernel.weight_ih_l0")[:, 8:] = 0.0
    assert not torch.allclose(before, network(SOURCE, LENGTHS, TARGET))


def test_one_layer_cannot_be_routed() -> None:
    with pytest.raises(ValueError, match=r"network\.layers: 1; routed attention needs two"):
        routed(CONFIG.model_copy(update={"layers": 1}))
