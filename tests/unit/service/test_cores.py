"""The cores that may be used: bound to, or a container's share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.cores import numa_nodes, usable_cores


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "400000 100000\n"}, 4),
        ({"cpu.max": "250000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "9900000 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
    ],
)
def test_a_containers_share_of_eight_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize(
    ("cores", "nodes"), [({0, 1, 2, 3}, 1), ({2, 4}, 2), ({9}, 1), (set(range(12)), 3), ({5, 11}, 2), ({99}, 1)]
)
def test_nodes_whose_cores_the_process_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: set[int], nodes: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: cores)
    for number, cpulist in enumerate(("0-3,8-9", "4-7", "10,11", "")):
        (tmp_path / f"node{number}").mkdir()
        (tmp_path / f"node{number}" / "cpulist").write_text(cpulist + "\n")
    assert numa_nodes(tmp_path) == nodes


def test_a_machine_that_says_nothing_of_nodes_has_one(tmp_path: Path) -> None:
    assert numa_nodes(tmp_path / "none") == 1
