"""Weights as the compiled kernels want them, and room for these to work in.

Legend: R rows, I inputs, O outputs, P panels of 64 columns, G groups of 4 inputs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model_store.decoding.backends.simd.kernels import ZERO, Array, Room, Rows
from model_store.decoding.backends.simd.team import Team
from model_store.decoding.backends.simd.tiles import BLOCK, BYTES, CODE, COLUMNS, PLACES, ROWS

_ALIGNMENT = 64


def packed(codes: Tensor) -> Array:
    """int8, shape = (O, I), to uint8, shape = (P, G, 64, 4), raised by ZERO, a group's in the order of PLACES.

    What fills up stands for zero.
    """
    outputs, inputs = codes.shape
    panels, groups = -(-outputs // COLUMNS), -(-inputs // BYTES)
    raised = np.full((panels * COLUMNS, groups * BYTES), ZERO, dtype=np.uint8)
    raised[:outputs, :inputs] = (codes.to(torch.int16) + ZERO).to(torch.uint8).numpy()
    result = aligned((panels, groups, COLUMNS, BYTES), np.uint8)
    result[...] = raised.reshape(panels, COLUMNS, groups, BYTES)[..., PLACES].transpose(0, 2, 1, 3)
    return result


def by_token(weights: Array, outputs: int) -> Array:
    """What `packed` made, as uint8, shape = (O, I): an output's codes side by side, I filled up to a multiple of 64."""
    panels, groups = weights.shape[:2]
    inputs = groups * BYTES
    result = aligned((outputs, -(-inputs // BLOCK) * BLOCK), np.uint8)
    result[:, inputs:] = ZERO
    in_order = weights[..., np.argsort(PLACES)].transpose(0, 2, 1, 3)
    result[:, :inputs] = in_order.reshape(panels * COLUMNS, inputs)[:outputs]
    return result


def in_panels(values: Tensor) -> Array:
    """Float32, shape = (O,), to shape = (P, 64), filled up with zeros."""
    panels = -(-len(values) // COLUMNS)
    filled = np.zeros(panels * COLUMNS, dtype=np.float32)
    filled[: len(values)] = values.numpy()
    return filled.reshape(panels, COLUMNS)


def aligned(shape: tuple[int, ...], kind: Any) -> Array:
    """Not initialised, on a multiple of 64 bytes."""
    size = math.prod(shape) * np.dtype(kind).itemsize
    room = np.empty(size + _ALIGNMENT, dtype=np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    aligned: Array = room[start : start + size].view(kind).reshape(shape)
    return aligned


def rows_of(rows: int, width: int) -> Rows:
    """Room for that many rows as codes, `width` of them each."""
    return Rows(
        np.empty((rows, width), dtype=CODE),
        np.empty(rows, dtype=np.float32),
        np.empty(rows, dtype=np.int32),
    )


def room_of(team: Team) -> Room:
    shape = (team.size, ROWS, COLUMNS)
    return Room(np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32))


def array_of(tensor: Tensor) -> Array:
    array: Array = tensor.contiguous().numpy()
    return array
