"""How the ids of a vocabulary are spelled, so that a target can be held to a text however that is cut into tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

SPACE = "\u2581".encode()


class Spellings:
    """spelled: the UTF-8 bytes of each id, a space as U+2581; empty for one that writes nothing, such as EOS.

    continuing: the ids that go on with a word: they begin with a letter or digit, or in the middle of a character.
    """

    def __init__(self, spelled: Sequence[bytes]) -> None:
        self._spelled = tuple(spelled)
        self._sorted = sorted((spelling, id_) for id_, spelling in enumerate(spelled) if spelling)
        self.continuing = frozenset(id_ for id_, spelling in enumerate(spelled) if _goes_on(spelling))
        self.fitting = lru_cache(maxsize=256)(self._fitting)

    def _fitting(self, text: bytes) -> tuple[int, ...]:
        """The ids that can be written where `text` has to come next: they begin with it, or are its beginning."""
        found = []
        for length in range(1, len(text)):
            found += self._spelled_like(text[:length])
        place = bisect_left(self._sorted, (text, -1))
        while place < len(self._sorted) and self._sorted[place][0].startswith(text):
            found.append(self._sorted[place][1])
            place += 1
        return tuple(sorted(found))

    def left(self, text: bytes, id_: int) -> bytes:
        """What of `text` has still to come after `id_`."""
        return text[len(self._spelled[id_]) :] if id_ < len(self._spelled) else text

    def _spelled_like(self, text: bytes) -> list[int]:
        place, found = bisect_left(self._sorted, (text, -1)), []
        while place < len(self._sorted) and self._sorted[place][0] == text:
            found.append(self._sorted[place][1])
            place += 1
        return found


def _goes_on(spelling: bytes) -> bool:
    """A lone byte above 127 is part of a character that is in no other piece, a letter as a rule."""
    if not spelling or spelling.startswith(SPACE):
        return False
    first = spelling.decode(errors="replace")[0]
    return first.isalnum() or first == "\ufffd"


NO_SPELLINGS = Spellings(())
