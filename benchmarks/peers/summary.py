"""Rounds of several programs -> medians, ranges, ratios, and how often they agree."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from benchmarks.measure import percentiles, rounded, spread

Line = dict[str, Any]


def summarised(lines: list[Line], ours: str) -> dict[str, object]:
    """lines: of `benchmarks.peers.compare --into`. Keyed by threads, cores, sentences in flight, program."""
    groups: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    cores = 0
    for line in lines:
        if "machine" in line:  # a call begins with where it ran
            cores = line["machine"]["cores"]
            continue
        group = f"{line['threads']} threads on {cores} cores, {line['in_flight']} in flight"
        groups[group][line["program"]].append(line)
    return {
        "machine": [line["machine"] for line in lines if "machine" in line][-1],
        "limits": [line["limits"] for line in lines if "limits" in line],
        "results": {
            group: {program: _figures(found, programs.get(ours, [])) for program, found in programs.items()}
            for group, programs in groups.items()
        },
    }


def _figures(rounds: list[Line], ours: list[Line]) -> dict[str, object]:
    """One program's rounds against ours, paired in the order in which they ran."""
    figures: dict[str, object] = {
        "rounds": len(rounds),
        "target_tokens_per_s": spread([_rate(each) for each in rounds]),
    }
    if "limit_tokens_per_s" in rounds[0]:
        figures["fraction_of_limit"] = spread([_rate(each) / each["limit_tokens_per_s"] for each in rounds])
    if rounds[0]["in_flight"] == 1:
        figures["sentence_ms"] = percentiles([1e3 * took for each in rounds for took in each["seconds"]])
    if ours:
        pairs = list(zip(ours, rounds, strict=False))
        figures["ours_over_this"] = spread([_rate(us) / _rate(it) for us, it in pairs])
        figures["same_as_ours_percent"] = _agreement(*(each["targets"] for each in pairs[-1]))
    figures["load_s"] = rounded(rounds[-1]["load_s"])
    figures["peak_mb"] = rounds[-1]["peak_mb"]
    return figures


def _rate(line: Line) -> float:
    return sum(map(len, line["targets"])) / sum(line["seconds"])


def _agreement(targets: list[list[int]], ours: list[list[int]]) -> float:
    same = sum(left == right for left, right in zip(targets, ours, strict=True))
    return rounded(100 * same / len(ours))
