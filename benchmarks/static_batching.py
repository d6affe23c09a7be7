"""What does decoding in flight give over static batches, with the same decoder and on real sentences?

    python -m benchmarks.static_batching [FOLDER] [--threads 2] [--slots 32]

FOLDER holds test/NAME.en-ru.tsv[.xz], English on the left, for NAME tatoeba and newstest2017; without it, the sentences
of this repository's documentation are translated. The shipped translate-en-ru stops where it wants to stop.

Sentences are admitted when a number of slots is free: 1 is decoding in flight, all of them static batching, and
between them sentences are encoded several at a time. Offline, all sentences wait from the start, in random order or
longest first. Online, they arrive at random (Poisson) at loads given as shares of the static rate, on a clock that
advances by what each step really took, so that nobody waits for idle time to pass; with --cpu-clock by the processor
time it took, which other processes disturb less (one thread only). Latency counts from arrival to the last token.

The fraction of the limit is of that in benchmarks/limits.py, for sentences of the mean source and target that take no
more steps than their targets have tokens, with all slots in use: measured just before.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch

from benchmarks.limits import limits_of
from benchmarks.measure import machine, percentile, percentiles, rounded, spread
from benchmarks.shipped import newest_translator
from benchmarks.texts import english
from model_store.bundle import Bundle, load_bundle
from model_store.decoding.backends.choice import BackendName, open_backend
from model_store.decoding.in_flight import ENCODE_AHEAD, InFlightDecoder
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Segment

LOADS = (0.5, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4)
Clock = Callable[[], float]


@dataclass(frozen=True)
class Run:
    """took_s: from the first arrival to the last token. latency_s: of each sentence, in the order of finishing.
    admission_s: what of took_s went into encoding and admission. tokens: of all targets, their ends counted."""

    took_s: float
    admission_s: float
    latency_s: tuple[float, ...]
    tokens: int


def segments_of(bundle: Bundle, texts: list[str], decoder: InFlightDecoder) -> list[Segment]:
    """As the service makes them, but for the way back; what is longer than a slot is left out."""
    decoding = bundle.manifest.decoding
    sources = [bundle.tokenizer.source_ids(text, target_language="ru") for text in texts]
    return [
        Segment(
            source,
            max_length=min(decoding.max_length(len(source)), decoder.limits.target),
            beam_size=decoding.beam_size,
            length_penalty=decoding.length_penalty,
            horizon=decoding.horizon,
            pruning=decoding.pruning,
        )
        for source in sources
        if len(source) <= decoder.limits.source
    ]


@dataclass(frozen=True)
class Way:
    """How sentences are admitted. free_slots: how many must be free before anyone is. encode_ahead: as of the
    decoder."""

    free_slots: int
    encode_ahead: int


def run(decoder: InFlightDecoder, segments: list[Segment], arrivals_s: list[float], now: Clock, way: Way) -> Run:
    """Decode what arrives. arrivals_s: on the clock of the run, never falling."""
    decoder.encode_ahead = way.encode_ahead
    clock, admission, tokens, latency = 0.0, 0.0, 0, []
    waiting = deque(zip(arrivals_s, segments, strict=True))
    arrived: dict[int, float] = {}
    while waiting or decoder.live:
        if not decoder.live:
            clock = max(clock, waiting[0][0])
        started = now()
        room = decoder.room(segments[0].beam_size)
        batch: list[tuple[float, Segment]] = []
        while room >= way.free_slots and waiting and waiting[0][0] <= clock and len(batch) < room:
            batch.append(waiting.popleft())
        if batch:
            tickets = decoder.admit([segment for _arrival, segment in batch])
            arrived.update(zip(tickets, (arrival for arrival, _segment in batch), strict=True))
            admission += now() - started
        decoder.step()
        finished = decoder.collect()
        clock += now() - started
        latency += [clock - arrived.pop(ticket) for ticket, _hypotheses in finished]
        tokens += sum(len(best.tokens) + best.finished for _ticket, (best, *_others) in finished)
    return Run(clock, admission, tuple(latency), tokens)


def offline(
    decoder: InFlightDecoder,
    segments: list[Segment],
    ways: dict[str, Way],
    now: Clock,
    rounds: int,
    most: float,
) -> dict[str, dict[str, object]]:
    """Sentences a second when all wait from the start; in the order given, and longest first. most: their limit."""
    by_length = sorted(segments, key=lambda segment: len(segment.source), reverse=True)
    orders = {"": segments, "_by_length": by_length}
    runs: dict[str, list[Run]] = {name + order: [] for name in ways for order in orders}
    for _round in range(rounds):
        for order, ordered in orders.items():
            for name, way in ways.items():
                runs[name + order].append(run(decoder, ordered, [0.0] * len(ordered), now, way))
    return {
        name: {
            "sentences_per_s": spread([len(segments) / each.took_s for each in found]),
            "fraction_of_limit": spread([len(segments) / each.took_s / most for each in found]),
            "share_of_admission": spread([each.admission_s / each.took_s for each in found]),
            "over_static": spread([its.took_s / each.took_s for its, each in zip(runs["static"], found, strict=True)]),
        }
        for name, found in runs.items()
    }


def online(
    decoder: InFlightDecoder,
    segments: list[Segment],
    ways: dict[str, Way],
    now: Clock,
    full_rate: float,
    loads: Sequence[float],
) -> dict[str, dict[str, object]]:
    """Latencies at each load, a share of full_rate (sentences a second), with the same arrivals for all ways."""
    result: dict[str, dict[str, object]] = {}
    for load in loads:
        rng, clock, arrivals = random.Random(1), 0.0, []
        for _segment in segments:
            clock += rng.expovariate(load * full_rate)
            arrivals.append(clock)
        latencies = {name: run(decoder, segments, arrivals, now, way).latency_s for name, way in ways.items()}
        p95 = {name: percentile(found, 95) for name, found in latencies.items()}
        result[str(load)] = {
            "ms": {name: percentiles([1e3 * each for each in found]) for name, found in latencies.items()},
            "static_p95_over_this": {name: rounded(p95["static"] / found) for name, found in p95.items()},
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--bundle", type=Path, default=newest_translator(), help="default: the newest translate-en-ru")
    parser.add_argument("--backend", choices=get_args(BackendName), default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--slots", type=int, default=32, help="sentences in flight, and in a batch")
    parser.add_argument("--sentences", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loads", type=lambda text: [float(each) for each in text.split(",")], default=LOADS)
    parser.add_argument("--cpu-clock", action="store_true")
    options = parser.parse_args()
    if options.cpu_clock and options.threads > 1:
        parser.error("--cpu-clock: counts the time of all threads together; allowed: with --threads 1")
    now = time.process_time if options.cpu_clock else time.perf_counter
    torch.set_num_threads(options.threads)
    bundle = load_bundle(options.bundle)
    decoding, tokenizer = bundle.manifest.decoding, bundle.tokenizer
    backend = open_backend(bundle.network(), options.backend, source_capacity=decoding.max_source_length)
    decoder = InFlightDecoder(
        backend,
        Vocabulary(tokenizer.bos_id, tokenizer.eos_id, torch.tensor(sorted(tokenizer.control_ids))),
        max_target_length=decoding.max_length(decoding.max_source_length),
        max_rows=options.slots * decoding.beam_size,
    )
    segments = segments_of(bundle, english(options.folder, options.sentences), decoder)
    ways = {
        "in_flight": Way(1, ENCODE_AHEAD),
        "in_flight_encoding_one_by_one": Way(1, 0),
        "in_flight_by_8": Way(8, 0),
        "static": Way(options.slots, 0),
    }
    warm = run(decoder, segments, [0.0] * len(segments), now, ways["in_flight"])
    source, target = sum(len(each.source) for each in segments) / len(segments), warm.tokens / len(warm.latency_s)
    config = bundle.manifest.network
    limits = limits_of(backend, config, options.slots * decoding.beam_size)
    most = limits.tokens_per_s(config, options.slots, source, target, decoding.beam_size) / target
    all_at_once = offline(decoder, segments, ways, now, options.rounds, most)
    full = all_at_once["static"]["sentences_per_s"]
    assert isinstance(full, dict)
    print(
        json.dumps(
            {
                "benchmark": "static_batching",
                "machine": machine(),
                "bundle": bundle.manifest.reference,
                "backend": type(backend).__name__,
                "slots": options.slots,
                "sentences": len(segments),
                "mean_source_tokens": rounded(source),
                "limit_sentences_per_s": rounded(most),
                "offline": all_at_once,
                "online_by_load": online(decoder, segments, ways, now, full["median"], options.loads),
            }
        )
    )


if __name__ == "__main__":
    main()
