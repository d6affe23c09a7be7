"""Vocabulary shortlists: the tokens that a source may be translated by (Jean et al. 2015, arXiv 1412.2007).

They are what its tokens are translated by as a rule, which word alignments of the training data say; what occurs in
every other target; and its own tokens, since names and numbers are copied. A step then scores a thousand tokens instead
of the whole vocabulary. Each segment has its own list, so that its result does not depend on what runs beside it.

Legend: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Translations:
    """Into one language. common: ids that belong to every list. ids: those that translate token s lie from offsets[s]
    to offsets[s + 1], offsets of shape = (V + 1,)."""

    common: NDArray[np.integer]
    offsets: NDArray[np.integer]
    ids: NDArray[np.integer]


class Shortlist:
    """tables: by the language token that a source begins with. forbidden: ids that are in no list. eos: is in every."""

    def __init__(self, tables: Mapping[int, Translations], *, forbidden: Sequence[int], eos: int) -> None:
        self._tables = tables
        self._allowed = np.ones(max((len(table.offsets) - 1 for table in tables.values()), default=0), dtype=np.bool_)
        self._allowed[list(forbidden)] = False
        self._eos = np.array([eos])

    def of(self, source: Sequence[int]) -> Ids | None:
        """The list for a source, ascending; None where there are no translations into its target language."""
        table = self._tables.get(source[0])
        if table is None:
            return None
        tokens = np.array(source)
        own = [table.ids[table.offsets[token] : table.offsets[token + 1]] for token in np.unique(tokens)]
        ids = np.unique(np.concatenate((self._eos, table.common, tokens, *own)).astype(np.int64))
        return ids[self._allowed[ids]]
