"""What tokens are translated by, as a bundle holds it beside its weights: for vocabulary shortlists.

Legend: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from model_store.errors import BundleCorruptError

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Translations:
    """Into one language. common: ids that may occur in any target. ids: those that translate token s lie from
    offsets[s] to offsets[s + 1], offsets of shape = (V + 1,)."""

    common: Ids
    offsets: Ids
    ids: Ids

    def of(self, token: int) -> Ids:
        """The ids that translate a token."""
        return self.ids[self.offsets[token] : self.offsets[token + 1]]


def pack_translations(by_language: Mapping[str, Translations]) -> bytes:
    """As safetensors, in few bytes. The same translations give the same bytes."""
    return safetensors.numpy.save(
        {
            f"{language}.{field}": _narrow(getattr(each, field))
            for language, each in sorted(by_language.items())
            for field in ("common", "offsets", "ids")
        }
    )


def _narrow(values: Ids) -> NDArray[np.uint16] | NDArray[np.uint32]:
    return values.astype(np.uint16) if values.max(initial=0) < 1 << 16 else values.astype(np.uint32)


def unpack_translations(content: bytes, *, vocabulary: int) -> dict[str, Translations]:
    """By language. Raises BundleCorruptError if they are not whole, or not of a vocabulary of that size."""
    try:
        tensors = safetensors.numpy.load(content)
    except safetensors.SafetensorError as error:
        raise BundleCorruptError(f"not safetensors: {error}") from error
    found = {}
    for language in sorted({name.rpartition(".")[0] for name in tensors}):
        try:
            fields = {field: tensors[f"{language}.{field}"].astype(np.int64) for field in ("common", "offsets", "ids")}
        except KeyError as error:
            raise BundleCorruptError(f"{error.args[0]} is missing") from error
        each = Translations(**fields)
        whole = len(each.offsets) == vocabulary + 1 and each.offsets[0] == 0 and each.offsets[-1] == len(each.ids)
        if not whole or bool((np.diff(each.offsets) < 0).any()):
            raise BundleCorruptError(f"{language}.offsets: they are not those of {vocabulary} tokens")
        if max(each.ids.max(initial=0), each.common.max(initial=0)) >= vocabulary:
            raise BundleCorruptError(f"{language}: an id is not below {vocabulary}, the size of the vocabulary")
        found[language] = each
    return found
