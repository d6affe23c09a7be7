"""The terms of a glossary on their way through a model: what the beam must write, and where it has written it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from model_store.decoding.segment import Form, Term
from model_store.tokenizer import Tokenizer
from service.pipeline.attended import attended_tokens
from service.pipeline.spans import token_spans
from service.text.edits import EditedText, Span, blanked
from service.text.glossary import Glossary, Occurrence, TargetForm, found_forms

Forms = tuple[TargetForm, ...]


@dataclass(frozen=True)
class TermUse:
    """A term of the glossary in a segment: the span of the source that has it, and of the target that it became; None
    where it is not."""

    source: Span
    target: Span | None
    term: str
    translation: str

    def moved(self, read: EditedText, written: EditedText) -> TermUse:
        """Where it is in a source and a target that were edited."""
        target = None if self.target is None else written.span(self.target)
        return replace(self, source=read.span(self.source), target=target)


def terms_in(text: str, glossary: Glossary | None, hidden: Sequence[Span]) -> tuple[Occurrence, ...]:
    """The terms that a text has. hidden: where it has placeholders, or what stands in for them; no term has any of
    that."""
    return () if glossary is None else tuple(glossary.find(blanked(text, hidden)))


def demanded(
    occurrences: Sequence[Occurrence], text: str, tokenizer: Tokenizer, *, most: int, lags: bool
) -> tuple[Term, ...]:
    """What the beam must write of the terms that `text` has, as far as it fits into `most` tokens.

    lags: whether the encoder is a reversed one, as in service/pipeline/attended.py.
    """
    spans = token_spans(tokenizer.pieces(tokenizer.encode(text)), text)
    near: dict[Forms, list[int]] = {}
    for occurrence in occurrences:
        places = attended_tokens(occurrence.span, spans, text, lags=lags) if spans else []
        near.setdefault(occurrence.term.forms, []).extend(tokenizer.source_prefix + place for place in places)
    counts = _counts(occurrences, tokenizer)
    capital = text[:1].isupper()
    terms = [
        Term(_forms(forms, tokenizer, capital=capital), count, tuple(near[forms])) for forms, count in counts.items()
    ]
    while terms and fewest_tokens(terms) > most:
        terms.pop()
    return tuple(terms)


def _counts(occurrences: Sequence[Occurrence], tokenizer: Tokenizer) -> Counter[Forms]:
    """How often each term's forms are to be written. The search counts those within another term's as well, so there
    have to be as many more."""
    counts = Counter(occurrence.term.forms for occurrence in occurrences)
    if len(counts) < 2:
        return counts
    within = _within({form for forms in counts for form in forms}, tokenizer)
    inside = [(count, [within[form] for form in outer]) for outer, count in counts.items()]
    more: Counter[Forms] = Counter()
    for number, inner in enumerate(counts):
        own = frozenset(inner)
        for count, of_each in inside[:number] + inside[number + 1 :]:
            if not any(own.isdisjoint(found) for found in of_each):
                more[inner] += count
    return counts + more


def _within(forms: Collection[TargetForm], tokenizer: Tokenizer) -> dict[TargetForm, set[TargetForm]]:
    """Of each form those that are in it, itself too. Every part of it is looked up, since a glossary may have hundreds
    of forms for a sentence, and they have few parts."""
    # A character for each token, so that a part is a slice.
    tokens = {form: "".join(map(chr, tokenizer.encode(form.text))) for form in forms}
    written: dict[str, list[TargetForm]] = {}
    for form in forms:
        written.setdefault(tokens[form], []).append(form)
    longest = max(map(len, written))

    def those_in(outer: TargetForm) -> set[TargetForm]:
        whole = tokens[outer]
        starts = range(len(whole))
        parts = {whole[start:end] for start in starts for end in range(start + 1, min(start + longest, len(whole)) + 1)}
        found = (form for part in parts & written.keys() for form in written[part])
        return {form for form in found if form == outer or found_forms([form], outer.text)}

    return {form: those_in(form) for form in forms}


def fewest_tokens(terms: Sequence[Term]) -> int:
    """What they need at least."""
    return sum(term.count * min(len(form.tokens) for form in term.forms) for term in terms)


def uses(occurrences: Sequence[Occurrence], target: str, back: Sequence[Span]) -> tuple[TermUse, ...]:
    """Where each term has gone. target: the text that was written. back: the span of each in the original source."""
    places = _places(occurrences, target)
    found = []
    for occurrence, source in zip(occurrences, back, strict=True):
        free = places[occurrence.term.forms]
        found.append(TermUse(source, free.pop(0) if free else None, occurrence.term.source, occurrence.term.target))
    return tuple(found)


def _places(occurrences: Sequence[Occurrence], target: str) -> dict[Forms, list[Span]]:
    """Where the forms of terms are, at most as often as these occur. None has any of a place that is another's, and the
    longest form has the first choice: "server room" is no "server"."""
    counts = Counter(occurrence.term.forms for occurrence in occurrences)
    places: dict[Forms, list[Span]] = {forms: [] for forms in counts}
    taken: list[Span] = []
    each_form = [(form, forms) for forms in counts for form in forms]
    for form, forms in sorted(each_form, key=lambda each: -len(each[0].text)):
        for start, end in found_forms([form], target):
            if len(places[forms]) < counts[forms] and not any(low < end and start < high for low, high in taken):
                places[forms].append((start, end))
                taken.append((start, end))
    return {forms: sorted(spans) for forms, spans in places.items()}


def as_they_stand(occurrences: Sequence[Occurrence], text: str) -> list[tuple[Span, str]]:
    """Where a translation has any of the forms, and what that is in the glossary: first those that are written so,
    then those with other capitals."""
    forms = [form for each in occurrences for form in each.term.forms]
    found = [(span, form.text) for form in forms for span in found_forms([form], text)]
    return sorted(found, key=lambda each: not text.startswith(each[1], each[0][0]))


def rest_of(source: str, target: str, terms: Sequence[TermUse]) -> tuple[str, str]:
    """A source and its target, as long as they were, without the terms that are in both: the network has to copy what
    is a name, number or symbol of the rest, and nothing that the glossary has a translation for."""
    both = [(use.source, use.target) for use in terms if use.target is not None]
    return blanked(source, [span for span, _place in both]), blanked(target, [place for _span, place in both])


def _forms(forms: Sequence[TargetForm], tokenizer: Tokenizer, *, capital: bool) -> tuple[Form, ...]:
    """As tokens; where the source begins with a capital, with one as the first word of the target."""
    found: dict[Form, None] = {}
    for form in forms:
        first = form.text[:1].upper() + form.text[1:]
        both = capital and first != form.text
        for text, initial in ((form.text, False), (first, True)) if both else ((form.text, None),):
            found[Form(tuple(tokenizer.encode(text)), not form.open_ended, initial)] = None
    return tuple(found)
