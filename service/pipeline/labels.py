"""Translations of labels get the access key that the labels were translated without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.pipeline.translation import Candidate, Link, SegmentTranslation, TextTranslation
from service.text.access_keys import AccessKey, place_of_key
from service.text.edits import Edit, EditedText, Span


def with_key(text: TextTranslation, key: AccessKey) -> TextTranslation:
    """As if the label had been translated with the sign in it. text: of `key.label`."""
    pieces: list[str | SegmentTranslation] = []
    end = 0
    for piece in text.pieces:
        source = piece if isinstance(piece, str) else piece.source
        start, end = end, end + len(source)
        if not start <= key.place < end:
            pieces.append(piece)
        elif isinstance(piece, str):
            pieces.append(_with_sign(piece, key.place - start, key.sign).text)
        else:
            pieces.append(_with_key(piece, key.place - start, key))
    return TextTranslation(tuple(pieces))


def _with_key(segment: SegmentTranslation, place: int, key: AccessKey) -> SegmentTranslation:
    read = _with_sign(segment.source, place, key.sign)
    candidates = tuple(_written(candidate, place, key, read) for candidate in segment.candidates)
    return replace(segment, source=read.text, candidates=candidates)


def _written(candidate: Candidate, place: int, key: AccessKey, read: EditedText) -> Candidate:
    links = candidate.alignment
    at = place_of_key(key.letter, candidate.text, _target_of(place, links or ()))
    written = EditedText(candidate.text, ()) if at is None else _with_sign(candidate.text, at, key.sign)
    moved = [Link(read.span(link.source), written.span(link.target)) for link in links or ()]
    if at is not None:  # as a mark of punctuation, so that a tag around it is around it again
        word = next((link.source for link in moved if link.source[0] < place < link.source[1]), (place, place + 1))
        moved = sorted([*moved, Link(word, (at, at + 1))], key=lambda link: link.target)
    return replace(
        candidate,
        text=written.text,
        alignment=links and tuple(moved),
        terms=tuple(use.moved(read, written) for use in candidate.terms),
    )


def _target_of(place: int, links: Sequence[Link]) -> Span | None:
    return next((link.target for link in links if link.source[0] <= place < link.source[1]), None)


def _with_sign(text: str, place: int, sign: str) -> EditedText:
    return EditedText(text, [Edit(place, place, sign)])
