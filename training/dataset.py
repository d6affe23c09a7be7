"""Prepared sentence pairs as packed token ids: what `prepare` writes and the trainer maps into memory.

Legend: P pairs, N examples (a pair in one direction), B batch, S source length, T target length.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model_store.config import Formality, Task
from model_store.errors import ConfigError
from model_store.tokenizer import UNK_ID, Tokenizer

Ints = NDArray[np.int64]

# Stands before the first subword of a side that a model wrote, so that the network can tell such a source from a
# genuine one (Caswell et al. 2019, arXiv:1906.06442). "<unk>" is free for that: every vocabulary has it, so a bundle
# that was trained without such pairs can go on with them, and no text is encoded to it, since a character that a
# vocabulary lacks is spelled in bytes.
BACK_TRANSLATED_ID = UNK_ID


@dataclass(frozen=True)
class PackedPairs:
    """Subword ids of P pairs, end to end, without language tokens or EOS; a tag heads each side that a model wrote.

    ids: uint16 or int32. offsets: int64, shape = (2P + 1,): side s of pair p lies from offsets[2p + s] to
    offsets[2p + s + 1].
    left, right: index into `languages` of each pair's sides, int16, shape = (P,). repeats: int16, shape = (P,).
    formality: of both sides, index into the values of Formality, int8, shape = (P, 2).
    """

    ids: NDArray[np.int32 | np.uint16]
    offsets: Ints
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    repeats: NDArray[np.int16]
    languages: tuple[str, ...]
    formality: NDArray[np.int8]

    @classmethod
    def of(cls, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], languages: tuple[str, str]) -> PackedPairs:
        """Subword ids of pairs whose left and right sides are of these two languages, each once."""
        sides = [side for pair in pairs for side in pair]
        return cls(
            np.fromiter(itertools.chain.from_iterable(sides), dtype=np.int32),
            np.cumsum([0, *map(len, sides)]).astype(np.int64),
            np.zeros(len(pairs), dtype=np.int16),
            np.ones(len(pairs), dtype=np.int16),
            np.ones(len(pairs), dtype=np.int16),
            languages,
            np.zeros((len(pairs), 2), dtype=np.int8),
        )

    def __len__(self) -> int:
        return len(self.left)

    def side(self, pair: int, side: int) -> list[int]:
        """Subword ids of the left (0) or right (1) side of a pair."""
        start, end = self.offsets[2 * pair + side], self.offsets[2 * pair + side + 1]
        return self.ids[start:end].tolist()  # type: ignore[no-any-return]

    @property
    def back_translated(self) -> NDArray[np.bool_]:
        """Which sides a model wrote, those that begin with BACK_TRANSLATED_ID: shape = (P, 2)."""
        start, end = self.offsets[:-1], self.offsets[1:]
        written = np.asarray(start < end)
        written[written] = self.ids[start[written]] == BACK_TRANSLATED_ID
        return written.reshape(-1, 2)

    def save(self, folder: Path) -> None:
        """Write one .npy a field, so that load() maps instead of reading."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("ids", "offsets", "left", "right", "repeats", "formality"):
            _save(folder / f"{name}.npy", getattr(self, name))
        _save(folder / "languages.npy", np.array(self.languages))

    @classmethod
    def load(cls, folder: Path) -> PackedPairs:
        """Map what save() wrote.

        Raises:
            FileNotFoundError: nothing was prepared there.
            ConfigError: a file is not whole.
        """
        fields = {name: _mapped(folder / f"{name}.npy") for name in ("ids", "offsets", "left", "right", "repeats")}
        languages = tuple(str(code) for code in _mapped(folder / "languages.npy"))
        kept = folder / "formality.npy"  # not there if it was prepared before there was such a thing
        formality = _mapped(kept) if kept.exists() else np.zeros((len(fields["left"]), 2), np.int8)
        return cls(**fields, languages=languages, formality=formality)


def _save(path: Path, values: NDArray[Any]) -> None:
    with path.open("wb") as file:
        # To a file NumPy writes by C's own buffers, and does not notice when the disk has no room for the last of them.
        np.save(SimpleNamespace(write=file.write), values, allow_pickle=False)


def _mapped(path: Path) -> NDArray[Any]:
    try:
        mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ConfigError(f"{path}: is not whole ({error}); remove {path.parents[1]} and prepare again") from error
    return mapped


@dataclass(frozen=True)
class Batch:
    """Examples as rectangles of ids, 0 past each end.

    source: int64, shape = (B, S). source_lengths: int64 on the CPU, shape = (B,). target_in, target_out: int64,
    shape = (B, T), shifted against each other by one. target_mask: bool, shape = (B, T).
    """

    source: Tensor
    source_lengths: Tensor
    target_in: Tensor
    target_out: Tensor
    target_mask: Tensor

    @property
    def fields(self) -> tuple[Tensor, Ints, Tensor, Tensor, Tensor]:
        """The fields in order, the lengths as an array: torch's DistributedDataParallel moves tensors to the GPU, and
        these have to stay on the host."""
        return self.source, self.source_lengths.numpy(), self.target_in, self.target_out, self.target_mask

    @property
    def source_tokens(self) -> int:
        """Source tokens, language token and EOS counted."""
        return int(self.source_lengths.sum())

    @property
    def target_tokens(self) -> int:
        """Target tokens, EOS counted."""
        return int(self.target_mask.sum())

    def unlearned(self) -> Batch:
        """The same examples without a target token: loss and gradients of every weight are zero."""
        return replace(self, target_mask=torch.zeros_like(self.target_mask))

    def to(self, device: torch.device) -> Batch:
        """The batch on `device`; lengths stay on the CPU, where packing wants them."""
        move = [
            tensor.to(device, non_blocking=True)
            for tensor in (self.source, self.target_in, self.target_out, self.target_mask)
        ]
        return Batch(move[0], self.source_lengths, move[1], move[2], move[3])


class Examples:
    """Every pair in every direction asked for, `repeats` times, but none whose target a model wrote.

    source_lengths, target_lengths: tokens of each example as the network sees it, int64, shape = (N,).
    """

    def __init__(
        self, pairs: PackedPairs, directions: Sequence[tuple[str, str]], tokenizer: Tokenizer, task: Task
    ) -> None:
        self._pairs = pairs
        self._tokenizer = tokenizer
        ways: tuple[Formality, ...] = get_args(Formality) if tokenizer.has_formality else ("default",)
        self._prefixes = np.array(  # (languages, formalities, prefix)
            [[tokenizer.prefix_ids(code, task, way) for way in ways] for code in pairs.languages]
        )
        lengths = np.diff(pairs.offsets).reshape(-1, 2)  # (P, 2)
        genuine = ~pairs.back_translated  # (P, 2)
        index: list[Ints] = []
        swapped: list[NDArray[np.bool_]] = []
        for source, target in directions:
            for swap in (False, True) if source != target else (False,):
                left, right = (target, source) if swap else (source, target)
                if left not in pairs.languages or right not in pairs.languages:
                    continue
                chosen = np.flatnonzero(
                    (pairs.left == pairs.languages.index(left))
                    & (pairs.right == pairs.languages.index(right))
                    & genuine[:, 0 if swap else 1]
                )
                chosen = np.repeat(chosen, pairs.repeats[chosen])
                index.append(chosen)
                swapped.append(np.full(len(chosen), swap))
        self._pair = np.concatenate(index) if index else np.empty(0, np.int64)
        self._swapped = np.concatenate(swapped) if swapped else np.empty(0, np.bool_)
        source_side = self._swapped.astype(np.int64)
        self.source_lengths: Ints = lengths[self._pair, source_side] + self._prefixes.shape[2] + 1
        self.target_lengths: Ints = lengths[self._pair, 1 - source_side] + 1

    def __len__(self) -> int:
        return len(self._pair)

    def batch(self, indices: Sequence[int] | Ints) -> Batch:
        """The examples `indices` as one batch. The same few array operations whatever its size: a GPU must not wait."""
        pair, swapped = self._pair[indices], self._swapped[indices]
        written = np.where(swapped, self._pairs.left[pair], self._pairs.right[pair])
        source_side = swapped.astype(np.int64)
        way = np.minimum(self._pairs.formality[pair, 1 - source_side], self._prefixes.shape[1] - 1)
        ids, _source_mask = self._rectangle(pair, source_side)
        source = np.concatenate((self._prefixes[written, way], ids), axis=1)
        target_out, mask = self._rectangle(pair, 1 - source_side)
        target_in = np.concatenate((np.full((len(pair), 1), self._tokenizer.bos_id), target_out[:, :-1]), axis=1)
        target_in *= mask
        tensors = (source, self.source_lengths[indices], target_in, target_out, mask)
        return Batch(*map(torch.from_numpy, tensors))

    def _rectangle(self, pair: Ints, side: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Ids of one side of each pair, EOS behind them and 0 behind that, and where there is a token: (B, length)."""
        offsets = self._pairs.offsets
        start, end = offsets[2 * pair + side, None], offsets[2 * pair + side + 1, None]  # (B, 1)
        place = start + np.arange(int((end - start).max(initial=0)) + 1)  # (B, length)
        ids = np.zeros(place.shape, dtype=np.int64)
        ids[place < end] = self._pairs.ids[place[place < end]]
        ids[place == end] = self._tokenizer.eos_id
        return ids, place <= end
