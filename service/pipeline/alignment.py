"""Turns token positions into spans of characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from model_store.decoding.segment import Hypothesis
from model_store.tokenizer import Tokenizer
from service.pipeline.translation import Link

_SPACE_PIECE = "\u2581"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def align(
    source: str, target: str, source_ids: Sequence[int], hypothesis: Hypothesis, tokenizer: Tokenizer
) -> tuple[Link, ...] | None:
    """A link per target token that has characters and attends most to a source token; a source token of only a space
    stands for what follows it.

    None if the network has no attention, or if the tokens do not spell the texts (which only a text with U+2581, or
    a decoder that writes broken UTF-8, brings about).
    """
    if hypothesis.alignment is None:
        return None
    prefix = tokenizer.source_prefix
    source_spans = token_spans(tokenizer.pieces(source_ids[prefix:-1]), source)
    target_spans = token_spans(tokenizer.pieces(hypothesis.tokens), target)
    if source_spans is None or target_spans is None:
        return None
    links = []
    for target_span, position in zip(target_spans, hypothesis.alignment, strict=True):
        source_span = next((span for span in source_spans[max(position - prefix, 0) :] if span), None)
        if target_span and position >= prefix and source_span:
            links.append(Link(source_span, target_span))
    return tuple(links)


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
    # Index of the character that each byte belongs to.
    characters = [index for index, character in enumerate(text) for _ in character.encode()]
    spans: list[tuple[int, int] | None] = []
    end = -dummy
    for part in parts:
        start, end = end, end + len(part)
        first = start + len(part) - len(part.lstrip(b" "))
        spans.append((characters[first], characters[end - 1] + 1) if first < end else None)
    return spans


def _piece_bytes(piece: str) -> bytes:
    match = _BYTE.fullmatch(piece)
    return bytes([int(match[1], 16)]) if match else piece.replace(_SPACE_PIECE, " ").encode()
