"""How does the decoder's rate follow the length of sources, beam width and vocabulary; what does a slot take?

    python -m benchmarks.scaling [--threads 1] [--in-flight 32] [--rounds 3] [--cpu-clock]

One thing is changed at a time, beside the reference work: sources of 20 tokens, beam 4, vocabulary 32,000. Rounds go
over all of it in turn. The last line is one JSON object; bytes of a slot: its memory, beam and hypotheses' states. The
fraction of the limit is of that in benchmarks/limits.py, measured just before the rounds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import median

import torch
from torch import Tensor

from benchmarks.limits import limits_of
from benchmarks.measure import machine, rounded, spread
from benchmarks.work import BEAM, RESERVED, TARGET_TOKENS, forced_segments, open_forced, random_network
from model_store.config import NetworkConfig
from model_store.decoding.backends.choice import open_backend
from model_store.decoding.in_flight import InFlightDecoder, decode

SOURCES, BEAMS, VOCABULARIES = (5, 10, 20, 40, 80, 160), (1, 2, 4, 8), (8_000, 16_000, 32_000)


@dataclass(frozen=True)
class Setting:
    """source: tokens."""

    source: int = 20
    beam: int = BEAM
    vocabulary: int = max(VOCABULARIES)


def settings() -> Iterator[Setting]:
    """The reference and whatever differs from it in one thing."""
    reference = Setting()
    yield reference
    for field, values in (("source", SOURCES), ("beam", BEAMS), ("vocabulary", VOCABULARIES)):
        yield from (each for value in values if (each := replace(reference, **{field: value})) != reference)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu-clock", action="store_true", help="time by the processor, for a machine with other work")
    parser.add_argument("--small", action="store_true", help="a small network, to try the path")
    options = parser.parse_args()
    if options.cpu_clock and options.threads > 1:
        parser.error("--cpu-clock: counts the time of all threads together; allowed: with --threads 1")
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.cpu_clock else time.perf_counter
    every = tuple(settings())
    rates: dict[Setting, list[float]] = {each: [] for each in every}
    slots: dict[Setting, int] = {}
    limits: dict[Setting, float] = {}
    for vocabulary in VOCABULARIES:
        size = 64 if options.small else 1000
        config = NetworkConfig(vocabulary=vocabulary, hidden=size, embedding=size)
        backend = open_backend(random_network(config), "auto", source_capacity=max(SOURCES))
        most = limits_of(backend, config, max(BEAMS) * options.in_flight)
        own = [each for each in every if each.vocabulary == vocabulary]
        limits |= {each: most.tokens_per_s(config, options.in_flight, each.source, beam=each.beam) for each in own}
        for number in range(options.rounds + 1):
            for each in own:
                decoder = open_forced(backend, sentences=options.in_flight, beam=each.beam)
                rate = tokens_per_s(decoder, each, 2 * options.in_flight, number, clock)
                slots[each] = slot_bytes(decoder)
                rates[each] += [rate] if number else []  # the first round only warms up
    rows = [
        {
            **vars(each),
            "target_tokens_per_s": spread(rates[each]),
            "fraction_of_limit": rounded(median(rates[each]) / limits[each]),
            "slot_bytes": slots[each],
        }
        for each in every
    ]
    told = {"benchmark": "scaling", "machine": machine(), "backend": type(backend).__name__}
    print(json.dumps({**told, "cpu_clock": options.cpu_clock, "in_flight": options.in_flight, "rows": rows}))


def tokens_per_s(
    decoder: InFlightDecoder, setting: Setting, sentences: int, seed: int, clock: Callable[[], float]
) -> float:
    """Target tokens of the best hypotheses."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(RESERVED, setting.vocabulary, (sentences, setting.source), generator=generator)
    segments = forced_segments(tuple(map(tuple, ids.tolist())), beam=setting.beam)
    started = clock()
    assert sum(1 for _each in decode(decoder, segments)) == sentences
    return sentences * TARGET_TOKENS / (clock() - started)


def slot_bytes(decoder: InFlightDecoder) -> int:
    """Of one slot of a decoder that has had all of its slots in use, and one beam width only."""
    (block,) = decoder._blocks.values()
    held = [*vars(block.memory).values(), *vars(block.beams).values()]
    slots = len(block.memory.mask)
    state = decoder.backend.empty(1, block.width)[1].hidden
    return sum(each.nbytes for each in held if isinstance(each, Tensor)) // slots + state.nbytes


if __name__ == "__main__":
    main()
