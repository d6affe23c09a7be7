"""A text in the pieces that a model is given: sentences and clauses, with no placeholder cut; and what is copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from service.catalogue import Leg
from service.errors import InvalidRequestError
from service.pipeline.leg import split_for
from service.text.alphabet import Alphabet, alphabet_of, core_of
from service.text.edits import Edit, EditedText, Span
from service.text.escapes import escapes
from service.text.glossary import Glossary
from service.text.inline_tags import breaking_tags, tag_pairs
from service.text.posts import said
from service.text.segmentation import Piece, has_letter
from service.text.shield import find_atoms, without_placeholders

# What a placeholder is while a text is cut into sentences: a word, so that no sentence ends in it.
VEIL = "USB"


def known_alphabet(leg: Leg) -> Alphabet:
    """The letters that the model of a leg has learned."""
    return alphabet_of(leg.model.tokenizer.characters)


def pieces_of(leg: Leg, text: str, glossary: Glossary | None = None) -> list[Piece]:
    """The pieces of a text; no placeholder is cut, and what is nothing but placeholders or letters that the model has
    not learned is copied, and so are tags, escapes and emoji at the end of a sentence."""
    return [part for piece in _uncut_pieces(leg, text, glossary) for part in _without_edges(leg, piece)]


def _without_edges(leg: Leg, piece: Piece) -> Iterator[Piece]:
    text = piece.text
    start, end = _core(text) if piece.translate else (0, 0)
    core = text[start:end]
    kept = [Edit(*span, "") for span in known_alphabet(leg).kept(core)] if core else []
    if not core or (kept and not has_letter(without_placeholders(EditedText(core, kept).text))):
        yield Piece(text, translate=False)
        return
    for part in (Piece(text[:start], translate=False), replace(piece, text=core), Piece(text[end:], translate=False)):
        if part.text:
            yield part


def _core(text: str) -> Span:
    """Without what is no part of the sentence at either end."""
    start, end = core_of(text)
    for inner in (said, core_of):
        low, high = inner(text[start:end])
        start, end = start + low, start + high
    return start, end


def _uncut_pieces(leg: Leg, text: str, glossary: Glossary | None) -> list[Piece]:
    pieces: list[Piece] = []
    done = 0
    for start, end in sorted((*breaking_tags(text), *escapes(text))):
        pieces += [*_pieces_between(leg, text[done:start], glossary), Piece(text[start:end], translate=False)]
        done = end
    return pieces + _pieces_between(leg, text[done:], glossary)


def _pieces_between(leg: Leg, text: str, glossary: Glossary | None) -> list[Piece]:
    atoms = find_atoms(text, tags=True)
    if not atoms:
        return split_for(leg, text, glossary)
    # Tags are no words, and end no sentence.
    tags = set(atoms) - set(find_atoms(text))
    veiled = EditedText(text, [Edit(*atom, "" if atom in tags else VEIL) for atom in atoms])
    back = EditedText(
        veiled.text, [Edit(*place, text[slice(*atom)]) for place, atom in zip(veiled.moved, atoms, strict=True)]
    )
    closing = {start: end for start, end in tags if text.startswith("</", start)}
    pieces: list[Piece] = []
    start = veiled_start = 0
    for piece in split_for(leg, veiled.text, glossary, [veiled.span(pair) for pair in tag_pairs(text)]):
        veiled_end = veiled_start + len(piece.text)
        end = max(start, back.span((veiled_start, veiled_end))[1])
        while end in closing:
            end = closing[end]
        part, veiled_start = text[start:end], veiled_end
        if part:
            translate = piece.translate and has_letter(without_placeholders(part))
            pieces.append(replace(piece, text=part) if translate else Piece(part, translate=False))
        start = end
    return pieces if start == len(text) else [*pieces, Piece(text[start:], translate=False)]


def whole(leg: Leg, text: str) -> list[Piece]:
    """A text as one segment, but for the white space, emoji and the like around it.

    Raises:
        InvalidRequestError: it is longer than the model reads at once.
    """
    edges = len(text) - len(text.lstrip())
    start, end = (edges + place for place in core_of(text.strip()))
    core = text[start:end]
    tokens, most = len(leg.model.tokenizer.encode(core)), leg.model.max_source_tokens
    if tokens > most:
        raise InvalidRequestError("text", f"{tokens} tokens; allowed with a prefix: at most {most}, in one segment")
    parts = ((text[:start], False), (core, has_letter(core)), (text[end:], False))
    return [Piece(part, translate) for part, translate in parts if part]
