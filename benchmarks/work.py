"""The work that is measured: sources of 5 to 40 random tokens, targets forced to 20, the reference network, beam 4."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch

from model_store.bundle import load_bundle
from model_store.config import NetworkConfig
from model_store.decoding.backends.choice import open_backend
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.backends.threads import Threads
from model_store.decoding.in_flight import InFlightDecoder
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Segment
from model_store.decoding.shortlist import Shortlist
from model_store.network.seq2seq import Seq2Seq
from model_store.translations import Translations

SHORTEST, LONGEST = 5, 40
TARGET_TOKENS = 20
BEAM = 4
VARIED = 3.0  # by what the weights of a fresh network are multiplied; else all targets are made of a dozen tokens
COMMON = 100  # ids of every shortlist
RESERVED = 4  # ids of padding, unknown, begin and end, none of which is ever written
BEGIN, END = 2, 3
IN_FLIGHT = (1, 8, 32, 128, 512)  # sentences that are decoded side by side, unless a benchmark is told otherwise
SENTENCES = {
    1: 70,  # in three rounds enough of them that p99 is not the longest time
    8: 64,
    32: 256,
    128: 256,
    512: 1024,
    2048: 8192,
}  # how many are translated, by how many are in flight


@dataclass(frozen=True)
class Work:
    """A network and what it is to decode; sources in tokens."""

    config: NetworkConfig
    sources: tuple[tuple[int, ...], ...]

    @property
    def mean_source(self) -> float:
        """Tokens."""
        return sum(map(len, self.sources)) / len(self.sources)

    def part(self, number: int, count: int) -> tuple[tuple[int, ...], ...]:
        """The sentences of a round: others than in the round before, so that nothing of them is kept from there; from
        the start again when there are no more."""
        return tuple(islice(cycle(self.sources), number * count, (number + 1) * count))


def measured_work(*, sentences: int = 256, vocabulary: int = 32_000, small: bool = False) -> Work:
    """4+4 LSTM layers of 1000, general attention, reversed source; `small`: a network to try the path with."""
    config = (
        NetworkConfig(vocabulary=500, layers=2, hidden=64, embedding=64)
        if small
        else NetworkConfig(vocabulary=vocabulary)
    )
    return Work(config, random_sources(config.vocabulary, min(sentences, 32) if small else sentences))


def work_and_network(bundle: Path | None, vocabulary: int, *, small: bool) -> tuple[Work, Seq2Seq]:
    """The reference network with random weights, or a bundle's own, with as many sentences as any benchmark takes."""
    most = max(SENTENCES.values())
    if bundle is None:
        work = measured_work(sentences=most, vocabulary=vocabulary, small=small)
        return work, random_network(work.config)
    network = load_bundle(bundle).network()
    return Work(network.config, random_sources(network.config.vocabulary, most)), network


def random_sources(vocabulary: int, count: int) -> tuple[tuple[int, ...], ...]:
    """The same for the same arguments, on every machine."""
    rng = random.Random(1)
    return tuple(
        tuple(rng.randrange(RESERVED, vocabulary) for _token in range(rng.randint(SHORTEST, LONGEST)))
        for _sentence in range(count)
    )


def random_network(config: NetworkConfig) -> Seq2Seq:
    """A network with weights from a fixed seed, so large that its targets are as varied as text."""
    torch.manual_seed(1)
    network = Seq2Seq(config).eval()
    with torch.no_grad():
        for weight in (*network.encoder.parameters(), *network.decoder.parameters()):
            weight.mul_(VARIED)
    return network


def random_shortlist(vocabulary: int, candidates: int) -> Shortlist:
    """About as many candidates for a source of mean length, a hundred of them the same for all."""
    rng = np.random.default_rng(1)
    each = (candidates - COMMON) * 2 // (SHORTEST + LONGEST)
    table = Translations(
        rng.integers(RESERVED, vocabulary, COMMON),
        np.arange(vocabulary + 1) * each,
        rng.integers(RESERVED, vocabulary, vocabulary * each),
    )
    # Sources of this work begin with any token, not with that of a language.
    return Shortlist(dict.fromkeys(range(vocabulary), table), forbidden=range(RESERVED), eos=END)


def open_forced(
    backend: Backend, *, sentences: int, beam: int = BEAM, shortlist: Shortlist | None = None
) -> InFlightDecoder:
    """A decoder with slots for that many sentences, which never writes the end: every target has its full length."""
    device = backend.empty(1, 1)[0].mask.device
    return InFlightDecoder(
        backend,
        Vocabulary(bos=BEGIN, eos=END, forbidden=torch.arange(RESERVED, device=device), shortlist=shortlist),
        max_target_length=TARGET_TOKENS,
        max_rows=sentences * beam,
    )


def open_forced_work(
    threads: Threads,
    *,
    bundle: Path | None,
    vocabulary: int,
    small: bool,
    sentences: int,
    beam: int,
    candidates: int | None,
) -> InFlightDecoder:
    """A decoder of `open_forced` in another process, in 8-bit integers. candidates: of a random shortlist, if any."""
    _work, network = work_and_network(bundle, vocabulary, small=small)
    backend = open_backend(network, "int8", source_capacity=LONGEST, threads=threads)
    shortlist = random_shortlist(backend.vocabulary, candidates) if candidates else None
    return open_forced(backend, sentences=sentences, beam=beam, shortlist=shortlist)


def forced_segments(sources: tuple[tuple[int, ...], ...], *, beam: int = BEAM) -> list[Segment]:
    """For a decoder of `open_forced`."""
    return [Segment(source, max_length=TARGET_TOKENS, beam_size=beam) for source in sources]
