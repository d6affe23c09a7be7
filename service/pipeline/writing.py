"""What is sure of translations while they are written, for who reads along."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# The number of a text, and what its translation is sure to begin with.
Told = Callable[[int, str], None]


class Writing:
    """The texts of one request, each in parts that are translated apart; `told` hears whenever more of a text is sure.

    What it hears is never taken back. Used from one event loop.
    """

    def __init__(self, told: Told) -> None:
        self._told = told
        self._parts: dict[int, list[Part]] = {}
        self._known: dict[int, int] = {}

    def part(self, index: int) -> Part:
        """The next part of a text."""
        part = Part(lambda: self._grown(index))
        self._parts.setdefault(index, []).append(part)
        return part

    def _grown(self, index: int) -> None:
        sure = ""
        for part in self._parts[index]:
            text, whole = part.sure()
            sure += text
            if not whole:
                break
        if len(sure) > self._known.get(index, 0):
            self._known[index] = len(sure)
            self._told(index, sure)


class Part:
    """Pieces that join to the translation of a part of a text; nothing is known of any at first."""

    def __init__(self, grown: Callable[[], None]) -> None:
        self._grown = grown
        self._pieces: list[str | None] | None = None
        self._begun: dict[int, str] = {}

    def split(self, pieces: Sequence[str | None]) -> None:
        """What it consists of; None for what has still to be translated."""
        self._pieces = list(pieces)
        self._grown()

    def begun(self, piece: int, text: str) -> None:
        """What a piece is sure to begin with."""
        self._begun[piece] = text
        self._grown()

    def written(self, piece: int, text: str) -> None:
        """All of a piece."""
        assert self._pieces is not None
        self._pieces[piece] = text
        self._grown()

    def sure(self) -> tuple[str, bool]:
        """What it is sure to begin with, and whether that is all of it."""
        if self._pieces is None:
            return "", False
        known = ""
        for index, piece in enumerate(self._pieces):
            if piece is None:
                return known + self._begun.get(index, ""), False
            known += piece
        return known, True
