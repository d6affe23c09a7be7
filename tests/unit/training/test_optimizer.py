"""Muon: what it makes of a gradient, of which weights, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq
from tests.unit.training.test_trainer import trainer_of
from tests.unit.training.tiny import RecordingLog, recipe
from training.config import TrainerConfig
from training.optimizer import MOMENTUM, Muon, matrices, optimizer_of, orthogonal

NETWORKS: dict[str, dict[str, Any]] = {
    "tied": {"tied_embeddings": True},
    "untied": {"tied_embeddings": False},
    "feed": {"cell": "gru", "decoder": {"input_feeding": True}, "attention": "additive"},
    "self_attention": {"encoder": {"kind": "self_attention", "heads": 2}, "tied_embeddings": False},
}


def names(network: Seq2Seq) -> dict[str, int]:
    found = matrices(network)
    return {name: found[weight] for name, weight in network.named_parameters() if weight in found}


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 5, 20), (4, 20, 5)], ids=str)
def test_singular_values_become_one_and_directions_stay(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    assert values.max() / values.min() > 1.5
    turned = left.mT @ orthogonal(matrix) @ right.mT
    found = turned.diagonal(dim1=-2, dim2=-1)
    assert found.min() > 0.6
    assert found.max() < 1.3
    torch.testing.assert_close(turned, torch.diag_embed(found), rtol=0, atol=1e-4)


def test_it_does_not_matter_how_large_a_gradient_is_and_of_zeros_come_zeros() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(1, 6, 4)
    torch.testing.assert_close(orthogonal(1e3 * matrix), orthogonal(matrix))
    assert not orthogonal(torch.zeros(1, 6, 4)).any()
    with_zeros = torch.zeros(1, 9, 7)
    with_zeros[:, :6, :4] = matrix
    expected = torch.zeros(1, 9, 7)
    expected[:, :6, :4] = orthogonal(matrix)
    torch.testing.assert_close(orthogonal(with_zeros), expected)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
def test_tables_and_vectors_are_no_matrices(network: dict[str, Any]) -> None:
    made = Seq2Seq(recipe(network=network).network)
    found = names(made)
    assert not [name for name in found if "embedding" in name or "projection" in name or "bias" in name]
    assert "decoder.combine.weight" in found
    assert all(made.get_parameter(name).ndim == 2 for name in found)
    gates = 3 if network.get("cell") == "gru" else 4
    assert found["decoder.stack.layers.0.kernel.weight_hh_l0"] == gates
    assert found["decoder.stack.layers.0.kernel.weight_ih_l0"] == gates


def test_an_update_is_that_of_the_paper_gate_by_gate() -> None:
    torch.manual_seed(0)
    cell, other = nn.Parameter(torch.randn(8, 3)), nn.Parameter(torch.randn(5))
    optimizer = Muon({cell: 4}, [cell, other], lr=0.1, weight_decay=0.5)
    alone = nn.Parameter(other.detach().clone())
    adam = torch.optim.AdamW([alone], lr=0.1, weight_decay=0.5)
    expected, momentum = cell.detach().clone(), torch.zeros(8, 3)
    for _ in range(3):
        gradient = torch.randn(8, 3)
        momentum = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
        nesterov = MOMENTUM * momentum + (1 - MOMENTUM) * gradient
        moved = torch.cat([orthogonal(gate[None])[0] for gate in torch.split(nesterov, 2)])
        expected = expected * (1 - 0.1 * 0.5) - 0.1 * 0.2 * 3**0.5 * moved
        cell.grad, other.grad = gradient.clone(), torch.randn(5)
        alone.grad = other.grad.clone()
        optimizer.step()
        adam.step()
    torch.testing.assert_close(cell.detach(), expected)
    assert torch.equal(other, alone)


def test_a_weight_without_gradient_stays() -> None:
    cell, other = nn.Parameter(torch.ones(4, 4)), nn.Parameter(torch.ones(4, 4))
    optimizer = Muon({cell: 1, other: 1}, [cell, other], lr=0.1, weight_decay=0.5)
    other.grad = torch.eye(4)
    optimizer.step()
    assert torch.equal(cell, torch.ones(4, 4))
    assert not torch.equal(other, torch.ones(4, 4))


def test_each_weight_is_moved_once() -> None:
    network = Seq2Seq(recipe(network={}).network)
    for name in ("adamw", "muon"):
        optimizer = optimizer_of(network, TrainerConfig(optimizer=name))
        held = [weight for group in optimizer.param_groups for weight in group["params"]]
        assert len(held) == len(set(held))
        assert set(held) == set(network.parameters())


def test_it_learns(tmp_path: Path) -> None:
    log = RecordingLog()
    run = recipe(network={"dropout": 0.0}, trainer={"optimizer": "muon", "max_steps": 60})
    trainer_of(run, tmp_path / "checkpoint.pt", log=log).run()
    assert sum(log.losses[-5:]) / 5 < 0.8 * sum(log.losses[:5]) / 5


def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path: Path) -> None:
    trainer_of(recipe(trainer={"max_steps": 4}), tmp_path / "checkpoint.pt").run(max_steps=2)
    muon = trainer_of(recipe(trainer={"max_steps": 4, "optimizer": "muon"}), tmp_path / "checkpoint.pt")
    with pytest.raises(ConfigError, match=r"trainer\.optimizer: muon, but .* was trained with another"):
        muon.run()


def test_gradients_that_are_scaled_are_refused() -> None:
    with pytest.raises(ValidationError, match="optimizer: 'muon' does not go with precision '16-mixed'; allowed"):
        TrainerConfig(optimizer="muon", precision="16-mixed")
