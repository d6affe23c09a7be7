"""Every combination of cell, encoder, attention and input feeding that a network can be built from, very small.

Legend: B batch, S source length, T target length, V vocabulary, H hidden, E embedding.
"""

from __future__ import annotations

from itertools import product
from typing import get_args

import torch
from torch import Tensor

from model_store.config import Attention, Cell, DecoderConfig, EncoderConfig, NetworkConfig
from model_store.network.seq2seq import Seq2Seq

VOCABULARY = 11
CELLS: tuple[Cell, ...] = get_args(Cell)
ATTENTIONS: tuple[Attention, ...] = get_args(Attention)
ENCODERS = (
    EncoderConfig(direction="reversed"),
    EncoderConfig(direction="forward"),
    EncoderConfig(direction="bidirectional"),
    EncoderConfig(kind="self_attention", heads=2),
)
FLAGS = tuple(product((False, True), repeat=4))


def _every_configuration() -> tuple[NetworkConfig, ...]:
    """156 of them. Residual, tied, width and window go through their 16 combinations meanwhile: 16 and the 13 pairs of
    attention and feeding have no common divisor, so every pair meets twelve of them, and not the same ones."""
    configs: list[NetworkConfig] = []
    for cell, encoder, attention, feeding in product(CELLS, ENCODERS, ATTENTIONS, (False, True)):
        if feeding and attention == "none":
            continue
        residual, tied, narrow, windowed = FLAGS[len(configs) % len(FLAGS)]
        configs.append(
            NetworkConfig(
                vocabulary=VOCABULARY,
                cell=cell,
                layers=2,
                hidden=6,
                embedding=4 if narrow else 6,
                encoder=encoder,
                decoder=DecoderConfig(input_feeding=feeding),
                attention=attention,
                embedding_window=3 if windowed and attention != "none" else 0,
                residual=residual,
                dropout=0.2,
                tied_embeddings=tied,
                positions=8,
            )
        )
    return tuple(configs)


CONFIGURATIONS = _every_configuration()


def config_id(config: NetworkConfig) -> str:
    """As pytest shows it: "lstm-reversed-general-feed-residual-tied"."""
    encoder = config.encoder
    parts = [config.cell, encoder.direction if encoder.kind == "recurrent" else "self", config.attention]
    parts += ["feed"] * config.decoder.input_feeding + ["residual"] * config.residual
    parts += ["tied"] * config.tied_embeddings + ["narrow"] * (config.embedding != config.hidden)
    parts += ["windowed"] * (config.embedding_window > 0)
    return "-".join(parts)


def build(config: NetworkConfig, *, seed: int = 0) -> Seq2Seq:
    """In float64 and evaluation mode, with weights so large that no part of the function is next to linear."""
    torch.manual_seed(seed)
    network = Seq2Seq(config).to(torch.float64).eval()
    with torch.no_grad():
        network.source_embedding.weight.mul_(10.0)
        if not config.tied_embeddings:
            network.target_embedding.weight.mul_(10.0)
        network.projection.bias.normal_()
        table = getattr(network.decoder.attention, "table", None)
        if table is not None:
            table.normal_()
    return network


def ids(rows: int, length: int, *, seed: int = 1) -> Tensor:
    """Random ids, int64, shape = (rows, length)."""
    return torch.randint(VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(seed))
