"""A wider network that starts from a narrower one: the same function at first, and units that come to be of use."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from model_store.config import DecoderConfig, EncoderConfig, NetworkConfig
from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import teacher_forced
from training.widening import widen

FITTING: list[dict[str, Any]] = [
    {},
    {"residual": True, "layers": 3},
    {"cell": "gru"},
    {"cell": "rnn", "tied_embeddings": False},
    {"attention": "additive"},
    {"attention": "mean"},
    {"attention": "none"},
    {"embedding_window": 3},
    {"decoder": DecoderConfig(input_feeding=True)},
    {"encoder": EncoderConfig(direction="forward"), "tied_embeddings": False},
]
fitting = pytest.mark.parametrize("options", FITTING, ids=str)


def tiny_network(options: dict[str, Any]) -> Seq2Seq:
    config = {"vocabulary": 24, "layers": 2, "hidden": 8, "embedding": 8, **options}
    torch.manual_seed(4)
    return Seq2Seq(NetworkConfig.model_validate(config)).double().eval()


def wider(network: Seq2Seq, **widths: int) -> Seq2Seq:
    torch.manual_seed(5)
    wide = Seq2Seq(network.config.model_copy(update={"hidden": 13, "embedding": 11, **widths})).double().eval()
    widen(network, wide)
    return wide


@fitting
@pytest.mark.parametrize("widths", [{}, {"hidden": 8}, {"embedding": 8}], ids=str)
def test_it_computes_the_same_function(options: dict[str, Any], widths: dict[str, int]) -> None:
    network = tiny_network(options)
    wide = wider(network, **widths)
    torch.testing.assert_close(teacher_forced(wide), teacher_forced(network), rtol=1e-12, atol=1e-12)
    names = [name for name, _ in network.named_parameters()]
    assert sum(wide.get_parameter(name).numel() for name in names) > sum(p.numel() for p in network.parameters())


@fitting
def test_every_new_unit_learns(options: dict[str, Any]) -> None:
    """After two updates (new units are read after the first) no weight of one is what it was."""
    wide = wider(tiny_network(options))
    before = {name: parameter.detach().clone() for name, parameter in wide.named_parameters()}
    optimizer = torch.optim.Adam(wide.parameters(), lr=1e-2)
    for _update in range(2):
        optimizer.zero_grad()
        loss = F.cross_entropy(teacher_forced(wide).flatten(0, 1), torch.tensor([4, 5, 6, 7, 8, 9]))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for name, parameter in wide.named_parameters():
        changed = parameter != before[name]
        if name in ("source_embedding.weight", "target_embedding.weight"):  # a row is a piece, a column a unit
            changed = changed.T
        assert changed.flatten(1).any(dim=1).all() if changed.dim() > 1 else changed.all(), name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": "dot"}, r"network\.attention: 'dot' reads new units"),
        ({"encoder": EncoderConfig(direction="bidirectional")}, r"network\.encoder: only a network whose encoder is"),
    ],
)
def test_what_cannot_be_made_wider_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        wider(tiny_network(options), hidden=12)
