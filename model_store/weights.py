"""Parameters to safetensors shards and back: float32, float16 or int8 per row, large matrices split by rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from model_store.errors import BundleCorruptError, BundleError
from model_store.manifest import Storage

MAX_SHARD_BYTES = 16_000_000
# A shard's header takes about 150 bytes a tensor, and there are a few hundred at most.
_HEADER_BYTES = 256_000
_SCALE_SUFFIX = ".scale"
# "name@8000" holds the rows of `name` from row 8000 on.
_ROW_MARK = "@"


def pack_weights(
    weights: Mapping[str, Tensor], storage: Storage, *, max_shard_bytes: int = MAX_SHARD_BYTES
) -> dict[str, bytes]:
    """File name to content. The same weights give the same bytes.

    weights: finite, of any floating type. Matrices are stored as `storage`; everything else, a small share, stays
    float32. int8 is symmetric: one float32 scale an output row, row = scale * int8, rounding error at most scale / 2.

    Raises:
        BundleError: a value is not finite, or too large for float16.
    """
    stored: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        stored.update(_store(name, tensor.detach().to("cpu", torch.float32), storage))
    shards = _shard(stored, max_shard_bytes)
    if len(shards) == 1:
        return {"weights.safetensors": safetensors.torch.save(shards[0])}
    return {
        f"weights-{number:05d}-of-{len(shards):05d}.safetensors": safetensors.torch.save(shard)
        for number, shard in enumerate(shards, start=1)
    }


def unpack_weights(shards: Iterable[tuple[str, bytes]]) -> dict[str, Tensor]:
    """The float32 parameters of (file name, content) pairs: the inverse of `pack_weights` up to its rounding.

    Raises:
        BundleCorruptError: a shard is not safetensors, or its tensors do not make whole parameters.
    """
    parts: dict[str, list[tuple[int, Tensor]]] = {}
    for file_name, content in shards:
        try:
            tensors = safetensors.torch.load(content)
        except safetensors.SafetensorError as error:
            raise BundleCorruptError(f"{file_name}: not safetensors: {error}") from error
        for key, tensor in tensors.items():
            name, _, first_row = key.partition(_ROW_MARK)
            parts.setdefault(name, []).append((int(first_row) if first_row.isdecimal() else 0, tensor))
    whole = {name: _join(name, pieces) for name, pieces in parts.items()}
    weights: dict[str, Tensor] = {}
    for name, tensor in whole.items():
        if tensor.dtype == torch.int8:
            scale = whole.get(name + _SCALE_SUFFIX)
            if scale is None or scale.shape != tensor.shape[:1]:
                raise BundleCorruptError(f"{name}: int8 without one scale a row")
            weights[name] = tensor.float() * scale.unsqueeze(1)
        elif not name.endswith(_SCALE_SUFFIX):
            # A copy, because the shard's bytes begin anywhere, while torch aligns what it allocates for its kernels.
            weights[name] = tensor.to(torch.float32, copy=True)
    return weights


def _store(name: str, tensor: Tensor, storage: Storage) -> dict[str, Tensor]:
    """The tensors that one parameter is stored as."""
    if not torch.isfinite(tensor).all():
        raise BundleError(f"weights: {name} has values that are not finite")
    if tensor.ndim != 2 or storage == "float32":
        return {name: tensor.contiguous()}
    if storage == "float16":
        half = tensor.half()
        if not torch.isfinite(half).all():
            raise BundleError(f"weights: {name} has values above 65504, the largest of float16")
        return {name: half.contiguous()}
    scale = tensor.abs().amax(dim=1) / 127
    # A row of zeros has scale 0.
    rows = (tensor / scale.clamp(min=torch.finfo(torch.float32).tiny).unsqueeze(1)).round().clamp(-127, 127)
    return {name: rows.to(torch.int8).contiguous(), name + _SCALE_SUFFIX: scale.contiguous()}


def _shard(tensors: Mapping[str, Tensor], max_shard_bytes: int) -> list[dict[str, Tensor]]:
    """Fill one shard after the other, in the order of the names; a tensor that does not fit is split by rows."""
    capacity = max(max_shard_bytes - _HEADER_BYTES, max_shard_bytes // 2)
    shards: list[dict[str, Tensor]] = [{}]
    room = capacity
    for name in sorted(tensors):
        tensor = tensors[name]
        if tensor.nbytes <= room or tensor.ndim == 0:
            shards[-1][name] = tensor
            room -= tensor.nbytes
            continue
        first = 0
        while first < len(tensor):
            count = room // tensor[0].nbytes or (0 if shards[-1] else 1)
            if count:
                part = tensor[first : first + count]
                shards[-1][f"{name}{_ROW_MARK}{first}"] = part.contiguous()
                room -= part.nbytes
                first += len(part)
            if first < len(tensor):
                shards.append({})
                room = capacity
    return shards


def _join(name: str, pieces: list[tuple[int, Tensor]]) -> Tensor:
    """The parameter that `pieces` (first row, rows) make together."""
    if len(pieces) == 1 and pieces[0][0] == 0:
        return pieces[0][1]
    pieces.sort(key=lambda piece: piece[0])
    row = 0
    for first, part in pieces:
        if first != row or part.shape[1:] != pieces[0][1].shape[1:] or part.dtype != pieces[0][1].dtype:
            raise BundleCorruptError(f"{name}: its shards do not fit together at row {first}")
        row += len(part)
    return torch.cat([part for _first, part in pieces])
