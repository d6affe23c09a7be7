"""One sentence on its way through a model: placeholders shielded and capitals small on the way in, put back after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import starmap

from service.catalogue import Leg
from service.pipeline.pieces import VEIL, known_alphabet
from service.pipeline.quality import changes_numbers, is_low, loses_symbols, repeats
from service.pipeline.terms import TermUse, as_they_stand, rest_of, terms_in, uses
from service.pipeline.translation import Candidate, Link, SegmentTranslation, WarningName
from service.text.casing import Recased, begun_large, recase
from service.text.copied import spans_of
from service.text.edits import Edit, EditedText, blanked, without
from service.text.glossary import Glossary, Occurrence, in_any_form
from service.text.inline_tags import without_pairs
from service.text.markup import Run
from service.text.segmentation import Piece
from service.text.shield import Shielded, find_atoms, shield, unshielded
from service.text.tag_placement import with_tags
from service.text.words import evenly

LOST: WarningName = "placeholder_lost"
MISSING: WarningName = "term_missing"
CHANGED: WarningName = "number_changed"
_LOSSES = frozenset({LOST, CHANGED})
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

    def sure(self, text: str) -> str | None:
        """All of the translation, when the best that the model has written is `text`; None if anything speaks for
        another candidate, or for trying once more."""
        candidate = self._restored(Candidate(text, score=0.0, tokens=0))
        return None if any(faults(candidate)) else candidate.text

    def restore(self, decoded: SegmentTranslation, n_best: int) -> SegmentTranslation:
        """As if `text` itself had been decoded: the `n_best` candidates, those first that have kept the most
        placeholders and say anything. Where the best has lost nothing, there are no others that have."""
        restored = [self._restored(candidate) for candidate in decoded.candidates]
        restored.sort(key=faults)
        candidates: dict[str, Candidate] = {}
        for candidate in restored:
            candidates.setdefault(candidate.text, candidate)
        best, *others = candidates.values()
        if not _LOSSES & set(best.warnings):
            others = [each for each in others if not _LOSSES & set(each.warnings)]
        return replace(decoded, source=self.text, candidates=(best, *others[: n_best - 1]))

    def _restored(self, candidate: Candidate) -> Candidate:
        if self.goes_on:
            candidate = _without_end(candidate)
        links = candidate.alignment or ()
        target = self.recased.restore(candidate.text, as_they_stand(self.terms, candidate.text))
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


def faults(candidate: Candidate) -> tuple[bool, bool, bool, bool]:
    """What speaks for another candidate, the worst first."""
    lost, term_missing, changed = (name in candidate.warnings for name in (LOST, MISSING, CHANGED))
    return lost, not candidate.text, term_missing, changed


def falls_short(candidate: Candidate) -> bool:
    """Whether something is lost, or all of the text: a network may think nothing the likeliest translation. A term that
    is missing is not that: the search has done all that it can."""
    lost, nothing, _term_missing, changed = faults(candidate)
    return lost or nothing or changed


def prepare(
    leg: Leg, piece: Piece, stand_ins: Sequence[str], glossary: Glossary | None, lost: Counter[str] = _NOTHING
) -> Sentence:
    """What the model is given of one segment; it fits if the segment, as `pieces_of` cuts it, does. lost: numbers and
    symbols that the model has not copied, so that they are kept from it."""
    text = piece.text
    run = without_pairs(text)
    bare = replace(piece, text=text if run is None else run.text)
    sentence = _shielded(leg, bare, stand_ins, glossary, lost)
    # With the capitals that it has, and not those that the model is given.
    terms = terms_in(sentence.shielded.edited.text, glossary, sentence.shielded.places)
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
    shielded = shield(text, (), (), known_alphabet(leg).respelled(text))
    given = shielded.edited.text
    return Sentence(text, shielded, Recased(given), terms_in(given, glossary, find_atoms(given, tags=True)))


def _shielded(
    leg: Leg, piece: Piece, stand_ins: Sequence[str], glossary: Glossary | None, lost: Counter[str]
) -> Sentence:
    text, most = piece.text, leg.model.max_source_tokens

    def count(part: str) -> int:
        return len(leg.model.tokenizer.encode(part))

    alphabet = known_alphabet(leg)
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
        shielded = shield(text, atoms, (VEIL,), respelled)
    if lost and count(shielded.edited.text) > most:  # a digit is shorter than what stands in for it
        return _shielded(leg, piece, stand_ins, glossary, _NOTHING)
    given = shielded.edited.text
    recased = Recased(given) if piece.names else recase(given, leg.source, count)
    fits = recased.text == given or count(recased.text) <= most
    return Sentence(text, shielded, recased if fits else Recased(given))


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
