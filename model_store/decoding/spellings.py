"""How the ids of a vocabulary are spelled, so that a target can be held to a text however that is cut into tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

SPACE = "\u2581".encode()


@dataclass(frozen=True)
class Fitting:
    """What can be written where a text has to come next. ids: ascending. looked: how many bytes of the text this
    follows from, whatever is behind them; None if it also follows from where the text ends."""

    ids: tuple[int, ...]
    looked: int | None


class Spellings:
    """spelled: the UTF-8 bytes of each id, a space as U+2581; empty for one that writes nothing, such as EOS.

    continuing: the ids that go on with a word: they begin with a letter or digit, or in the middle of a character.
    """

    def __init__(self, spelled: Sequence[bytes]) -> None:
        self._spelled = tuple(spelled)
        self._sorted = sorted((spelling, id_) for id_, spelling in enumerate(spelled) if spelling)
        self._longest = max(map(len, spelled), default=0)
        self.continuing = frozenset(id_ for id_, spelling in enumerate(spelled) if _goes_on(spelling))
        self._fitting = lru_cache(maxsize=1024)(self._find)

    def fitting(self, text: bytes) -> Fitting:
        """The ids that begin with `text`, or are its beginning."""
        return self._fitting(text[: self._longest + 1])

    def left(self, text: bytes, id_: int) -> bytes:
        """What of `text` has still to come after `id_`."""
        return text[len(self._spelled[id_]) :] if id_ < len(self._spelled) else text

    def _find(self, text: bytes) -> Fitting:
        found: list[int] = []
        place = 0
        for length in range(1, len(text) + 1):
            place = bisect_left(self._sorted, (text[:length], -1), place)
            if not self._goes_on_at(place, text[:length]):
                return Fitting(tuple(sorted(found)), length)
            alike = bisect_left(self._sorted, (text[:length], len(self._spelled)), place)
            found += [id_ for _spelling, id_ in self._sorted[place:alike]]
            place = alike
        while self._goes_on_at(place, text):
            found.append(self._sorted[place][1])
            place += 1
        return Fitting(tuple(sorted(found)), None)

    def _goes_on_at(self, place: int, text: bytes) -> bool:
        return place < len(self._sorted) and self._sorted[place][0].startswith(text)


def _goes_on(spelling: bytes) -> bool:
    """A lone byte above 127 is part of a character that is in no other piece, a letter as a rule."""
    if not spelling or spelling.startswith(SPACE):
        return False
    first = spelling.decode(errors="replace")[0]
    return first.isalnum() or first == "\ufffd"


NO_SPELLINGS = Spellings(())
