"""What a GPU's backend is opened with: on a CPU, with stand-ins for the network, the backend and the device."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from model_store.config import NetworkConfig
from model_store.decoding.backends import choice
from model_store.decoding.backends.choice import BackendName, Precision, check_device, open_backend
from model_store.errors import ConfigError


def network_on(device: str) -> Any:
    config = NetworkConfig(vocabulary=24)
    return SimpleNamespace(
        config=config, projection=SimpleNamespace(weight=SimpleNamespace(device=torch.device(device)))
    )


@pytest.mark.parametrize(("precision", "dtype"), [("float16", torch.float16), ("bfloat16", torch.bfloat16)])
@pytest.mark.parametrize("name", ["auto", "cuda_graph"])
def test_a_gpus_backend_is_opened_on_the_networks_device_in_the_precision_asked_for(
    name: BackendName, precision: Precision, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = network_on("cuda:1")
    chosen: list[torch.device] = []

    def opened(network: object, **options: object) -> tuple[object, dict[str, object], list[torch.device]]:
        return network, options, list(chosen)

    monkeypatch.setattr(choice, "CudaGraphBackend", opened)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    found: object = open_backend(network, name, source_capacity=12, precision=precision)
    assert found == (network, {"source_capacity": 12, "dtype": dtype}, [torch.device("cuda:1")])


@pytest.mark.parametrize(
    ("name", "error", "opens"),
    [
        ("auto", RuntimeError("CUDA driver version is insufficient"), True),
        ("auto", torch.OutOfMemoryError("injected"), False),
        ("cuda_graph", RuntimeError("CUDA driver version is insufficient"), False),
    ],
)
def test_a_gpus_backend_that_cannot_be_opened_gives_way_to_torchs_own_unless_it_was_asked_for(
    name: BackendName,
    error: Exception,
    opens: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(choice, "CudaGraphBackend", fails)
    monkeypatch.setattr(choice, "EagerBackend", lambda network, *, source_capacity: (network, source_capacity))
    monkeypatch.setattr(torch.cuda, "set_device", lambda _device: None)
    network = network_on("cuda:0")
    if not opens:
        with pytest.raises(type(error), match=str(error)):
            open_backend(network, name, source_capacity=12)
        return
    with caplog.at_level(logging.WARNING, logger="verso.decoding"):
        found: object = open_backend(network, name, source_capacity=12)
    assert found == (network, 12)
    assert "since the GPU's backend cannot be opened: RuntimeError('CUDA driver version" in caplog.text


@pytest.mark.parametrize(("name", "runs_on", "other"), [("int8", "cpu", "cuda"), ("cuda_graph", "cuda", "cpu")])
def test_a_backend_is_refused_on_a_device_of_the_other_kind(name: BackendName, runs_on: str, other: str) -> None:
    check_device(name, runs_on)
    with pytest.raises(ConfigError, match=rf"backend: '{name}' does not run with device '{other}'; allowed: 'auto', "):
        check_device(name, other)
    check_device("auto", other)
