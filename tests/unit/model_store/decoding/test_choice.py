"""What a GPU's backend is opened with: on a CPU, with stand-ins for the network, the backend and the device."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from model_store.decoding.backends import choice
from model_store.decoding.backends.choice import BackendName, Precision, open_backend


@pytest.mark.parametrize(("precision", "dtype"), [("float16", torch.float16), ("bfloat16", torch.bfloat16)])
@pytest.mark.parametrize("name", ["auto", "cuda_graph"])
def test_a_gpus_backend_is_opened_on_the_networks_device_in_the_precision_asked_for(
    name: BackendName, precision: Precision, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    network: Any = SimpleNamespace(projection=SimpleNamespace(weight=SimpleNamespace(device=torch.device("cuda:1"))))
    chosen: list[torch.device] = []

    def opened(network: object, **options: object) -> tuple[object, dict[str, object], list[torch.device]]:
        return network, options, list(chosen)

    monkeypatch.setattr(choice, "CudaGraphBackend", opened)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    found: object = open_backend(network, name, source_capacity=12, precision=precision)
    assert found == (network, {"source_capacity": 12, "dtype": dtype}, [torch.device("cuda:1")])
