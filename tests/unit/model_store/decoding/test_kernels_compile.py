"""The kernels in Triton for GPUs that are not here: Triton and its assembler make machine code of them without one.

pip install triton, then pytest tests/unit/model_store/decoding/test_kernels_compile.py, without TRITON_INTERPRET.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

pytest.importorskip("triton")

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from model_store.decoding.backends import attention_kernel, part_kernel, projection_kernel

pytestmark = [
    pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="nothing is compiled for the interpreter"),
    pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION"),
]

SHARED_BYTES = 99 * 1024  # the least that a program may have on a GPU of capability 8.0 and later
on_each_gpu = pytest.mark.parametrize("capability", [80, 86, 90])
of_each_type = pytest.mark.parametrize("dtype", ["fp16", "bf16"])


def compiled(
    kernel: Any, capability: int, types: dict[str, str], constants: dict[str, int], aligned: str, **options: int
) -> Any:
    """types: of the arguments, by name. aligned: arguments that are multiples of 16, as those of a network are."""
    signature = {**types, **dict.fromkeys(constants, "constexpr")}
    places = {name: (place,) for place, name in enumerate(signature)}
    round_ones = {places[name]: [["tt.divisibility", 16]] for name in aligned.split()}
    source = ASTSource(kernel, signature, constexprs=constants, attrs=round_ones)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


@on_each_gpu
@of_each_type
@pytest.mark.parametrize(("tokens", "warps"), [(attention_kernel.FEW_TOKENS, 4), (attention_kernel.MANY_TOKENS, 8)])
def test_attention_is_on_tensor_cores(tokens: int, warps: int, dtype: str, capability: int) -> None:
    tensors = "query keys values context weights"
    types = dict.fromkeys(["query", "keys", "values", "mask", "context", "weights"], f"*{dtype}") | {"mask": "*i1"}
    numbers = "count length hidden key_slot key_token value_slot value_token mask_slot"
    types |= dict.fromkeys(numbers.split(), "i32")
    constants = {"queries": attention_kernel.FEWEST_ROWS, "tokens": tokens, "units": attention_kernel.UNITS_AT_ONCE}
    aligned = f"{tensors} mask hidden key_slot key_token value_slot value_token"
    made = compiled(attention_kernel._attend, capability, types, constants, aligned, num_warps=warps, num_stages=2)
    assert "mma" in made.asm["ptx"]
    assert made.asm["cubin"]
    assert made.metadata.shared <= SHARED_BYTES


@on_each_gpu
@of_each_type
@pytest.mark.parametrize("width", [32, 128, 256])
def test_summaries(width: int, dtype: str, capability: int) -> None:
    types = {"logits": f"*{dtype}", "maxima": "*fp32", "sums": "*fp32", "parts": "i32", "columns": "i32"}
    constants = {"at_once": part_kernel.PARTS_AT_ONCE, "width": width}
    made = compiled(part_kernel._summarise, capability, types, constants, "logits maxima sums")
    assert made.asm["cubin"]
    assert made.metadata.shared <= SHARED_BYTES


@on_each_gpu
@of_each_type
@pytest.mark.parametrize("rows", [projection_kernel.FEW_ROWS, projection_kernel.MANY_ROWS])
@pytest.mark.parametrize(("width", "warps", "stages"), [(32, 4, 3), (128, 4, 3), (256, 8, 2)])
def test_the_projection_is_on_tensor_cores(
    width: int, warps: int, stages: int, rows: int, dtype: str, capability: int
) -> None:
    types = dict.fromkeys(["readout", "weight", "bias", "logits"], f"*{dtype}")
    types |= dict.fromkeys(["maxima", "sums"], "*fp32")
    types |= dict.fromkeys(["rows", "parts", "columns", "wide"], "i32")
    constants = {"at_once": rows, "width": width, "units": projection_kernel.UNITS_AT_ONCE}
    aligned = "readout weight bias logits maxima sums wide"
    options = {"num_warps": warps, "num_stages": stages}
    made = compiled(projection_kernel._project, capability, types, constants, aligned, **options)
    assert "mma" in made.asm["ptx"]
    assert made.asm["cubin"]
    assert made.metadata.shared <= SHARED_BYTES
