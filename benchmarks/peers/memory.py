"""How much memory a program takes with all processes that it decodes in, as Linux tells of them (man 5 proc)."""

from __future__ import annotations

from pathlib import Path

from service.process_tree import ProcessTree


def peak_mb(root: int) -> int | None:
    """The most that a process and all that come from it have held: what they have now, a page that several share once
    and libraries as often as the one process has them that has most, and how much more each once had. None where the
    system does not tell."""
    told = [found for process in ProcessTree(root).processes() if (found := _kilobytes(process))]
    if not told:
        return None
    held = sum(each["Pss_Anon"] + each["Pss_Shmem"] for each in told) + max(each["RssFile"] for each in told)
    return (held + sum(each["VmHWM"] - each["VmRSS"] for each in told)) // 1024


def _kilobytes(process: int) -> dict[str, int]:
    """By name; empty for a process that has ended."""
    try:
        files = [Path(f"/proc/{process}/{name}").read_text() for name in ("status", "smaps_rollup")]
    except (FileNotFoundError, ProcessLookupError):
        return {}
    fields = [line.split() for text in files for line in text.splitlines()]
    return {field[0].rstrip(":"): int(field[1]) for field in fields if field[-1] == "kB"}
