"""How fast is the decoder: one sentence at a time, and with 8, 32, 128, 512 sentences in flight?

    python -m benchmarks.decoding [--backend int8] [--threads 2] [--processes 2] [--in-flight 1,8,32,128,512]
    python -m benchmarks.decoding --device cuda --in-flight 1,32,128,512,2048

Targets are forced to 20 tokens; see benchmarks/work.py. The fraction of the limit is of that in benchmarks/limits.py
for the numbers that the backend computes in, measured just before; with --shortlist, of a vocabulary as large as the
mean list.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import torch

from benchmarks.limits import CPU, limits_of, listing, report
from benchmarks.measure import machine, percentiles, rounded, seconds, spread
from benchmarks.work import (
    BEAM,
    IN_FLIGHT,
    LONGEST,
    SENTENCES,
    TARGET_TOKENS,
    Work,
    forced_segments,
    open_forced,
    open_forced_work,
    random_shortlist,
    work_and_network,
)
from model_store.decoding.backends.choice import BackendName, Precision, open_backend
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.decoder import Decoder
from model_store.decoding.in_flight import decode
from model_store.decoding.processes.group import DecoderProcesses
from model_store.decoding.segment import Segment
from model_store.decoding.shortlist import Shortlist


def sentence_ms(decoder: Decoder, segments: list[Segment]) -> list[float]:
    """How long each takes alone."""
    return [1e3 * seconds(partial(deque, decode(decoder, [segment]), maxlen=0)) for segment in segments]


def tokens_per_s(decoder: Decoder, segments: list[Segment]) -> float:
    """Target tokens of the best hypotheses, with all slots in use for as long as there are more sentences."""
    started = time.perf_counter()
    tokens = sum(len(best.tokens) for _index, (best, *_others) in decode(decoder, segments))
    return tokens / (time.perf_counter() - started)


def opened(backend: Backend, in_flight: int, shortlist: Shortlist | None, options: argparse.Namespace) -> Decoder:
    """A decoder with slots for that many sentences, in this process or in several, which share them."""
    if options.processes == 1:
        return open_forced(backend, sentences=in_flight, beam=options.beam, shortlist=shortlist)
    opener = partial(
        open_forced_work,
        bundle=options.bundle,
        vocabulary=options.vocabulary,
        small=options.small,
        sentences=-(-in_flight // options.processes),
        beam=options.beam,
        candidates=options.shortlist,
    )
    return DecoderProcesses(opener, processes=options.processes, cores=options.threads)


def measured(
    backend: Backend, work: Work, shortlist: Shortlist | None, options: argparse.Namespace
) -> dict[str, object]:
    """By sentences in flight: tokens a second over the rounds; for one, milliseconds a sentence as well."""
    beam = options.beam
    decoders = {in_flight: opened(backend, in_flight, shortlist, options) for in_flight in options.in_flight}
    rates: dict[int, list[float]] = {in_flight: [] for in_flight in options.in_flight}
    alone: list[float] = []
    for number in range(options.rounds + 1):
        for in_flight, found in rates.items():
            segments = forced_segments(work.part(number, SENTENCES[in_flight]), beam=beam)
            if in_flight == 1:
                took = sentence_ms(decoders[in_flight], segments)
                rate = 1e3 * TARGET_TOKENS * len(took) / sum(took)
            else:
                took, rate = [], tokens_per_s(decoders[in_flight], segments)
            if number:  # the first round only warms up
                found.append(rate)
                alone += took
    result: dict[str, object] = {"target_tokens_per_s": {str(each): spread(found) for each, found in rates.items()}}
    return {**result, "sentence_ms": percentiles(alone)} if alone else result


def fractions(result: dict[str, object], limits: dict[str, object]) -> dict[str, float]:
    """What part of the limit each figure reached."""
    rates, most = result["target_tokens_per_s"], limits["target_tokens_per_s"]
    assert isinstance(rates, dict)
    assert isinstance(most, dict)
    return {in_flight: rounded(found["median"] / most[in_flight]) for in_flight, found in rates.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", type=torch.device, default=CPU)
    parser.add_argument("--backend", choices=get_args(BackendName), default="auto")
    parser.add_argument("--precision", choices=get_args(Precision), default="float16", help="of cuda_graph")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--processes", type=int, default=1, help="on a CPU, with 8-bit integers")
    parser.add_argument("--in-flight", type=lambda text: [int(each) for each in text.split(",")], default=IN_FLIGHT)
    parser.add_argument("--beam", type=int, default=BEAM)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--shortlist", type=int, help="so many candidates a sentence instead of the whole vocabulary")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bundle", type=Path, help="a bundle's network and vocabulary instead")
    parser.add_argument("--small", action="store_true", help="a small network, to try the path")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    work, network = work_and_network(options.bundle, options.vocabulary, small=options.small)
    device: torch.device = options.device
    opened_s = time.perf_counter()
    backend = open_backend(network.to(device), options.backend, source_capacity=LONGEST, precision=options.precision)
    opened_s = time.perf_counter() - opened_s
    shortlist = random_shortlist(backend.vocabulary, options.shortlist) if options.shortlist else None
    least = replace(work, config=listing(work.config, shortlist, work.sources))
    most = limits_of(backend, least.config, options.beam * max(options.in_flight), device)
    limits = report(most, least, tuple(options.in_flight), options.beam)
    result = measured(backend, work, shortlist, options)
    print(
        json.dumps(
            {
                "benchmark": "decoding",
                "machine": machine(device),
                "network": work.config.model_dump(include={"cell", "layers", "hidden", "vocabulary"}),
                "backend": type(backend).__name__,
                "processes": options.processes,
                "backend_opened_s": rounded(opened_s),
                "beam": options.beam,
                "shortlist": options.shortlist,
                **result,
                "limits": limits,
                "fraction_of_limit": fractions(result, limits),
            }
        )
    )


if __name__ == "__main__":
    main()
