"""Replicas for a load, by hand."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.load.capacity import Capacity, CapacityError, Demand, Measured, capacity, main
from tests.load.figures import Point


def point(share: float, p97_s: float, statuses: dict[str, int] | None = None) -> Point:
    return Point(10 * share, share, 100, statuses or {"200": 100}, p97_s / 2, p97_s, 1.5 * p97_s, 0.0)


ONE = Measured(
    most_per_s=10.0,
    target_tokens_per_s=200.0,
    points=(point(0.2, 0.2), point(0.5, 0.4), point(0.8, 1.0), point(0.9, 0.8, {"200": 99, "429": 1})),
)


@pytest.mark.parametrize(
    ("demand", "expected"),
    [
        (Demand(20, 1.0, spare=0), Capacity(0.8, 8.0, 3, 3)),
        (Demand(16, 1.0, spare=0), Capacity(0.8, 8.0, 2, 2)),
        (Demand(20, 1.0, spare=1, replicas_per_machine=3), Capacity(0.8, 8.0, 4, 2)),
        (Demand(20, 0.9, spare=0), Capacity(0.5, 5.0, 4, 4)),
        (Demand(20, 60.0, spare=0), Capacity(0.8, 8.0, 3, 3)),  # beyond that some are refused
        (Demand(20, 0.2, spare=0), Capacity(0.2, 2.0, 10, 10)),
        (Demand(20, 1.0, spare=0, tokens_per_request=40), Capacity(0.5, 2.5, 8, 8)),  # twice the tokens, half the bound
        (Demand(20, 1.0, spare=0, tokens_per_request=10), Capacity(0.8, 16.0, 2, 2)),
    ],
)
def test_as_many_as_keep_the_bound(demand: Demand, expected: Capacity) -> None:
    assert capacity(ONE, demand) == expected


def test_what_no_number_of_replicas_does_is_said() -> None:
    with pytest.raises(CapacityError, match=r"0\.1 s is kept by no number .* at 0\.2 of .* has a p97 of 0\.2 s"):
        capacity(ONE, Demand(20, 0.1))


def test_it_reads_what_was_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "load.json"
    points = [asdict(each) for each in ONE.points]
    measured = json.dumps({"most_per_s": 10.0, "target_tokens_per_s": 200.0, "points": points, "overload": {}})
    file.write_text(f".venv/bin/python -m tests.load.measure\n{measured}\n")  # as make says what it runs
    main([str(file), "--requests-per-s=20", "--p97=1", "--spare=0"])
    assert json.loads(capsys.readouterr().out) == asdict(Capacity(0.8, 8.0, 3, 3))
    with pytest.raises(SystemExit):
        main([str(file), "--requests-per-s=20", "--p97=0.1"])
    assert "no number of replicas" in capsys.readouterr().err
