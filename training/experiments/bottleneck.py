"""Rows 7 to 14 of the lecture: what one vector can hold, and what attention does about it.

Each network learns to copy random letters, so that nothing can be guessed, and is then asked for texts of each length.
Without attention all of a text has to fit into the decoder's first state (Bahdanau et al. 2015, figure 2); the
lecture's version 1 of attention, one mixture for all outputs, does not help; those that look at the data do.
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from model_store.config import Attention, NetworkConfig
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Segment
from model_store.network.seq2seq import Seq2Seq
from training.experiments.series import Figure, Series
from training.loss import smoothed_cross_entropy

logger = logging.getLogger("verso.experiment")

BOS, EOS, FIRST_LETTER = 2, 3, 4
VOCABULARY = 30
WIDTH = 96
BATCH = 64
LONGEST = 24
LENGTHS = (4, 8, 12, 16, 20, 24)
TEXTS = 200
STEPS = 3000
LEARNING_RATE = 3e-3
ATTENTIONS: tuple[Attention, ...] = ("none", "mean", "dot", "general", "additive")


def texts(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Random letters and EOS, int64, shape = (count, length + 1)."""
    letters = torch.randint(FIRST_LETTER, VOCABULARY, (count, length), generator=generator)
    return torch.cat((letters, torch.full((count, 1), EOS)), dim=1)


def train(attention: Attention, steps: int = STEPS) -> Seq2Seq:
    """One lstm layer each way, taught to copy texts of up to LONGEST letters."""
    torch.manual_seed(1)
    network = Seq2Seq(
        NetworkConfig(
            vocabulary=VOCABULARY,
            layers=1,
            hidden=WIDTH,
            embedding=WIDTH,
            dropout=0.0,
            attention=attention,
            tied_embeddings=False,
        )
    )
    optimizer = torch.optim.Adam(network.parameters(), betas=(0.9, 0.98), fused=True)
    generator = torch.Generator().manual_seed(0)
    projection = network.projection
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 100) * (1 - 0.95 * step / steps)
        source = texts(BATCH, int(torch.randint(2, LONGEST + 1, (), generator=generator)), generator)
        target_in = torch.cat((torch.full((BATCH, 1), BOS), source[:, :-1]), dim=1)
        readouts = network(source, torch.full((BATCH,), source.shape[1]), target_in).flatten(0, 1)
        loss, _plain = smoothed_cross_entropy(
            readouts, projection.weight, projection.bias, source.flatten(), smoothing=0.0
        )
        optimizer.zero_grad()
        torch.autograd.backward(loss / source.numel())
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    logger.info("attention %s: loss of the last batch %.4f nats a token", attention, loss.item() / source.numel())
    return network.eval()


def share_copied(network: Seq2Seq, length: int) -> float:
    """Share of TEXTS fresh texts of `length` letters that beam search copies without a mistake."""
    forbidden = torch.tensor([id_ for id_ in range(FIRST_LETTER) if id_ != EOS])
    decoder = InFlightDecoder(
        EagerBackend(network, source_capacity=LONGEST + 1),
        Vocabulary(BOS, EOS, forbidden),
        max_target_length=LONGEST + 2,
    )
    rows = texts(TEXTS, length, torch.Generator().manual_seed(99 + length))
    sources = [tuple(row.tolist()) for row in rows]
    found = decode(decoder, [Segment(source, max_length=length + 2) for source in sources])
    return sum(best.tokens == sources[index][:-1] for index, (best, *_others) in found) / TEXTS


def measure(steps: int = STEPS) -> Figure:
    """All kinds of attention in turn; a minute or two each on one CPU core."""
    series = []
    for attention in ATTENTIONS:
        network = train(attention, steps)
        shares = tuple(share_copied(network, length) for length in LENGTHS)
        logger.info("attention %s: copied %s of lengths %s", attention, shares, LENGTHS)
        series.append(Series(f"attention = {attention}", tuple(map(float, LENGTHS)), shares))
    return Figure(
        "bottleneck",
        f"Copying random letters: lstm {WIDTH} wide, {steps} updates",
        "letters",
        "share copied without a mistake, beam of 4",
        tuple(series),
    )
