"""What can this machine do at most: matrix products in the shapes of a step, memory bandwidth, and what follows.

The limit of a step is, for each of its matrix products, the longer of two times: its operations at the best rate that
any shape reached, and its weights once from memory. Selection, gates and softmax count as nothing, so no decoder
reaches it; nor do products of embeddings with the first layers' weights, which can be kept (Devlin 2017). Bandwidth is
what a sum over an array far larger than the caches reads; weights that stay in a cache can be faster.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import torch
from torch import Tensor

from benchmarks.measure import fastest_s, machine, rounded
from benchmarks.work import BEAM, IN_FLIGHT, TARGET_TOKENS, Work, measured_work
from model_store.bundle import Bundle
from model_store.config import NetworkConfig
from model_store.decoding.backends.choice import BackendName, open_backend
from model_store.decoding.backends.int8 import best_kernels
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.shortlist import Shortlist

Numbers = Literal["fp32", "int8", "fp16"]
WEIGHT_BYTES: dict[Numbers, int] = {"fp32": 4, "int8": 1, "fp16": 2}
NUMBERS: dict[str, Numbers] = {"Int8Backend": "int8", "EagerBackend": "fp32", "CudaGraphBackend": "fp16"}
_ON_A_CPU: tuple[Numbers, ...] = ("fp32", "int8")
CPU = torch.device("cpu")
ROWS = (4, 32, 128, 512)
READ_BYTES = 2**29


@dataclass(frozen=True)
class Shape:
    """A matrix product of `rows` rows, from `inputs` to `outputs` columns."""

    inputs: int
    outputs: int

    def operations(self, rows: float) -> float:
        """Multiplications and additions."""
        return 2 * rows * self.inputs * self.outputs


@dataclass(frozen=True)
class Limits:
    """The machine's best: operations a second, bytes a second."""

    peak: float
    bandwidth: float
    weight_bytes: int
    memory_bytes: int = 4  # of an element of keys and values

    def product_s(self, shape: Shape, rows: float) -> float:
        """The least that a product takes."""
        return max(
            shape.operations(rows) / self.peak, shape.inputs * shape.outputs * self.weight_bytes / self.bandwidth
        )

    def step_s(self, config: NetworkConfig, sentences: int, source: float, beam: int = BEAM) -> float:
        """One decoder step of that many sentences, with keys and values of `source` tokens each read once."""
        products = sum(self.product_s(shape, sentences * beam) for shape in step_shapes(config))
        return products + 2 * self.memory_bytes * sentences * source * config.hidden / self.bandwidth

    def encode_s(self, config: NetworkConfig, sentences: int, source: float) -> float:
        """Reading the sources: all input products of a layer at once, the recurrent ones position by position."""
        gates = 4 * config.hidden
        total = sum(self.product_s(shape, sentences * source) for shape in read_shapes(config))
        total += (config.layers - 1) * self.product_s(Shape(config.hidden, gates), sentences * source)
        return total + config.layers * source * self.product_s(Shape(config.hidden, gates), sentences)

    def together_s(
        self, config: NetworkConfig, sentences: int, source: float, target: float = TARGET_TOKENS, beam: int = BEAM
    ) -> float:
        """From reading to the last token, for `sentences` sentences that run side by side; source, target: tokens of
        each."""
        return self.encode_s(config, sentences, source) + target * self.step_s(config, sentences, source, beam)

    def tokens_per_s(
        self, config: NetworkConfig, sentences: int, source: float, target: float = TARGET_TOKENS, beam: int = BEAM
    ) -> float:
        """Target tokens of the best hypotheses."""
        return sentences * target / self.together_s(config, sentences, source, target, beam)

    def all_s(
        self,
        config: NetworkConfig,
        count: int,
        in_flight: int,
        source: float,
        target: float = TARGET_TOKENS,
        beam: int = BEAM,
    ) -> float:
        """For `count` sentences of the same lengths, of which `in_flight` run side by side as long as there are any."""
        return count / in_flight * self.together_s(config, in_flight, source, target, beam)


def read_shapes(config: NetworkConfig) -> list[Shape]:
    """What attention reads of a source's tokens: the keys, and the window of embeddings in the values."""
    window = Shape(config.embedding * config.embedding_window, config.hidden)
    return [Shape(config.hidden, config.hidden), *[window] * (config.embedding_window > 0)]


def step_shapes(config: NetworkConfig) -> list[Shape]:
    """Cells on [x; h], the first on h alone, the attentional vector, the projection. LSTM without input feeding."""
    cells = [Shape((2 if layer else 1) * config.hidden, 4 * config.hidden) for layer in range(config.layers)]
    return [*cells, Shape(2 * config.hidden, config.readout), Shape(config.readout, config.vocabulary)]


def listing(config: NetworkConfig, shortlist: Shortlist | None, sources: Iterable[Sequence[int]]) -> NetworkConfig:
    """The network as it counts for its limit: its vocabulary is as large as the mean list, if there are lists. So the
    weights that a step reads at least are those of one list."""
    lists = [] if shortlist is None else list(map(shortlist.of, sources))
    sizes = [config.vocabulary if ids is None else len(ids) for ids in lists] or [config.vocabulary]
    return config.model_copy(update={"vocabulary": round(fmean(sizes))})


def product(shape: Shape, rows: int, numbers: Numbers, device: torch.device = CPU) -> Callable[[], Tensor]:
    """A matrix product as a backend would do it: int8 by the kernels it would take, packed, else by torch.mm."""
    if numbers != "int8":
        kind = torch.float16 if numbers == "fp16" else torch.float32
        x = torch.rand(rows, shape.inputs, dtype=kind, device=device)
        weight = torch.rand(shape.outputs, shape.inputs, dtype=kind, device=device).t()
        return lambda: torch.mm(x, weight)
    layer = best_kernels().linear(torch.rand(shape.outputs, shape.inputs))
    x = torch.rand(rows, shape.inputs)
    return lambda: layer(x)


def bandwidth(device: torch.device = CPU) -> float:
    """Bytes a second that a sum reads."""
    array = torch.ones(READ_BYTES // 4, device=device)
    return READ_BYTES / fastest_s(lambda: array.sum().item())


def ended(work: Callable[[], Tensor], device: torch.device) -> Callable[[], object]:
    """`work` until the device has done it."""

    def until_done() -> None:
        work()
        torch.cuda.synchronize(device)

    return work if device.type == "cpu" else until_done


def measure_limits(
    config: NetworkConfig,
    numbers: Numbers,
    read: float,
    rows: tuple[int, ...] = ROWS,
    device: torch.device = CPU,
) -> tuple[Limits, dict[str, dict[str, float]]]:
    """The limits, and microseconds by shape and rows. read: what `bandwidth` gave."""
    times: dict[str, dict[str, float]] = {}
    peak = 0.0
    for shape in dict.fromkeys(step_shapes(config)):
        row = times[f"{shape.inputs}->{shape.outputs}"] = {}
        for count in rows:
            took = fastest_s(ended(product(shape, count, numbers, device), device))
            peak = max(peak, shape.operations(count) / took)
            row[str(count)] = round(took * 1e6)
    return Limits(peak, read, WEIGHT_BYTES[numbers], 2 if numbers == "fp16" else 4), times


def limits_of(backend: Backend, config: NetworkConfig, rows: int, device: torch.device = CPU) -> Limits:
    """For the numbers that a backend computes in, measured here and now. rows: the most hypotheses of a step."""
    numbers = NUMBERS[type(backend).__name__]
    return measure_limits(config, numbers, bandwidth(device), (*ROWS, rows), device)[0]


def limits_of_bundle(bundle: Bundle, rows: int, name: BackendName = "auto") -> Limits:
    """Of a bundle's network on the CPU's backend of that name, as `limits_of`."""
    return limits_of(open_backend(bundle.network(), name, source_capacity=1), bundle.manifest.network, rows)


def report(limits: Limits, work: Work, sentences: tuple[int, ...], beam: int = BEAM) -> dict[str, object]:
    """The limits in the units of the benchmarks."""
    source = work.mean_source
    return {
        "giga_operations_per_s": rounded(limits.peak / 1e9),
        "read_gb_per_s": rounded(limits.bandwidth / 1e9),
        "step_ms": {str(n): rounded(1e3 * limits.step_s(work.config, n, source, beam)) for n in sentences},
        "sentence_ms": rounded(1e3 * limits.together_s(work.config, 1, source, beam=beam)),
        "target_tokens_per_s": {
            str(n): rounded(limits.tokens_per_s(work.config, n, source, beam=beam)) for n in sentences
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a small network, to try the path")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    work = measured_work(small=options.small)
    result: dict[str, object] = {"benchmark": "limits", "machine": machine()}
    read = bandwidth()
    for numbers in _ON_A_CPU:
        limits, times = measure_limits(work.config, numbers, read, (*ROWS, BEAM * max(IN_FLIGHT)))
        result[numbers] = {"product_us_by_rows": times, **report(limits, work, IN_FLIGHT)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
