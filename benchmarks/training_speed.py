"""How fast is an update of the reference network, beside OpenNMT-py's trainer, and how much of the machine does it use?

    make bench-training                               # OpenNMT-py's environment first, then all of it
    python -m benchmarks.training_speed --programs verso-bf16,verso-fp16-padded --batch-tokens 25000     # a GPU

Every program draws the same random pairs (5 to 40 tokens, a fixed seed) and makes the same batches of them; then each
does some updates in turn, one program at a time, round by round. An update is everything from the ids to the changed
weights: batch, forward, smoothed loss, backward, clipping, optimizer, and with Verso the moving average. Those that are
padded train 1000 units as 1024 (model_store/network/padding.py); operations are counted of 1000.

Tokens are source plus target tokens. Utilisation is the operations that the network's matrix products need (twice their
multiplications forward, and twice that backward; nothing for gates, softmax or what is computed anew) over what the
same machine does in float32 and in bfloat16 where one product is all it does. Loading is the share of the time in which
Verso's trainer makes batches and sends them, which a GPU does not wait for. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from benchmarks.limits import Shape, read_shapes, step_shapes
from benchmarks.measure import fastest_s, machine, rounded, spread
from benchmarks.peers.running import Program, Running
from benchmarks.peers.training_work import TrainingSettings
from model_store.config import NetworkConfig
from training.distribution import has_bfloat16

PROGRAMS = {
    "verso-fp32": Program("verso_training", "", "32-true"),
    "verso-bf16": Program("verso_training", "", "bf16-mixed"),
    "verso-fp16": Program("verso_training", "", "16-mixed"),
    "verso-bf16-padded": Program("verso_training", "", "bf16-mixed", widths=64),
    "verso-fp16-padded": Program("verso_training", "", "16-mixed", widths=64),
    "opennmt": Program("opennmt_training", "opennmt", "fp32"),
    "verso-feeding-fp32": Program("verso_training", "", "32-true", feeding=True),
    "verso-feeding-bf16": Program("verso_training", "", "bf16-mixed", feeding=True),
    "opennmt-feeding": Program("opennmt_training", "opennmt", "fp32", feeding=True),
}
BACKWARD = 2  # operations of the backward pass for one of the forward pass
PEAK_SHAPES = (Shape(1000, 4000), Shape(2000, 4000), Shape(4000, 4000))


def runs_here(name: str) -> bool:
    """Whether the machine has the numbers of a program; where there are none of bfloat16 a trainer takes float32."""
    return PROGRAMS[name].variant != "bf16-mixed" or has_bfloat16()


def operations(config: NetworkConfig, source_tokens: int, target_tokens: int) -> float:
    """Of an update's matrix products, but for those of attention's scores and sums, which are a thousandth of them."""
    hidden, layers = config.hidden, range(config.layers)
    read = sum(Shape((hidden if layer else config.embedding) + hidden, 4 * hidden).operations(1) for layer in layers)
    read += sum(shape.operations(1) for shape in read_shapes(config))
    written = sum(shape.operations(1) for shape in step_shapes(config))
    return (1 + BACKWARD) * (source_tokens * read + target_tokens * written)


def peak(dtype: torch.dtype, rows: int) -> float:
    """Operations a second of the best of a few products of that many rows."""
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def product(shape: Shape) -> float:
        x = torch.rand(rows, shape.inputs, device=device).to(dtype)
        weight = torch.rand(shape.inputs, shape.outputs, device=device).to(dtype)

        def call() -> None:
            torch.mm(x, weight)
            if device == "cuda":
                torch.cuda.synchronize()

        return shape.operations(rows) / fastest_s(call)

    return max(map(product, PEAK_SHAPES))


def rounds(
    names: list[str], settings: dict[str, TrainingSettings], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """One entry for each program and round."""
    running = {
        name: Running(name, PROGRAMS[name], settings[name].line(), options.threads, options.environments)
        for name in names
    }
    found = []
    try:
        for program in running.values():
            program.answer()
        for program in running.values():
            program.ask({"updates": options.updates})  # not counted: caches fill, optimizers make their state
        for number in range(options.rounds):
            for name, program in running.items():
                answer = program.ask({"updates": options.updates})
                found.append({"program": name, "round": number, **answer})
                print(json.dumps(found[-1]), flush=True)
            if len({(line["source_tokens"], line["target_tokens"]) for line in found[-len(names) :]}) > 1:
                raise RuntimeError("the programs were not given the same batches")
    finally:
        for program in running.values():
            program.stop()
    return found


def summary(lines: list[dict[str, Any]], config: NetworkConfig, peaks: dict[str, float]) -> dict[str, object]:
    """Medians and ranges by program, and the ratio to OpenNMT-py's, round by round."""
    programs: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        programs.setdefault(line["program"], []).append(line)

    def rate(line: dict[str, Any]) -> float:
        return float((line["source_tokens"] + line["target_tokens"]) / line["seconds"])

    def used(line: dict[str, Any], most: float) -> float:
        done = operations(config, line["source_tokens"], line["target_tokens"])
        return float(done / line["seconds"] / most)

    results: dict[str, object] = {}
    for name, found in programs.items():
        peer = programs.get("opennmt-feeding" if PROGRAMS[name].feeding else "opennmt", [])
        loading = [line["loading_s"] / line["seconds"] for line in found if "loading_s" in line]
        numbers = "fp32" if "fp32" in name or "opennmt" in name else "half"
        results[name] = {
            "tokens_per_s": spread([rate(line) for line in found]),
            "utilisation": spread([used(line, peaks[numbers]) for line in found]),
            "over_opennmt": spread([rate(a) / rate(b) for a, b in zip(found, peer, strict=True)]) if peer else None,
            "loading": spread(loading) if loading else None,
            "loss": rounded(found[-1]["loss"]),
            "peak_mb": found[-1]["peak_mb"],
            "device_peak_mb": found[-1]["device_peak_mb"],
        }
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = [name for name in ("verso-fp32", "verso-bf16", "opennmt") if runs_here(name)]
    parser.add_argument("--programs", default=",".join(default), help=f"of {', '.join(PROGRAMS)}")
    parser.add_argument("--batch-tokens", type=int, default=4096, help="target tokens of an update at most")
    parser.add_argument("--updates", type=int, default=1, help="of each program in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--environments", type=Path, default=Path("build/peers"))
    parser.add_argument("--small", action="store_true", help="a small network, to try the path")
    options = parser.parse_args()
    names = options.programs.split(",")
    if unknown := sorted(set(names) - set(PROGRAMS)):
        parser.error(f"--programs: {', '.join(unknown)} unknown; allowed: {', '.join(PROGRAMS)}")
    if missing := [name for name in names if not runs_here(name)]:
        parser.error(f"--programs: {', '.join(missing)}: this processor has no bfloat16; it would be float32")
    torch.set_num_threads(options.threads)
    layers, hidden, vocabulary = (2, 64, 500) if options.small else (4, 1000, options.vocabulary)
    config = NetworkConfig(vocabulary=vocabulary, layers=layers, hidden=hidden, embedding=hidden)
    settings = {
        name: TrainingSettings(
            variant=PROGRAMS[name].variant,
            feeding=PROGRAMS[name].feeding,
            widths=PROGRAMS[name].widths,
            threads=options.threads,
            vocabulary=vocabulary,
            layers=layers,
            hidden=hidden,
            pairs=8 * options.batch_tokens,
            batch_tokens=options.batch_tokens,
        )
        for name in names
    }
    peaks = {"fp32": peak(torch.float32, options.batch_tokens), "half": peak(torch.bfloat16, options.batch_tokens)}
    lines = rounds(names, settings, options)
    result = {
        "benchmark": "training_speed",
        "machine": machine(),
        "batch_tokens": options.batch_tokens,
        "giga_operations_per_s": {name: rounded(most / 1e9) for name, most in peaks.items()},
        "results": summary(lines, config, peaks),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
