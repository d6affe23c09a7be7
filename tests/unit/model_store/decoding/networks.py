"""Tiny random networks and decoders over them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import product
from typing import Any, TypeVar, cast, get_args

import pytest
import torch

from model_store.config import Attention, Cell, DecoderConfig, EncoderConfig, NetworkConfig
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Backend, Readout, Rows
from model_store.decoding.in_flight import InFlightDecoder
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.shortlist import Shortlist
from model_store.decoding.spellings import Spellings
from model_store.network.attention import PositionalAttention
from model_store.network.seq2seq import Seq2Seq

T = TypeVar("T")
PAD, BOS, EOS = 0, 2, 3
FORBIDDEN = (PAD, 1, BOS)
# Of the ids of a vocabulary of 24: words of one letter, of two that others begin with, and what goes on with a word.
_WORDS = ["", "", "", "", *(f"\u2581{word}" for word in ("a", "b", "c", "ab", "abc", "aba", "ba", "bab"))]
_WORDS += ["a", "b", "c", "ab", "bc", "!", "?", "!?"]
SPELLED = tuple(word.encode() for word in _WORDS) + tuple(bytes([byte]) for byte in "\u2581".encode()) + (b"1",)


def tiny_network(
    *,
    vocabulary: int = 24,
    hidden: int = 8,
    embedding: int | None = None,
    tied: bool = True,
    layers: int = 2,
    cell: Cell = "lstm",
    attention: Attention = "general",
    encoder: EncoderConfig | None = None,
    input_feeding: bool = False,
    embedding_window: int = 0,
    eos_bias: float = 2.5,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> Seq2Seq:
    """Random weights so peaked that targets differ from source to source, are of all lengths, and often do not end."""
    torch.manual_seed(seed)
    network = Seq2Seq(
        NetworkConfig(
            vocabulary=vocabulary,
            cell=cell,
            layers=layers,
            hidden=hidden,
            embedding=embedding or hidden,
            tied_embeddings=tied,
            encoder=encoder or EncoderConfig(),
            decoder=DecoderConfig(input_feeding=input_feeding),
            attention=attention,
            embedding_window=embedding_window,
            positions=32,
        )
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2.0)
        network.source_embedding.weight.mul_(20.0)  # tied, so next-token probabilities are peaked
        network.projection.bias[EOS] = eos_bias
        if isinstance(network.decoder.attention, PositionalAttention):
            network.decoder.attention.table.uniform_()  # else it is the same at every position
    return network.to(dtype).eval()


# Each cell with each attention, fed or not; each encoder; no attention at all; and odd widths.
NETWORKS: list[dict[str, Any]] = [
    *(
        {"cell": cell, "attention": attention, "input_feeding": feeding, "seed": 1}
        for cell, attention, feeding in product(get_args(Cell), get_args(Attention), (False, True))
        if attention != "none"
    ),
    {"encoder": EncoderConfig(direction="forward"), "seed": 2},
    {"encoder": EncoderConfig(direction="bidirectional"), "seed": 2},
    {"encoder": EncoderConfig(kind="self_attention"), "seed": 2},
    {"attention": "none", "seed": 4},
    {"embedding_window": 3, "seed": 5},
    {"attention": "dot", "embedding_window": 1, "embedding": 10, "seed": 5},
    {"hidden": 37, "seed": 3},
    {"hidden": 24, "embedding": 10, "tied": False, "input_feeding": True, "seed": 3},
]
every_network = pytest.mark.parametrize(
    "options", NETWORKS, ids=lambda options: "-".join(str(value) for value in options.values())
)


def teacher_forced(network: Seq2Seq) -> torch.Tensor:
    """The logits of some targets for their sources."""
    source, lengths = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0]]), torch.tensor([4, 2])
    target = torch.tensor([[2, 11, 12], [2, 13, 14]])
    return network.projection(network(source, lengths, target))  # type: ignore[no-any-return]


def open_tiny(
    network: Seq2Seq,
    *,
    max_rows: int = 24,
    source_capacity: int = 12,
    max_target_length: int = 16,
    encode_ahead: int = 3,
    backend: Backend | None = None,
    shortlist: Shortlist | None = None,
    spelled: Sequence[bytes] = SPELLED,
) -> InFlightDecoder:
    """A decoder with few slots, so that small tests fill and refill them."""
    backend = backend or EagerBackend(network, source_capacity=source_capacity)
    forbidden = torch.tensor(FORBIDDEN, device=backend.empty(1, 1)[0].mask.device)
    return InFlightDecoder(
        backend,
        Vocabulary(BOS, EOS, forbidden, Spellings(spelled), shortlist),
        max_target_length=max_target_length,
        max_rows=max_rows,
        encode_ahead=encode_ahead,
    )


def result_of(parts: Generator[None, None, T]) -> T:
    """What comes of all parts."""
    while True:
        try:
            next(parts)
        except StopIteration as end:
            return cast("T", end.value)


@torch.inference_mode()
def check_rows(backend: Backend) -> None:
    """That a step of some of the hypotheses comes to what a step of all of them comes to there, bit by bit, and beside
    slots of another width too."""
    slots, width = 5, 4
    memory, state = result_of(backend.encode([tuple(range(4, 6 + slot)) for slot in range(slots)], 1000))
    state = state.rows(torch.arange(slots).repeat_interleave(width))
    state.hidden.add_(torch.randn(state.hidden.shape, generator=torch.Generator().manual_seed(1)))
    tokens = torch.arange(slots * width).view(slots, width) + 4
    positions = torch.arange(slots)
    rows = torch.tensor([0, 4, 5, 6, 8, 13, 16, 17, 18, 19])
    (whole,) = backend.step([Rows(tokens, memory, state, positions)])
    some = Rows(tokens, memory, state.rows(rows), positions, rows)
    wider = Rows(
        torch.arange(2 * 8).view(2, 8), memory.of(2, 12), state.rows(torch.arange(15, -1, -1)), torch.tensor([3, 0])
    )
    (alone,) = backend.step([wider])
    for step in (backend.step([some])[0], backend.step([wider, some])[1]):
        _check_part(step, whole, rows)
    beside = backend.step([wider, some])[0]
    assert torch.equal(beside.readout, alone.readout)
    assert torch.equal(beside.state.hidden, alone.state.hidden)


def _check_part(part: Readout, whole: Readout, rows: torch.Tensor) -> None:
    assert torch.equal(part.readout.flatten(0, 1)[rows], whole.readout.flatten(0, 1)[rows])
    assert torch.equal(part.state.hidden, whole.state.hidden[:, :, rows])
    assert (part.state.feed is None) == (whole.state.feed is None)
    if part.state.feed is not None and whole.state.feed is not None:
        assert torch.equal(part.state.feed, whole.state.feed[rows])
    assert part.weights is not None
    assert whole.weights is not None
    assert torch.equal(part.weights.flatten(0, 1)[rows], whole.weights.flatten(0, 1)[rows])
