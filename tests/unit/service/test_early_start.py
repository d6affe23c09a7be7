"""What processes that decode come from is started beside the service only where there will be such processes: it takes
memory for as long as the service runs."""

from __future__ import annotations

import os

import pytest

from model_store.decoding.backends import simd
from model_store.decoding.processes.origin import Origin, origin
from service.cli import _start_processes_early
from service.settings import Settings

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes divide by fork")


def is_started(monkeypatch: pytest.MonkeyPatch, settings: Settings, *, compiled: bool = True) -> bool:
    started: list[Origin] = []
    monkeypatch.setattr(origin(), "start", lambda: started.append(origin()))
    monkeypatch.setattr(simd, "available", lambda: compiled)
    _start_processes_early(settings)
    return bool(started)


def test_it_is_started_where_a_model_will_be_decoded_in_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_started(monkeypatch, Settings(device="cpu", threads=2))
    assert is_started(monkeypatch, Settings(device="cpu", threads=1, decoder_processes=2), compiled=False)


@pytest.mark.parametrize(
    ("settings", "compiled"),
    [
        (Settings(device="cpu", threads=2), False),
        (Settings(device="cpu", threads=2, backend="eager"), True),
        (Settings(device="cpu", threads=1), True),
        (Settings(device="cpu", threads=2, decoder_processes=1), True),
        (Settings(device="cuda", threads=2, decoder_processes=2), True),
    ],
)
def test_it_is_not_where_none_will_be(monkeypatch: pytest.MonkeyPatch, settings: Settings, compiled: bool) -> None:
    assert not is_started(monkeypatch, settings, compiled=compiled)
