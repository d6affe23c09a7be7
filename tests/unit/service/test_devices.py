"""The device that models run on: chosen by name, refused if it is not there."""

from __future__ import annotations

import pytest
import torch

from model_store.errors import ConfigError
from service.gpus import choose_device, rows_on


@pytest.mark.parametrize(
    ("gpus", "name", "device"),
    [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cpu", "cpu"), (1, "cuda", "cuda:0"), (2, "cuda:1", "cuda:1")],
)
def test_by_name(monkeypatch: pytest.MonkeyPatch, gpus: int, name: str, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert choose_device(name) == torch.device(device)


@pytest.mark.parametrize(
    ("gpus", "name", "allowed"),
    [(0, "cuda", "'auto', 'cpu'"), (2, "cuda:2", "'auto', 'cpu', 'cuda:0', 'cuda:1'")],
)
def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, gpus: int, name: str, allowed: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(ConfigError, match=f"device: '{name}' is not there, .*; allowed: {allowed}$"):
        choose_device(name)


def test_a_gpu_holds_more_at_once() -> None:
    assert rows_on(torch.device("cuda", 0)) > rows_on(torch.device("cpu")) == 128
