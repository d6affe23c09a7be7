"""Turns the pieces of a tokenizer into spans of characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

_SPACE_PIECE = "\u2581"
_BYTES_BEGIN = "<0x"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def token_spans(pieces: Sequence[str], text: str) -> list[tuple[int, int] | None] | None:
    """The characters of `text` that each piece covers, without the space in front of a word.

    A byte piece covers the character that it is a part of; a piece of only a space covers none (None). The result is
    None if the pieces do not spell `text`.
    """
    parts = [piece.replace(_SPACE_PIECE, " ") for piece in pieces]
    spelled = "".join(parts)
    if _BYTES_BEGIN in spelled:
        return _spans_with_bytes(pieces, text)
    dummy = 1 if spelled == f" {text}" else 0
    return _spans([(len(part), len(part.lstrip(" "))) for part in parts], dummy) if spelled[dummy:] == text else None


def _spans(lengths: Sequence[tuple[int, int]], dummy: int) -> list[tuple[int, int] | None]:
    """lengths: of each piece, with and without the spaces in front. dummy: how much is in front of the text."""
    spans: list[tuple[int, int] | None] = []
    end = -dummy
    for whole, bare in lengths:
        end += whole
        spans.append((end - bare, end) if bare else None)
    return spans


def _spans_with_bytes(pieces: Sequence[str], text: str) -> list[tuple[int, int] | None] | None:
    parts = [_piece_bytes(piece) for piece in pieces]
    spelled, encoded = b"".join(parts), text.encode()
    dummy = 1 if spelled == b" " + encoded else 0
    if spelled[dummy:] != encoded:
        return None
    # Index of the character that each byte belongs to: all but the first byte of one are 10xxxxxx.
    characters = (np.cumsum(np.frombuffer(encoded, dtype=np.uint8) & 0xC0 != 0x80) - 1).tolist()
    spans = _spans([(len(part), len(part.lstrip(b" "))) for part in parts], dummy)
    return [span and (characters[span[0]], characters[span[1] - 1] + 1) for span in spans]


def _piece_bytes(piece: str) -> bytes:
    match = _BYTE.fullmatch(piece)
    return bytes([int(match[1], 16)]) if match else piece.replace(_SPACE_PIECE, " ").encode()
