"""What the programs side by side say to each other: one line of JSON a command, one an answer. No dependencies.

A program is started with its settings, opens its model, answers {"load_s": ...}, and then translates what it is given.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

Ids = Sequence[int]


@dataclass(frozen=True)
class Settings:
    """variant: what the program is to be, in its own words. weights: safetensors; empty for those that need none."""

    variant: str
    weights: str
    threads: int
    vocabulary: int
    layers: int
    hidden: int
    beam: int
    target_tokens: int
    reserved: int
    begin: int
    end: int

    def line(self) -> str:
        """As an argument of a program."""
        return json.dumps(asdict(self))


class Peer(Protocol):
    """A translator with its model loaded."""

    def translate(self, sources: Sequence[Ids], in_flight: int) -> list[list[int]]:
        """The best targets, of `target_tokens` each, in the order of the sources, `in_flight` sentences at a time."""
        ...


def batches(sources: Sequence[Ids], size: int) -> list[list[int]]:
    """Indices of the sources in batches of like length, which is how static batching is done well."""
    order = sorted(range(len(sources)), key=lambda index: len(sources[index]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def serve(open_peer: Callable[[Settings], Peer]) -> None:
    """Translate what is asked for until the input ends."""

    def opened(settings: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, object]]:
        peer = open_peer(Settings(**settings))
        return lambda command: _measured(peer, command["sources"], command["in_flight"])

    answer(opened)


def answer(opened: Callable[[dict[str, Any]], Callable[[dict[str, Any]], dict[str, object]]]) -> None:
    """Open what the first argument describes, and answer each line of the input with one.

    What libraries print goes to standard error.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    started = time.perf_counter()
    answered = opened(json.loads(sys.argv[1]))
    print(json.dumps({"load_s": time.perf_counter() - started}), file=answers)
    for line in sys.stdin:
        print(json.dumps(answered(json.loads(line))), file=answers)


def _measured(peer: Peer, sources: list[list[int]], in_flight: int) -> dict[str, object]:
    """One sentence in flight is timed sentence by sentence."""
    parts = [[source] for source in sources] if in_flight == 1 else [sources]
    targets, took = [], []
    for part in parts:
        started = time.perf_counter()
        targets += peer.translate(part, in_flight)
        took.append(time.perf_counter() - started)
    return {"seconds": took, "targets": targets}
