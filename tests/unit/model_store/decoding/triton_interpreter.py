"""For tests of kernels in Triton: where they run, and what Triton's interpreter cannot do.

Triton comes with torch's builds for CUDA only. Without CUDA: pip install triton, then TRITON_INTERPRET=1 pytest ...
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


where_kernels_run = pytest.mark.skipif(
    DEVICE == "cpu" and os.environ.get("TRITON_INTERPRET") != "1",
    reason="there is neither CUDA nor Triton's interpreter",
)


def multiply_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter keeps bfloat16 as the integers of its bits, and multiplies these: widen them before."""
    if DEVICE == "cpu":
        from triton.runtime import interpreter

        builder = interpreter.InterpreterBuilder
        product = builder.create_dot

        def widened(handle: Any) -> Any:
            if str(handle.dtype.scalar) != "bf16":
                return handle
            bits = handle.data.astype(np.uint32) << 16
            return interpreter.TensorHandle(bits.view(np.float32), interpreter.tl.float32)

        def create_dot(self: Any, a: Any, b: Any, *rest: Any) -> Any:
            return product(self, widened(a), widened(b), *rest)

        monkeypatch.setattr(builder, "create_dot", create_dot)
