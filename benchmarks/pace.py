"""How long does who is live wait for a step while many sources come in, encoded in parts or all at once?

Some segments run; then others come, as many as there are slots for and a few more. Both ways are taken in turn on
decoders of their own, and find the same. Times are of the processor, one thread, so that a machine with other work to
do does not count. The last line is one JSON object: milliseconds of a step before they come, and while they are encoded
with what is encoded beside it, and until all are encoded; medians and ranges over the rounds. The fractions of the
limit are of that in benchmarks/limits.py, measured just before: of a step, and of encoding all at once with the steps
that were done meanwhile.

    python -m benchmarks.pace [--bundle FOLDER]
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.limits import limits_of
from benchmarks.measure import machine, spread
from benchmarks.work import BEAM, BEGIN, END, RESERVED, work_and_network
from model_store.decoding.backends.choice import open_backend
from model_store.decoding.encodings import Encoded, Encodings
from model_store.decoding.in_flight import InFlightDecoder
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Segment
from model_store.network.seq2seq import Seq2Seq

LONG_ENOUGH = 400  # tokens that the running ones write, so that none ends before all others are encoded


class _AtOnce(Encodings):
    """All sources of an admission in one part."""

    def of(self, segments: Sequence[Segment], rows: int) -> Generator[None, None, list[Encoded]]:
        return super().of(segments, sum(len(segment.source) for segment in segments))


@dataclass(frozen=True)
class Pace:
    """Milliseconds: of a step alone (median), the longest one beside the encoder, and until all were encoded. steps:
    how many were done until then."""

    step: float
    longest: float
    encoded: float
    steps: int


def opened(network: Seq2Seq, tokens: int, *, at_once: bool) -> InFlightDecoder:
    backend = open_backend(network, "auto", source_capacity=tokens)
    forbidden = torch.arange(RESERVED)  # the end too: all write as much as they may
    decoder = InFlightDecoder(backend, Vocabulary(BEGIN, END, forbidden), max_target_length=LONG_ENOUGH)
    if at_once:
        decoder.newcomers.encodings = _AtOnce(backend)
    return decoder


def pace(decoder: InFlightDecoder, running: Sequence[Segment], coming: Sequence[Segment]) -> Pace:
    """One round; the decoder is empty before and after."""
    tickets = decoder.admit(running)
    alone = []
    for _step in range(9):
        started = time.process_time()
        decoder.step()
        alone.append(time.process_time() - started)
    beside = []
    started = time.process_time()
    tickets += decoder.admit(coming)
    while True:
        decoder.step()
        beside.append(time.process_time() - started)
        if not decoder.encoding:
            break
        started = time.process_time()
    for ticket in tickets:
        decoder.cancel(ticket)
    return Pace(1000 * sorted(alone)[4], 1000 * max(beside), 1000 * sum(beside), len(beside))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, help="its network; else the reference network with random weights")
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--running", default="1,8", help="segments, one figure or several")
    parser.add_argument("--coming", type=int, default=24, help="segments")
    parser.add_argument("--tokens", type=int, default=60, help="of each source that comes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="a small network, to try the path")
    options = parser.parse_args()
    torch.set_num_threads(1)
    _work, network = work_and_network(options.bundle, options.vocabulary, small=options.small)
    rng = random.Random(1)

    def segments(count: int, tokens: int) -> list[Segment]:
        ids = range(RESERVED, network.config.vocabulary)
        return [Segment(tuple(rng.choices(ids, k=tokens)), LONG_ENOUGH, beam_size=BEAM) for _segment in range(count)]

    decoders = {way: opened(network, options.tokens, at_once=way == "at_once") for way in ("in_parts", "at_once")}
    counts = list(map(int, options.running.split(",")))
    config = network.config
    limits = limits_of(decoders["in_parts"].backend, config, BEAM * max(counts))
    results = []
    for count in counts:
        running, coming = segments(count, min(25, options.tokens)), segments(options.coming, options.tokens)
        found: dict[str, list[Pace]] = {way: [] for way in decoders}
        for number in range(options.rounds + 1):
            for way, decoder in decoders.items():
                measured = pace(decoder, running, coming)
                if number:  # the first one sets things up
                    found[way].append(measured)
        step_ms = 1000 * limits.step_s(config, count, len(running[0].source))
        read_ms = 1000 * limits.encode_s(config, options.coming, options.tokens)
        result: dict[str, object] = {"running": count}
        for way, paces in found.items():
            result[way] = {
                "step_ms": spread([each.step for each in paces]),
                "longest_step_ms": spread([each.longest for each in paces]),
                "all_encoded_ms": spread([each.encoded for each in paces]),
                "step_fraction_of_limit": spread([step_ms / each.step for each in paces]),
                "all_encoded_fraction_of_limit": spread(
                    [(read_ms + each.steps * step_ms) / each.encoded for each in paces]
                ),
            }
        results.append(result)
    what = {"coming": options.coming, "tokens": options.tokens, "beam": BEAM}
    print(json.dumps({"benchmark": "pace", "machine": machine(), **what, "paces": results}))


if __name__ == "__main__":
    main()
