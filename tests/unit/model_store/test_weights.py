"""Shards: exact, bounded in size and in error, and refused where they do not fit together."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.errors import BundleCorruptError, BundleError
from model_store.weights import pack_weights, unpack_weights


def some_weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "matrix": torch.randn(300, 40, generator=generator),
        "bias": torch.randn(300, generator=generator),
        "cube": torch.randn(3, 4, 5, generator=generator),
        "number": torch.tensor(0.5),
    }


@settings(deadline=None, max_examples=50)
@given(limit=st.integers(min_value=1, max_value=120_000))
def test_any_shard_size_gives_the_same_weights(limit: int) -> None:
    weights = some_weights()
    files = pack_weights(weights, "float32", max_shard_bytes=limit)
    loaded = unpack_weights(files.items())
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


def test_names_and_sizes_of_shards() -> None:
    weights = {"big": torch.ones(3000, 1000), "small": torch.ones(10)}
    files = pack_weights(weights, "float32", max_shard_bytes=5_000_000)
    assert list(files) == [f"weights-{number:05d}-of-00003.safetensors" for number in (1, 2, 3)]
    assert all(len(content) <= 5_000_000 for content in files.values())
    assert list(pack_weights(weights, "float32")) == ["weights.safetensors"]


def test_order_does_not_matter() -> None:
    weights = some_weights()
    backwards = dict(reversed(weights.items()))
    assert pack_weights(weights, "int8") == pack_weights(backwards, "int8")


def test_int8_errs_by_half_a_step_of_its_row() -> None:
    weights = some_weights()
    weights["matrix"] *= torch.logspace(-6, 6, 300).unsqueeze(1)
    weights["matrix"][7] = 0.0
    loaded = unpack_weights(pack_weights(weights, "int8").items())
    step = weights["matrix"].abs().amax(dim=1, keepdim=True) / 127
    assert ((loaded["matrix"] - weights["matrix"]).abs() <= step * 0.5001).all()
    assert all(torch.equal(loaded[name], weights[name]) for name in ("bias", "cube", "number"))


def test_int8_is_exact_the_second_time() -> None:
    """What is dequantised, packed and unpacked again has the same integers: rounding is not done twice."""
    once = unpack_weights(pack_weights(some_weights(), "int8").items())
    first = safetensors.torch.load(pack_weights(some_weights(), "int8")["weights.safetensors"])["matrix"]
    again = safetensors.torch.load(pack_weights(once, "int8")["weights.safetensors"])["matrix"]
    assert torch.equal(first, again)


def test_storage_decides_the_size() -> None:
    weights = {"matrix": torch.ones(1000, 1000)}
    sizes = {storage: len(pack_weights(weights, storage)["weights.safetensors"]) for storage in ("float32", "float16")}
    assert sizes["float32"] == pytest.approx(4_000_000, rel=0.01)
    assert sizes["float16"] == pytest.approx(2_000_000, rel=0.01)
    assert len(pack_weights(weights, "int8")["weights.safetensors"]) == pytest.approx(1_004_000, rel=0.01)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_finite(value: float) -> None:
    with pytest.raises(BundleError, match="matrix has values that are not finite"):
        pack_weights({"matrix": torch.full((2, 2), value)}, "float32")


def test_too_large_for_float16() -> None:
    with pytest.raises(BundleError, match="matrix has values above 65504"):
        pack_weights({"matrix": torch.full((2, 2), 1e5)}, "float16")


def test_not_safetensors() -> None:
    with pytest.raises(BundleCorruptError, match=r"weights.safetensors: not safetensors"):
        unpack_weights([("weights.safetensors", b"\x80\x04nonsense")])


@pytest.mark.parametrize(
    "tensors",
    [
        {"m": torch.ones(2, 2, dtype=torch.int8)},
        {"m": torch.ones(2, 2, dtype=torch.int8), "m.scale": torch.ones(3)},
        {"m@0": torch.ones(2, 2), "m@3": torch.ones(2, 2)},
        {"m@2": torch.ones(2, 2)},
        {"m@0": torch.ones(2, 2), "m@2": torch.ones(2, 3)},
    ],
    ids=["no scale", "wrong scale", "gap", "no head", "other width"],
)
def test_parts_that_do_not_fit(tensors: dict[str, torch.Tensor]) -> None:
    with pytest.raises(BundleCorruptError, match=r"^m: "):
        unpack_weights([("weights.safetensors", safetensors.torch.save(tensors))])
