"""Cells: the written-out step against torch's fused kernels, ragged batches, residual connections, the forget gate."""

from __future__ import annotations

import pytest
import torch

from model_store.config import Cell
from model_store.network.cells import STATE_TENSORS, RecurrentLayer, RecurrentStack
from tests.unit.model_store.network.configurations import CELLS

every_cell = pytest.mark.parametrize("cell", CELLS)


def stack_of(cell: Cell, *, layers: int = 3, dropout: float = 0.0, residual: bool = False) -> RecurrentStack:
    torch.manual_seed(3)
    return RecurrentStack(cell, layers, 4, 5, dropout, residual=residual).to(torch.float64).eval()


@every_cell
def test_a_step_is_what_torchs_own_kernel_computes(cell: Cell) -> None:
    torch.manual_seed(1)
    layer = RecurrentLayer(cell, 4, 5).to(torch.float64)
    x, state = torch.randn(7, 4, dtype=torch.float64), torch.randn(STATE_TENSORS[cell], 7, 5, dtype=torch.float64)
    initial = (state[:1], state[1:]) if cell == "lstm" else state
    _outputs, expected = layer.kernel(x.unsqueeze(1), initial)
    expected = torch.cat(expected) if cell == "lstm" else expected
    torch.testing.assert_close(layer.step(x, state), expected, rtol=0, atol=1e-12)


@every_cell
@pytest.mark.parametrize("residual", [False, True])
def test_steps_are_the_sequence(cell: Cell, residual: bool) -> None:
    stack = stack_of(cell, residual=residual)
    x = torch.randn(2, 6, 4, dtype=torch.float64)
    state = torch.randn(3, STATE_TENSORS[cell], 2, 5, dtype=torch.float64)
    outputs, final = stack(x, state)
    for t in range(6):
        output, state = stack.step(x[:, t], state)
        torch.testing.assert_close(output, outputs[:, t], rtol=0, atol=1e-12)
    torch.testing.assert_close(state, final, rtol=0, atol=1e-12)


@every_cell
def test_the_final_state_of_a_ragged_batch_is_that_of_each_rows_last_position(cell: Cell) -> None:
    stack = stack_of(cell)
    x = torch.randn(3, 6, 4, dtype=torch.float64)
    lengths = torch.tensor([2, 6, 4])
    outputs, final = stack(x, stack.zero_state(x), lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = x[row : row + 1, :length]
        expected, state = stack(alone, stack.zero_state(alone))
        torch.testing.assert_close(outputs[row : row + 1, :length], expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(final[:, :, row : row + 1], state, rtol=0, atol=1e-12)


@every_cell
def test_a_residual_stack_adds_each_layers_input_above_the_first(cell: Cell) -> None:
    stack = stack_of(cell, residual=True)
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    state = stack.zero_state(x)
    expected = stack.layers[0](x, state[0])[0]
    for layer in (1, 2):
        expected = expected + stack.layers[layer](expected, state[layer])[0]
    torch.testing.assert_close(stack(x, state)[0], expected, rtol=0, atol=1e-12)


def test_residual_connections_change_the_function() -> None:
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    plain, residual = stack_of("lstm"), stack_of("lstm", residual=True)
    assert not torch.allclose(plain(x, plain.zero_state(x))[0], residual(x, residual.zero_state(x))[0])


def test_an_lstms_forget_gate_starts_open() -> None:
    kernel = RecurrentLayer("lstm", 4, 5).kernel
    _w_ih, _w_hh, bias_ih, bias_hh = kernel.all_weights[0]
    assert torch.equal((bias_ih + bias_hh)[5:10], torch.ones(5))
    assert (bias_ih + bias_hh)[:5].abs().max() < 1


def test_dropout_stands_before_each_layer_and_leaves_states_alone() -> None:
    """With everything dropped the input is gone: what is left is a function of the state."""
    stack = stack_of("gru", dropout=0.999999999).train()
    state = torch.randn(3, 1, 2, 5, dtype=torch.float64)
    first, second = (stack(torch.randn(2, 1, 4, dtype=torch.float64), state)[1] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(
        stack.step(torch.randn(2, 4, dtype=torch.float64), state)[1], stack.step(torch.zeros(2, 4).double(), state)[1]
    )
