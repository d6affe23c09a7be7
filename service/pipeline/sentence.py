"""One sentence on its way through a model: placeholders shielded and capitals small on the way in, put back after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import starmap

from service.catalogue import Leg
from service.errors import InvalidRequestError
from service.pipeline.leg import split_for
from service.pipeline.quality import changes_numbers, is_low, loses_symbols, repeats
from service.pipeline.terms import TermUse, rest_of, terms_in, uses
from service.pipeline.translation import Candidate, Link, SegmentTranslation, WarningName
from service.text.alphabet import Alphabet, alphabet_of, core_of
from service.text.casing import Recased, begun_large, recase
from service.text.copied import spans_of
from service.text.edits import Edit, EditedText, Span, blanked, without
from service.text.escapes import escapes
from service.text.glossary import Glossary, Occurrence, in_any_form
from service.text.inline_tags import breaking_tags, without_pairs
from service.text.markup import Run
from service.text.posts import said
from service.text.segmentation import Piece, has_letter
from service.text.shield import Shielded, find_atoms, shield, unshielded, without_placeholders
from service.text.tag_placement import with_tags
from service.text.words import evenly

LOST: WarningName = "placeholder_lost"
MISSING: WarningName = "term_missing"
CHANGED: WarningName = "number_changed"
_LOSSES = frozenset({LOST, CHANGED})
# What a placeholder is while a text is cut into sentences: a word, so that no sentence ends in it.
_VEIL = "USB"
_NOTHING: Counter[str] = Counter()
# What a translation may end in, and a clause may not.
_END = " .,;:!?…"


@dataclass(frozen=True)
class Sentence:
    """text: as it was asked for. recased: what the model is given. terms: of the glossary, where that has them. run:
    the text without its tags that come in pairs, if it has such. goes_on: whether it is a clause without a mark at its
    end, whose translation has none either, since one follows."""

    text: str
    shielded: Shielded
    recased: Recased
    terms: tuple[Occurrence, ...] = ()
    run: Run | None = None
    goes_on: bool = False

    @property
    def plain(self) -> bool:
        """Whether what the model writes is the translation, but for marks at the end of a clause."""
        recased = self.recased.shouted or self.recased.small is not None
        return not (self.shielded.atoms or recased or self.run is not None)

    def begun(self, text: str) -> str:
        """What the translation begins with, of a sentence that is plain, when the model has written `text`."""
        return text.rstrip(_END) if self.goes_on else text

    def restore(self, decoded: SegmentTranslation, n_best: int) -> SegmentTranslation:
        """As if `text` itself had been decoded: the `n_best` candidates, those first that have kept the most
        placeholders and say anything. Where the best has lost nothing, there are no others that have."""
        restored = [self._restored(candidate) for candidate in decoded.candidates]
        restored.sort(
            key=lambda each: (
                LOST in each.warnings,
                not each.text,
                *(name in each.warnings for name in (MISSING, CHANGED)),
            )
        )
        candidates: dict[str, Candidate] = {}
        for candidate in restored:
            candidates.setdefault(candidate.text, candidate)
        best, *others = candidates.values()
        if not _LOSSES & set(best.warnings):
            others = [each for each in others if not _LOSSES & set(each.warnings)]
        return replace(
            decoded,
            source=self.text,
            candidates=(best, *others[: n_best - 1]),
            alignment=best.alignment,
            warnings=best.warnings,
        )

    def _restored(self, candidate: Candidate) -> Candidate:
        if self.goes_on:
            candidate = _without_end(candidate)
        links = candidate.alignment or ()
        target = self.recased.restore(candidate.text)
        restored = self.shielded.restore(target, [(link.source, link.target) for link in links])
        back = self.shielded.unshielded()
        moved = [(back.span(link.source), restored.edited.span(link.target)) for link in links]
        written = blanked(restored.edited.text, restored.edited.moved)
        terms = uses(self.terms, written, [back.span(each.span) for each in self.terms])
        placeholders = self.shielded.atoms, restored.edited.moved
        source, bare = map(without, (self.shielded.text, restored.edited.text), placeholders)
        rest = tuple(map(without, rest_of(self.shielded.text, restored.edited.text, terms), placeholders))
        kept = [link for link in starmap(Link, restored.linked(moved)) if _is_there(link)]
        text, kept, terms = self._tagged(restored.edited.text, kept, terms)
        found: dict[WarningName, bool] = {
            LOST: restored.lost > 0 or self._loses(text) or loses_symbols(*rest),
            MISSING: any(each.target is None for each in terms),
            "repetition": repeats(source, bare),
            CHANGED: changes_numbers(*rest),
            "uncovered_source": candidate.uncovered > 0,
            "low_score": is_low(candidate.score),
        }
        return replace(
            candidate,
            text=text,
            alignment=None if candidate.alignment is None else tuple(kept),
            warnings=(*candidate.warnings, *(name for name, there in found.items() if there)),
            terms=terms,
        )

    def _tagged(
        self, target: str, links: list[Link], terms: tuple[TermUse, ...]
    ) -> tuple[str, list[Link], tuple[TermUse, ...]]:
        """A translation with its tags in it, and where links and terms have come to stand for them."""
        if self.run is None:
            return target, links, terms
        ordered = sorted(((link.source, link.target) for link in links), key=lambda link: link[1])
        written = with_tags(self.run, target, ordered or evenly(self.run.text, target))
        read = EditedText(self.run.text, [Edit(mark.position, mark.position, mark.source) for mark in self.run.marks])
        return (
            written.text,
            [Link(read.span(link.source), written.span(link.target)) for link in links],
            tuple(use.moved(read, written) for use in terms),
        )

    def _loses(self, target: str) -> bool:
        """Whether a placeholder that the model was given as it is is not there any more."""
        shielded = bool(self.shielded.atoms)
        given = unshielded(self.text, shielded=shielded)
        return bool(given) and bool(given - unshielded(target, shielded=shielded))


def prepare(
    leg: Leg, piece: Piece, stand_ins: Sequence[str], glossary: Glossary | None, lost: Counter[str] = _NOTHING
) -> Sentence:
    """What the model is given of one segment; it fits if the segment, as `pieces_of` cuts it, does. lost: numbers and
    symbols that the model has not copied, so that they are kept from it."""
    text = piece.text
    run = without_pairs(text)
    bare = replace(piece, text=text if run is None else run.text)
    sentence = _shielded(leg, bare, stand_ins, glossary, lost)
    terms = terms_in(sentence.recased.text, glossary, sentence.shielded.places)
    goes_on = piece.goes_on and not text.endswith(tuple(_END))
    return replace(sentence, text=text, run=run, goes_on=goes_on, terms=terms)


def in_both_cases(leg: Leg, sentence: Sentence) -> tuple[Sentence, Sentence | None]:
    """A sentence as it is, and one that begins with a small letter as one that begins with a capital too, as most do
    that a network has learned from; the translation of either begins as it does."""
    tokenizer = leg.model.tokenizer
    recased = begun_large(sentence.recased.text, leg.target, lambda word: len(tokenizer.encode(word)))
    if recased is None:
        return sentence, None
    sentence = replace(sentence, recased=replace(sentence.recased, small=recased.small))
    if len(tokenizer.encode(recased.text)) > leg.model.max_source_tokens:
        return sentence, None
    return sentence, replace(sentence, recased=recased)


def as_it_is(leg: Leg, text: str, glossary: Glossary | None) -> Sentence:
    """A segment that the model is given as it stands, since its translation has been begun."""
    shielded = shield(text, (), (), _alphabet(leg).respelled(text))
    given = shielded.edited.text
    return Sentence(text, shielded, Recased(given), terms_in(given, glossary, find_atoms(given, tags=True)))


def _alphabet(leg: Leg) -> Alphabet:
    return alphabet_of(leg.model.tokenizer.characters)


def _shielded(
    leg: Leg, piece: Piece, stand_ins: Sequence[str], glossary: Glossary | None, lost: Counter[str]
) -> Sentence:
    text, most = piece.text, leg.model.max_source_tokens

    def count(part: str) -> int:
        return len(leg.model.tokenizer.encode(part))

    alphabet = _alphabet(leg)
    kept = alphabet.kept(text)
    terms = terms_in(text, glossary, find_atoms(text, tags=True, also=kept))
    # A term is not kept from the model: what was lost of it is what it should have become.
    also = spans_of(blanked(text, [each.span for each in terms]), lost)
    atoms = find_atoms(text, tags=True, also=[*also, *kept])
    # None that a term becomes, or it would be taken for the term, or the term for a placeholder.
    forms = [form for each in terms for form in each.term.forms]
    stand_ins = [word for word in stand_ins if not in_any_form(word, forms)] or stand_ins
    respelled = alphabet.respelled(text)
    shielded = shield(text, atoms, stand_ins, respelled)
    if atoms and count(shielded.edited.text) > most:
        shielded = shield(text, atoms, (_VEIL,), respelled)
    if lost and count(shielded.edited.text) > most:  # a digit is shorter than what stands in for it
        return _shielded(leg, piece, stand_ins, glossary, _NOTHING)
    given = shielded.edited.text
    recased = Recased(given) if piece.names else recase(given, leg.source, count)
    fits = recased.text == given or count(recased.text) <= most
    return Sentence(text, shielded, recased if fits else Recased(given))


def pieces_of(leg: Leg, text: str, glossary: Glossary | None = None) -> list[Piece]:
    """The pieces of a text; no placeholder is cut, and what is nothing but placeholders or letters that the model has
    not learned is copied, and so are tags, escapes and emoji at the end of a sentence."""
    return [part for piece in _uncut_pieces(leg, text, glossary) for part in _without_edges(leg, piece)]


def _without_edges(leg: Leg, piece: Piece) -> Iterator[Piece]:
    text = piece.text
    start, end = _core(text) if piece.translate else (0, 0)
    core = text[start:end]
    kept = [Edit(*span, "") for span in _alphabet(leg).kept(core)] if core else []
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
    tags = set(find_atoms(text, tags=True)) - set(find_atoms(text))
    veiled = EditedText(text, [Edit(*atom, "" if atom in tags else _VEIL) for atom in atoms])
    back = EditedText(
        veiled.text, [Edit(*place, text[slice(*atom)]) for place, atom in zip(veiled.moved, atoms, strict=True)]
    )
    closing = {start: end for start, end in tags if text.startswith("</", start)}
    pieces: list[Piece] = []
    start = veiled_start = 0
    for piece in split_for(leg, veiled.text, glossary):
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


def _without_end(candidate: Candidate) -> Candidate:
    """Without the marks that a network writes at the end of a sentence. They are nothing else's translation."""
    end = len(candidate.text.rstrip(_END))
    links = candidate.alignment
    return replace(
        candidate,
        text=candidate.text[:end],
        alignment=links and tuple(link for link in links if link.target[1] <= end),
    )


def _is_there(link: Link) -> bool:
    return link.source[0] < link.source[1] and link.target[0] < link.target[1]
