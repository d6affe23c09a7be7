"""Turns the pieces of a tokenizer into spans of characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

_SPACE_PIECE = "\u2581"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def token_spans(pieces: Sequence[str], text: str) -> list[tuple[int, int] | None] | None:
    """The characters of `text` that each piece covers, without the space in front of a word.

    A byte piece covers the character that it is a part of; a piece of only a space covers none (None). The result is
    None if the pieces do not spell `text`.
    """
    parts = [_piece_bytes(piece) for piece in pieces]
    spelled = b"".join(parts)
    dummy = 1 if spelled == b" " + text.encode() else 0
    if spelled[dummy:] != text.encode():
        return None
    # Index of the character that each byte belongs to: all but the first byte of one are 10xxxxxx.
    encoded = np.frombuffer(text.encode(), dtype=np.uint8)
    characters = (np.cumsum(encoded & 0xC0 != 0x80) - 1).tolist()
    spans: list[tuple[int, int] | None] = []
    end = -dummy
    for part in parts:
        start, end = end, end + len(part)
        first = start + len(part) - len(part.lstrip(b" "))
        spans.append((characters[first], characters[end - 1] + 1) if first < end else None)
    return spans


@lru_cache(maxsize=1 << 16)
def _piece_bytes(piece: str) -> bytes:
    match = _BYTE.fullmatch(piece)
    return bytes([int(match[1], 16)]) if match else piece.replace(_SPACE_PIECE, " ").encode()
