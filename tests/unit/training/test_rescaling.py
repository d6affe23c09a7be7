"""Larger embeddings, the same states."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from model_store.config import DecoderConfig, EncoderConfig
from model_store.errors import ConfigError
from tests.unit.model_store.decoding.networks import teacher_forced
from tests.unit.training.test_widening import tiny_network
from training.rescaling import rescale_embeddings

FEEDING = {"decoder": DecoderConfig(input_feeding=True)}
WINDOW = {"embedding_window": 3}


@pytest.mark.parametrize("options", [{}, FEEDING, WINDOW, {"residual": True, "layers": 3}, {"cell": "gru"}], ids=str)
def test_scores_are_as_they_were_where_nothing_is_tied(options: dict[str, Any]) -> None:
    network = tiny_network({"tied_embeddings": False, **options})
    before, size = teacher_forced(network), network.source_embedding.weight.norm().item()
    rescale_embeddings(network, 2.5)
    torch.testing.assert_close(teacher_forced(network), before, rtol=1e-12, atol=1e-12)
    assert network.source_embedding.weight.norm().item() == pytest.approx(2.5 * size)


@pytest.mark.parametrize("options", [{}, FEEDING, WINDOW], ids=str)
def test_tied_scores_are_as_they_were_where_tanh_is_linear(options: dict[str, Any]) -> None:
    """And the states that they are made of wherever nothing of them is fed back."""
    network = tiny_network(options)
    with torch.no_grad():
        network.decoder.combine.weight.mul_(1e-3)
    before = teacher_forced(network)
    rescale_embeddings(network, 2.0)
    assert network.projection.weight is network.source_embedding.weight
    torch.testing.assert_close(teacher_forced(network), before, rtol=1e-5, atol=1e-9)
    assert before.abs().max() > 1e-6  # beside 1e-9


@pytest.mark.parametrize("options", [{}, WINDOW], ids=str)
def test_states_of_a_tied_network_are_as_they_were(options: dict[str, Any]) -> None:
    network = tiny_network(options)
    source, lengths = torch.tensor([[5, 6, 7, 8]]), torch.tensor([4])
    before = network.encode(source, lengths)
    rescale_embeddings(network, 3.0)
    after = network.encode(source, lengths)
    torch.testing.assert_close(after[0].values, before[0].values, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(after[1].hidden, before[1].hidden, rtol=1e-12, atol=1e-12)


def test_an_encoder_that_reads_both_ways_is_refused() -> None:
    network = tiny_network({"encoder": EncoderConfig(direction="bidirectional")})
    with pytest.raises(ConfigError, match=r"trainer\.embedding_scale"):
        rescale_embeddings(network, 2.0)
