"""Vocabulary shortlists: the tokens that a source may be translated by (Jean et al. 2015, arXiv 1412.2007).

They are what its tokens are translated by as a rule, which word alignments of the training data say; what occurs in
every other target; and its own tokens, since names and numbers are copied. A step then scores a thousand tokens instead
of the whole vocabulary. Each segment has its own list, so that its result does not depend on what runs beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from model_store.translations import Ids, Translations


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
        tokens = np.unique(np.array(source))
        ids = np.unique(np.concatenate((self._eos, table.common, tokens, *map(table.of, tokens.tolist()))))
        listed: Ids = ids[self._allowed[ids]]
        return listed
