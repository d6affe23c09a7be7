"""HTML -> what is copied, and runs of text with inline tags in them, which are translated as one text each."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from service.text.html_tokens import HtmlToken, html_tokens
from service.text.references import unescaped

_VOID = "area base br col embed frame hr img input keygen link meta param source track wbr"
VOID = frozenset(_VOID.split())
# Elements that go with the words around them. All others, <br> and fields of forms too, end the text.
_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big cite data del dfn em font i img ins mark nobr q s small span strike strong sub sup "
    "time tt u wbr"
)
_INLINE = frozenset(_INLINE_NAMES.split())
# What is kept as it is: a placeholder where it is inline, else the end of the text.
_OPAQUE_INLINE_NAMES = "code kbd samp var svg math"
_OPAQUE_INLINE = frozenset(_OPAQUE_INLINE_NAMES.split())
_OPAQUE_BLOCK_NAMES = (
    "script style pre textarea iframe object canvas audio video noembed noframes noscript template xmp plaintext"
)
_OPAQUE = _OPAQUE_INLINE | frozenset(_OPAQUE_BLOCK_NAMES.split())
# Elements in elements of one run; nobody writes more, and deeper ones stay where they are.
_DEEPEST = 64
_SPACES = regex.compile(r"[ \t\n\r\f]+")
_LETTER = regex.compile(r"\p{L}")
# Words of labels that a page shows apart, "First name" and "Last name", and no word in two parts, as in McDonald.
_LABEL_ENDS = regex.compile(r"\p{Ll}{2}[.!?:]?\Z")
_LABEL_BEGINS = regex.compile(r"\p{Lu}")
_FIRST_OBJECT, _LAST_OBJECT = 0xE000, 0xF8FF
# Characters that HTML has references for: the one that is written, and all that are read.
_WRITTEN = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\u00a0": "&nbsp;"}
_READ = {
    "&": regex.compile(r"(?i)&(amp|#0*38|#x0*26)(?![a-z0-9])"),
    "<": regex.compile(r"(?i)&(lt|#0*60|#x0*3c)(?![a-z0-9])"),
    ">": regex.compile(r"(?i)&(gt|#0*62|#x0*3e)(?![a-z0-9])"),
    "\u00a0": regex.compile(r"(?i)&(nbsp|#0*160|#x0*a0)(?![a-z0-9])"),
}
# One of them, with what might make it a reference or a tag.
_SPECIAL = regex.compile(r"&(?:[A-Za-z0-9#]++;?)?|<[A-Za-z/!?]?|[>\u00a0]")


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag, or what else has a place but no text, at `position` of a run's text. partner: the index of the other tag
    of its element; None where it stands for itself. before, after: whether white space is around it."""

    source: str
    position: int
    partner: int | None = None
    before: bool = False
    after: bool = False


@dataclass(frozen=True)
class Run:
    """Text to translate. source: as HTML. text: as characters. marks: in order; elements are nested, never crossed.
    objects: what stands in `text` as a character of private use: elements that are kept as they are. bare: the
    characters that the source has, but not as references, although HTML has some for them."""

    source: str
    text: str
    marks: tuple[Mark, ...]
    objects: dict[str, str]
    bare: frozenset[str] = frozenset()

    def escape(self, text: str) -> str:
        """Characters as HTML, with the objects among them. What the source has bare stays so, where it is no part of a
        reference or a tag: plain text that is said to be HTML, as some clients send it, is plain text again."""
        escaped = _SPECIAL.sub(self._written, text)
        return "".join(self.objects.get(each, each) for each in escaped) if self.objects else escaped

    def _written(self, found: regex.Match[str]) -> str:
        character, others = found[0][0], found[0][1:]
        is_text = not others if character == "<" else unescaped(found[0]) == found[0]
        return found[0] if character in self.bare and is_text else _WRITTEN[character] + others


def parse_html(source: str) -> list[str | Run]:
    """Parts whose sources concatenate to `source`.

    A tag without its partner in the same run, or crossed with another, ends the run: it stays between the words that it
    stood between. A link right behind another one, as in a menu, begins a run too, and so does an element right behind
    another where the words of labels would run together.
    """
    parts: list[str | Run] = []
    run: list[HtmlToken] = []
    for token in units(html_tokens(source)):
        if not _is_inline(token):
            parts += [*_runs(run, source), token.source]
            run = []
        elif token.kind == "start" and token.name == "a" and _ends_with_link(run):
            parts += _runs(run, source)
            run = [token]
        elif place := _label_begins(run, token):
            parts += _runs(run[:place], source)
            run = [*run[place:], token]
        else:
            run.append(token)
    return [*parts, *_runs(run, source)]


def _ends_with_link(run: Sequence[HtmlToken]) -> bool:
    last = next((token for token in reversed(run) if token.kind != "text" or token.source.strip()), None)
    return last is not None and last.kind == "end" and last.name == "a"


def _label_begins(run: Sequence[HtmlToken], token: HtmlToken) -> int:
    """The place in a run of the tag with which a label begins whose text is `token`; 0 if it is none. One of two labels
    has several words: two words that are glued may be a name, as in LibreOffice."""
    if token.kind != "text" or not _LABEL_BEGINS.match(token.source):
        return 0
    place = len(run)
    while place and run[place - 1].kind == "start" and run[place - 1].name not in VOID:
        place -= 1
    if not (0 < place < len(run) and run[place - 1].kind == "end"):
        return 0
    before = next((run[index].source for index in range(place - 1, -1, -1) if run[index].kind != "end"), "")
    labels = _LABEL_ENDS.search(before) and _SPACES.search(before.strip() + token.source.strip())
    return place if labels else 0


def text_of(source: str) -> str:
    """The text of HTML, a line for each run: for who wants to know its language."""
    return "\n".join(part.text for part in parse_html(source) if isinstance(part, Run))


def units(tokens: Sequence[HtmlToken]) -> Iterator[HtmlToken]:
    """Tokens; an element that is kept as it is comes as one, of kind "other", under its name."""
    index = 0
    while index < len(tokens):
        first, end = tokens[index], index + 1
        if first.kind == "start" and first.name not in VOID and (first.hidden or first.name in _OPAQUE):
            depth = 1
            while end < len(tokens) and depth:
                if tokens[end].name == first.name:
                    depth += {"start": 1, "end": -1}.get(tokens[end].kind, 0)
                end += 1
            inline = not depth and (first.name in _INLINE or first.name in _OPAQUE_INLINE)
            name = first.name if inline else "div"  # what never ends goes nowhere else
            yield HtmlToken("other", "".join(token.source for token in tokens[index:end]), name, first.hidden)
        else:
            yield first
        index = end


def _is_inline(token: HtmlToken) -> bool:
    if token.kind == "text":
        return True
    if token.kind == "other":
        return token.name in _INLINE | _OPAQUE_INLINE or token.source.startswith("<!--")
    return token.name in _INLINE


def _runs(tokens: Sequence[HtmlToken], document: str) -> Iterator[str | Run]:
    partners = partners_of(tokens)
    strays = {
        index
        for index, token in enumerate(tokens)
        if token.kind in ("start", "end") and token.name not in VOID and index not in partners
    }
    # A pair around a stray tag is taken apart as well, since its run ends there.
    places = sorted(strays)
    broken = {i for i, other in partners.items() if bisect(places, i) != bisect(places, other)}
    start = 0
    for index in [*sorted(strays | broken), len(tokens)]:
        between = range(start, index)
        if between:
            yield from _run(tokens, between, partners, document)
        if index < len(tokens):
            yield tokens[index].source
        start = index + 1


def partners_of(tokens: Sequence[HtmlToken]) -> dict[int, int]:
    """Index of a tag -> index of the other tag of its element, both ways."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "start" and token.name not in VOID:
            if len(opened) < _DEEPEST:
                opened.append(index)
        elif token.kind == "end":
            place = next((i for i in reversed(range(len(opened))) if tokens[opened[i]].name == token.name), None)
            if place is not None:
                partners[opened[place]], partners[index] = index, opened[place]
                del opened[place:]
    return partners


def _run(tokens: Sequence[HtmlToken], between: range, partners: dict[int, int], document: str) -> Iterator[str | Run]:
    source = "".join(tokens[index].source for index in between)
    free = (chr(code) for code in range(_FIRST_OBJECT, _LAST_OBJECT) if chr(code) not in document)
    objects: dict[str, str] = {}
    text = written = ""
    marks: list[Mark] = []
    number = {}  # of a tag -> of its mark
    for index in between:
        token = tokens[index]
        if token.kind == "text":
            written += token.source
            part = _SPACES.sub(" ", unescaped(token.source))
            text += part[1:] if part.startswith(" ") and text.endswith(" ") else part
        elif token.kind == "other" and token.name and (name := next(free, "")):
            objects[name] = token.source
            text += name
        else:
            number[index] = len(marks)
            marks.append(Mark(token.source, len(text), partners.get(index), *_spaces_around(tokens, index)))
    if not _LETTER.search(text):
        yield source
        return
    linked = [
        Mark(m.source, m.position, None if m.partner is None else number[m.partner], m.before, m.after) for m in marks
    ]
    bare = frozenset(each for each, read in _READ.items() if each in text and not read.search(written))
    yield Run(source, text, tuple(linked), objects, bare)


def _spaces_around(tokens: Sequence[HtmlToken], index: int) -> tuple[bool, bool]:
    before = tokens[index - 1].source if index else ""
    after = tokens[index + 1].source if index + 1 < len(tokens) else ""
    return before[-1:].isspace(), after[:1].isspace()
