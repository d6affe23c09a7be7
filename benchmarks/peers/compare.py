"""How fast are others on the same sentences, the same cores, in the same run?

    make bench-peers                                  # environments first, then all of it
    python -m benchmarks.peers.compare --in-flight 32 --rounds 1 --into build/peers/results.jsonl
    python -m benchmarks.peers.compare --summary build/peers/results.jsonl

Every program loads first; then each translates in turn, one at a time, round by round. Rounds may be spread over
several calls with --into. The last line is one JSON object: medians, ranges, the ratio of ours to each, and of those
that compute the network whose limit benchmarks/limits.py knows, the fraction of it, measured before the rounds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.limits import Limits, Numbers, bandwidth, measure_limits, report
from benchmarks.measure import machine
from benchmarks.peers.protocol import Settings
from benchmarks.peers.running import Program, Running
from benchmarks.peers.summary import summarised
from benchmarks.work import (
    BEAM,
    BEGIN,
    END,
    IN_FLIGHT,
    RESERVED,
    SENTENCES,
    TARGET_TOKENS,
    VARIED,
    Work,
    measured_work,
    random_network,
)
from model_store.config import DecoderConfig, NetworkConfig

PROGRAMS = {
    "verso-int8": Program("verso", "", "int8", numbers="int8"),
    "verso-processes": Program("verso", "", "int8-processes", numbers="int8"),
    "verso-eager": Program("verso", "", "eager", numbers="fp32"),
    "textbook": Program("textbook", "", "float32", numbers="fp32"),
    "textbook-int8": Program("textbook", "", "int8", numbers="int8"),
    "opennmt": Program("opennmt", "opennmt", "float32", numbers="fp32"),
    "opennmt-int8": Program("opennmt", "opennmt", "int8", numbers="int8"),
    "opennmt-feeding": Program("opennmt", "opennmt", "float32", feeding=True),
    "opennmt-feeding-int8": Program("opennmt", "opennmt", "int8", feeding=True),
    "ctranslate2": Program("transformer", "ctranslate2", "float32"),
    "ctranslate2-int8": Program("transformer", "ctranslate2", "int8"),
    "ctranslate2-int8-workers": Program("transformer", "ctranslate2", "int8-workers"),
}


def weights(config: NetworkConfig, folder: Path, *, feeding: bool) -> Path:
    """The network's weights, written once for all programs."""
    path = folder / f"{config.layers}x{config.hidden}-{config.vocabulary}-{VARIED}{'-feeding' * feeding}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        network = random_network(config.model_copy(update={"decoder": DecoderConfig(input_feeding=feeding)}))
        state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        del state["target_embedding.weight"], state["projection.weight"]  # tied to source_embedding.weight
        partial = path.with_suffix(".partial")
        save_file(state, partial)
        partial.rename(path)
    return path


def started(names: list[str], work: Work, options: argparse.Namespace) -> dict[str, Running]:
    """All programs, loading at the same time."""
    config = work.config
    plain = Settings(
        variant="",
        weights="",
        threads=options.threads,
        vocabulary=config.vocabulary,
        layers=config.layers,
        hidden=config.hidden,
        beam=BEAM,
        target_tokens=TARGET_TOKENS,
        reserved=RESERVED,
        begin=BEGIN,
        end=END,
    )
    running = {}
    for name in names:
        program = PROGRAMS[name]
        path = weights(config, options.environments, feeding=program.feeding)
        settings = replace(plain, variant=program.variant, weights=str(path.resolve()))
        running[name] = Running(name, program, settings.line(), options.threads, options.environments)
    return running


def rounds(
    names: list[str], work: Work, most: dict[Numbers, Limits], options: argparse.Namespace
) -> Iterator[dict[str, object]]:
    """One entry for each program, setting and round. most: the limits by numbers."""
    running = started(names, work, options)
    try:
        load_s = {name: program.answer()["load_s"] for name, program in running.items()}
        for in_flight in options.in_flight:
            for program in running.values():
                program.ask({"sources": work.part(0, min(in_flight, 8)), "in_flight": in_flight})  # not counted
            for number in range(options.rounds):
                sources = work.part(number, options.sentences or SENTENCES[in_flight])
                for name, program in running.items():
                    answer = program.ask({"sources": sources, "in_flight": in_flight})
                    entry = {"program": name, "in_flight": in_flight, "threads": options.threads, "round": number}
                    numbers = PROGRAMS[name].numbers
                    if numbers is not None:
                        rate = most[numbers].tokens_per_s(work.config, in_flight, work.mean_source)
                        entry |= {"limit_tokens_per_s": rate}
                    yield {**entry, "load_s": load_s[name], **answer}
    finally:
        for program in running.values():
            program.stop()


def limits(work: Work) -> dict[Numbers, Limits]:
    """What the machine could do, measured in the same run."""
    read = bandwidth()
    numbers: tuple[Numbers, ...] = ("fp32", "int8")
    return {each: measure_limits(work.config, each, read, (4, 128))[0] for each in numbers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", default=",".join(PROGRAMS), help="comma-separated; default: all")
    parser.add_argument("--ours", choices=PROGRAMS, default="verso-int8", help="what the others are compared with")
    parser.add_argument("--in-flight", type=lambda text: [int(each) for each in text.split(",")], default=IN_FLIGHT)
    parser.add_argument("--sentences", type=int, help=f"default: by sentences in flight, {SENTENCES}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--environments", type=Path, default=Path("build/peers"))
    parser.add_argument("--into", type=Path, help="append the rounds to this file")
    parser.add_argument("--summary", type=Path, help="measure nothing; summarise such a file")
    parser.add_argument("--small", action="store_true", help="a small network, to try the path")
    options = parser.parse_args()
    if options.summary:
        lines = [json.loads(line) for line in options.summary.read_text().splitlines()]
        print(json.dumps({"benchmark": "peers", **summarised(lines, options.ours)}))
        return
    torch.set_num_threads(options.threads)
    names = options.programs.split(",")
    unknown = sorted(set(names) - set(PROGRAMS))
    if unknown:
        parser.error(f"--programs: {', '.join(unknown)} unknown; allowed: {', '.join(PROGRAMS)}")
    work = measured_work(sentences=max(SENTENCES.values()), small=options.small)
    most = limits(work)
    told = {numbers: report(each, work, tuple(options.in_flight)) for numbers, each in most.items()}
    entry: dict[str, object] = {"machine": machine(), "limits": told}
    lines = []
    for line in chain([entry], rounds(names, work, most, options)):
        lines.append(line)
        if options.into:
            with options.into.open("a") as file:
                file.write(json.dumps(line) + "\n")
    print(json.dumps({"benchmark": "peers", **summarised(lines, options.ours)}))


if __name__ == "__main__":
    main()
