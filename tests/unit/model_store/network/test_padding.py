"""Units that stay zero: the same function, by wider products."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from model_store.config import EncoderConfig
from model_store.network.padding import narrowed, padded
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import every_network, teacher_forced, tiny_network


@every_network
def test_the_logits_are_the_same(options: dict[str, Any]) -> None:
    network = tiny_network(**options)
    wide = padded(network, 5)
    torch.testing.assert_close(teacher_forced(wide), teacher_forced(network), rtol=1e-12, atol=1e-12)
    directed = network.config.encoder.kind == "recurrent" and network.config.encoder.direction != "bidirectional"
    narrow, found = ((each.config.hidden, each.config.embedding) for each in (network, wide))
    assert found == (tuple(-(-width // 5) * 5 for width in narrow) if directed else narrow)


@every_network
def test_what_was_made_wider_can_be_made_narrow_again(options: dict[str, Any]) -> None:
    network = tiny_network(**options)
    wide = padded(network, 5)
    with torch.no_grad():
        for parameter in wide.parameters():
            parameter.mul_(3.0)
    back = narrowed(wide, network.config)
    assert back.config == network.config
    assert back.state_dict().keys() == network.state_dict().keys()
    for name, weights in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], 3.0 * weights)
    assert (back.projection.weight is back.source_embedding.weight) == network.config.tied_embeddings
    assert narrowed(back, network.config) is back


def test_it_is_a_copy_even_where_it_fits_already() -> None:
    network = tiny_network()
    same = padded(network, 8)
    assert same.config == network.config
    assert same.projection.weight is not network.projection.weight


@pytest.mark.parametrize("tied", [False, True])
def test_what_is_tied_stays_tied(tied: bool) -> None:
    config = tiny_network().config.model_copy(update={"tied_embeddings": tied, "hidden": 12})
    network = Seq2Seq(config).double().eval()
    wide = padded(network, 7)
    assert (wide.projection.weight is wide.source_embedding.weight) == tied
    assert (wide.config.hidden, wide.config.embedding) == (14, 14)
    torch.testing.assert_close(teacher_forced(wide), teacher_forced(network), rtol=1e-12, atol=1e-12)


def test_zeros_stay_zero_in_training() -> None:
    """So a network trained wider is the narrow one: its gradients are the same, and those of the padding are zero."""
    network = tiny_network(encoder=EncoderConfig())
    wide = padded(network, 5)
    for each in (network, wide):
        loss = torch.nn.functional.cross_entropy(teacher_forced(each).flatten(0, 1), torch.tensor([4, 5, 6, 7, 8, 9]))
        loss.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for parameter in network.parameters():
            assert parameter.grad is not None
            parameter.copy_(parameter.grad)
    expected = padded(network, 5)
    for name, parameter in wide.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, expected.get_parameter(name), rtol=1e-10, atol=1e-14)
        assert torch.count_nonzero(parameter.grad) == torch.count_nonzero(expected.get_parameter(name))
