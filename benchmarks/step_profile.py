"""Where does a step's time go: matrix products, attention, choosing among the vocabulary, bookkeeping?

    python -m benchmarks.step_profile [--backend int8] [--threads 2] [--in-flight 32]

Parts are timed by wrapping what the decoder calls, so that nested parts are taken out of what they lie in. The work is
that of benchmarks/work.py. The fraction of the limit is of that in benchmarks/limits.py, measured just before.
Microseconds are of a step in the mean, encoding and admission too; the rest is what no part has. Page faults: how often
the decoder touched memory that it did not have before.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import torch

from benchmarks.limits import limits_of
from benchmarks.measure import machine, rounded, seconds
from benchmarks.work import BEAM, LONGEST, forced_segments, open_forced, work_and_network
from model_store.decoding import block, hypotheses, in_flight
from model_store.decoding.backends import int8, int8_kernels, int8_linear
from model_store.decoding.backends.choice import BackendName, open_backend
from model_store.decoding.backends.simd import attention, layers, linear
from model_store.network.attention import Attention


class Clock:
    """Time by part, each without the parts inside it."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = defaultdict(float)
        self._inside: list[float] = []
        self._wrapped: list[tuple[object, str, Any]] = []

    def wrap(self, owner: object, name: str, part: str | Callable[..., str]) -> None:
        """Time `owner.name` as `part`, which may follow from its arguments."""
        function = getattr(owner, name)

        def timed(*args: Any, **options: Any) -> Any:
            label = part if isinstance(part, str) else part(*args)
            started = time.perf_counter()
            self._inside.append(0.0)
            try:
                return function(*args, **options)
            finally:
                took = time.perf_counter() - started
                self.taken[label] += took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        self._wrapped.append((owner, name, function))
        setattr(owner, name, timed)

    def unwrap(self) -> None:
        """Time nothing any more."""
        for owner, name, function in reversed(self._wrapped):
            setattr(owner, name, function)


def linear_part(layer: int8_linear.Int8Linear, _x: object) -> str:
    """Which matrix product, by its output columns."""
    return f"product to {len(layer._scale)}"


@contextmanager
def watched() -> Iterator[Clock]:
    """A clock on everything that decoding calls."""
    clock = Clock()
    clock.wrap(int8_linear.Int8Linear, "__call__", linear_part)
    clock.wrap(linear.Linear, "__call__", lambda layer, _x: f"product to {layer._outputs}")
    clock.wrap(layers.Stack, "step", "cells")
    clock.wrap(layers.Stack, "sequence", "encoder cells")
    clock.wrap(int8.Int8Backend, "step", "gates, embedding and the rest of the network")
    clock.wrap(in_flight.InFlightDecoder, "_encode", "encoder")
    for attending in (attention.DotProducts, int8_kernels.TorchAttention):
        clock.wrap(attending, "__call__", "attention")
    clock.wrap(Attention, "forward", "attention")
    clock.wrap(int8.Int8Backend, "best", "choosing among the vocabulary")
    clock.wrap(int8.Int8Backend, "best_among", "candidates of a shortlist")
    clock.wrap(hypotheses.Beams, "extend", "beams")
    clock.wrap(block.Block, "admit", "admission")
    clock.wrap(block.Block, "take", "slots, reordering")
    clock.wrap(in_flight.InFlightDecoder, "step", "decoder")
    clock.wrap(in_flight.InFlightDecoder, "admit", "decoder")
    try:
        yield clock
    finally:
        clock.unwrap()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=get_args(BackendName), default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--sentences", type=int, default=64)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--bundle", type=Path, help="a bundle's network and vocabulary instead")
    parser.add_argument("--small", action="store_true", help="a small network, to try the path")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    work, network = work_and_network(options.bundle, options.vocabulary, small=options.small)
    backend = open_backend(network, options.backend, source_capacity=LONGEST)
    decoder = open_forced(backend, sentences=options.in_flight)
    warm, segments = (forced_segments(work.part(number, options.sentences)) for number in range(2))
    list(in_flight.decode(decoder, warm))
    source = sum(len(each.source) for each in segments) / len(segments)
    most = limits_of(backend, work.config, BEAM * options.in_flight)
    least_s = most.all_s(work.config, len(segments), options.in_flight, source)
    with watched() as clock:
        steps, faults = decoder.steps(0), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        took = seconds(lambda: list(in_flight.decode(decoder, segments)))
        steps = decoder.steps(0) - steps
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    parts = dict(sorted(clock.taken.items(), key=lambda item: -item[1]))
    parts["the rest"] = took - sum(parts.values())
    print(
        json.dumps(
            {
                "benchmark": "step_profile",
                "machine": machine(),
                "backend": type(backend).__name__,
                "in_flight": options.in_flight,
                "seconds": rounded(took),
                "fraction_of_limit": rounded(least_s / took),
                "page_faults": faults,
                "steps": steps,
                "us_a_step": rounded(1e6 * took / steps),
                "us_a_step_by_part": {part: rounded(1e6 * each / steps) for part, each in parts.items()},
                "share_by_part": {part: rounded(each / took) for part, each in parts.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
