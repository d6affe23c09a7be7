"""Groups of processes, what they are asked, and their ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from model_store.decoding.processes.group import DecoderProcesses
from model_store.decoding.processes.messages import Opener
from model_store.decoding.processes.origin import Origin
from model_store.decoding.segment import Hypothesis, Segment
from tests.unit.model_store.decoding.networks import EOS
from tests.unit.model_store.decoding.processes.openers import open_one


def open_group(opener: Opener = open_one, *, processes: int = 2) -> DecoderProcesses:
    return DecoderProcesses(opener, processes=processes, cores=processes)


def run_out(group: DecoderProcesses) -> dict[int, tuple[Hypothesis, ...]]:
    """Steps until nothing is live."""
    found: dict[int, tuple[Hypothesis, ...]] = {}
    while group.live:
        group.step()
        found |= dict(group.collect())
    return found


def short(*source: int, beam_size: int = 4) -> Segment:
    return Segment((*source, EOS), max_length=6, beam_size=beam_size)


def processes_of(group: DecoderProcesses) -> list[int]:
    """The ids of those that have the other ends of its connections."""
    return [member.ready.process for member in group._by_place]


def process_of(origin: Origin) -> int:
    assert origin._process is not None
    return origin._process.pid


def children(process: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def hanging(process: int) -> list[int]:
    """It and all that come from it, those of them that stand still."""
    found = [each for child in children(process) for each in hanging(child)]
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return [process, *found]
    return found


def runs(process: int) -> bool:
    """Whether there is such a process and it is no zombie, whose parent has not asked for its end yet. While one of its
    threads has not ended, its connections are open."""
    folder = Path(f"/proc/{process}")
    try:
        threads = len(list((folder / "task").iterdir()))
        return threads > 1 or (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_the_end(processes: Sequence[int]) -> None:
    give_up_s = time.monotonic() + 30
    while any(map(runs, processes)):
        assert time.monotonic() < give_up_s, "a process goes on"
        time.sleep(0.01)
