"""Where a step's time goes: all of it is some part's, attention's too, and what was wrapped is as it was afterwards."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import step_profile
from benchmarks.limits import Limits
from model_store.decoding.in_flight import InFlightDecoder


@pytest.mark.parametrize("backend", ["int8", "eager"])
def test_every_part_of_a_step_is_told(
    backend: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(step_profile, "limits_of", lambda *_arguments: Limits(1e9, 1e9, 1))
    arguments = ["--small", "--threads", "1", "--in-flight", "4", "--sentences", "8", "--backend", backend]
    monkeypatch.setattr(sys, "argv", ["step_profile", *arguments])
    step = InFlightDecoder.step
    step_profile.main()
    assert InFlightDecoder.step is step
    told = json.loads(capsys.readouterr().out)
    shares, microseconds = told["share_by_part"], told["us_a_step_by_part"]
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)
    assert sum(microseconds.values()) == pytest.approx(told["us_a_step"], rel=0.01)
    assert shares.keys() == microseconds.keys() >= {"attention", "beams", "admission", "decoder", "the rest"}
    assert microseconds["attention"] > 0
    assert told["steps"] >= 20
