"""Words that a model copies stand in for placeholders while it translates; then the placeholders come back.

A placeholder that the model has not written is put where the alignment of the words around it says, and reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from model_store.placeholders import find_placeholders
from service.text.edits import Edit, EditedText, Span, without

_WORD = regex.compile(r"\w", regex.V1)
_END = regex.compile(r"[\s.!?…:;。！？]*$")


@dataclass(frozen=True, slots=True)
class Shielded:
    """A text of which the parts at `atoms` are kept from the model. edited: the text with a stand-in for each, and with
    what else is changed for the model. places: those of the stand-ins in it."""

    text: str
    atoms: tuple[Span, ...]
    stand_ins: tuple[str, ...]
    edited: EditedText
    places: tuple[Span, ...]

    def restore(self, target: str, links: Sequence[tuple[Span, Span]]) -> Restored:
        """The translation with the placeholders in it, each as often as in the source.

        Args:
            target: of `edited.text`. links: (source span, target span) of words, in `edited.text` and `target`.
        """
        back: dict[int, Edit] = {}
        free = {word: list(_occurrences(word, target)) for word in set(self.stand_ins)}
        for index, word in enumerate(self.stand_ins):
            if free[word]:
                back[index] = self._back(index, free[word].pop(0), target)
        # Whatever is left was written more often than it was asked for.
        found = [*back.values(), *(_without(target, span) for spans in free.values() for span in spans)]
        missing = [index for index in range(len(self.stand_ins)) if index not in back]
        inserted = [self._inserted(index, target, links, found) for index in missing]
        edits = sorted((*found, *inserted), key=lambda edit: (edit.start, edit.end))
        restored = EditedText(target, _apart(edits))
        places = {self.atoms[index]: restored.span((edit.start, edit.end)) for index, edit in back.items()}
        return Restored(restored, len(missing), places)

    def unshielded(self) -> EditedText:
        """From `edited.text` back to `text`."""
        edits = zip(self.edited.moved, self.edited.edits, strict=True)
        return EditedText(self.edited.text, [Edit(*place, self.text[each.start : each.end]) for place, each in edits])

    def _back(self, index: int, span: Span, target: str) -> Edit:
        """The atom where its stand-in is, which may have been set off from the letters beside it."""
        before, after = _set_off(self.text, self.atoms[index])
        start, end = span
        start -= bool(before and target[start - 1 : start] == " ")
        end += bool(after and target[end : end + 1] == " ")
        return Edit(start, end, self._original(index))

    def _original(self, index: int) -> str:
        return self.text[slice(*self.atoms[index])]

    def _inserted(self, index: int, target: str, links: Sequence[tuple[Span, Span]], found: Sequence[Edit]) -> Edit:
        """Where a lost placeholder goes: behind the translation of what stands in front of it in the source, else in
        front of the translation of what follows, else at the end."""
        start, end = self.places[index]
        taken = [(edit.start, edit.end) for edit in found]

        def outside(place: int) -> int:
            return next((high for low, high in taken if low < place < high), place)

        before = [link for link in links if link[0][1] <= start]
        after = [link for link in links if link[0][0] >= end]
        if before:
            place = outside(max(before, key=lambda link: (link[0][1], link[1][1]))[1][1])
        elif after:
            place = outside(min(after, key=lambda link: (link[0][0], link[1][0]))[1][0])
        else:
            match = _END.search(target)
            place = outside(match.start() if match else len(target))
        text = self._original(index)
        left = " " if place and not target[place - 1].isspace() else ""
        right = " " if _WORD.match(target[place : place + 1]) else ""
        return Edit(place, place, left + text + right)


@dataclass(frozen=True, slots=True)
class Restored:
    """A target with its placeholders. lost: how many of them the model had not written. places: where those are that it
    had, by where the source has them."""

    edited: EditedText
    lost: int
    places: dict[Span, Span]

    def linked(self, links: Sequence[tuple[Span, Span]]) -> list[tuple[Span, Span]]:
        """Links of the source and this text; of a placeholder that the model had written only those to itself, which
        attention may not have: it looks at what is copied while it writes the words around it, too."""
        kept = [link for link in links if all(_agree(link, sure) for sure in self.places.items())]
        own = [sure for sure in self.places.items() if not any(_overlap(link[1], sure[1]) for link in kept)]
        return sorted((*kept, *own), key=lambda link: link[1])


def find_atoms(text: str, *, tags: bool = False, also: Sequence[Span] = ()) -> tuple[Span, ...]:
    """What is kept from the model: placeholders, with the letters and digits that they are written together with; those
    with nothing but punctuation between them are one. tags: whether they are among these, as they are. also: others."""
    atoms: list[Span] = []
    for start, end in sorted((*_placeholders(text, tags=tags), *also)):
        if atoms and (start <= atoms[-1][1] or _joins(text[atoms[-1][1] : start])):
            atoms[-1] = (atoms[-1][0], max(end, atoms[-1][1]))
        else:
            atoms.append((start, end))
    return tuple(atoms)


def without_placeholders(text: str, read: str | None = None) -> str:
    """A text without its placeholders and tags. read: the same with parts of it blanked."""
    return without(text if read is None else read, find_atoms(text, tags=True))


def _placeholders(text: str, *, tags: bool) -> Iterator[Span]:
    for each in find_placeholders(text):
        if each.kind == "tag" and not tags:
            continue
        start, end = each.start, each.end
        if each.kind not in ("code", "object", "tag"):
            while start and _WORD.match(text[start - 1]):
                start -= 1
            while end < len(text) and _WORD.match(text[end]):
                end += 1
        yield start, end


def unshielded(text: str, *, shielded: bool) -> Counter[str]:
    """The placeholders that a model is given as they are: if the others are shielded, only what looks like markup in a
    text that is none."""
    found = find_placeholders(text)
    return Counter(text[each.start : each.end] for each in found if each.kind == "tag" or not shielded)


def shield(text: str, atoms: Sequence[Span], stand_ins: Sequence[str], respelled: Sequence[Edit] = ()) -> Shielded:
    """Give each atom a stand-in that the text has not got, as far as there are different ones. respelled: what else the
    model is given otherwise than the text has it."""
    if not atoms:
        return Shielded(text, (), (), EditedText(text, respelled), ())
    usable = [word for word in stand_ins if not list(_occurrences(word, text))] or list(stand_ins)
    chosen = tuple(usable[index % len(usable)] for index in range(len(atoms)))
    edits = [Edit(*atom, word.join(_set_off(text, atom))) for atom, word in zip(atoms, chosen, strict=True)]
    others = [each for each in respelled if not any(start < each.end and each.start < end for start, end in atoms)]
    edited = EditedText(text, sorted([*edits, *others], key=lambda edit: edit.start))
    starts = {start for start, _end in atoms}
    places = [place for place, edit in zip(edited.moved, edited.edits, strict=True) if edit.start in starts]
    return Shielded(text, tuple(atoms), chosen, edited, tuple(places))


def _set_off(text: str, atom: Span) -> tuple[str, str]:
    """The spaces that keep a stand-in from running into the letters around it."""
    before, after = text[: atom[0]][-1:], text[atom[1] :][:1]
    return " " if _WORD.match(before) else "", " " if _WORD.match(after) else ""


def _joins(gap: str) -> bool:
    return not any(character.isspace() or _WORD.match(character) for character in gap)


def _occurrences(word: str, text: str) -> Sequence[Span]:
    """Where `word` stands by itself, in any case, since a heading in capitals is put in capitals."""
    pattern = rf"(?<!\w){regex.escape(word)}(?!\w)"
    return [match.span() for match in regex.finditer(pattern, text, regex.IGNORECASE)]


def _without(target: str, span: Span) -> Edit:
    """Take a word out, with the space in front of it."""
    start, end = span
    return Edit(start - 1 if start and target[start - 1] == " " else start, end, "")


def _agree(link: tuple[Span, Span], sure: tuple[Span, Span]) -> bool:
    """Whether a link has nothing to do with one that is sure, or is of the words that have that inside."""
    apart = not any(_overlap(*each) for each in zip(link, sure, strict=True))
    return apart or all(low <= start and end <= high for (low, high), (start, end) in zip(link, sure, strict=True))


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _apart(edits: Sequence[Edit]) -> list[Edit]:
    """The same edits; where one begins inside the one before it, it follows that one."""
    apart: list[Edit] = []
    done = 0
    for edit in edits:
        start = max(edit.start, done)
        apart.append(Edit(start, max(edit.end, start), edit.text))
        done = apart[-1].end
    return apart
