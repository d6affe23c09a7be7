"""Markdown (CommonMark with what is usual besides): the text of its blocks; code, formulas, links' targets and all that
makes the structure are copied."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it.token import Token

from service.documents.document import DocumentFormat
from service.documents.encoding import decode
from service.documents.formats.html import slots_of
from service.documents.formats.markdown_events import block_parser
from service.documents.formats.markdown_inline import MarkdownInline, hard_breaks
from service.documents.limits import DocumentLimits
from service.documents.slices import SlicedDocument, Slot
from service.text.segmentation import has_letter

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
# YAML; TOML between pluses, as Hugo has it.
_FRONT_MATTER = re.compile(
    r"(?:---[ \t]*\r?\n.*?^(?:---|\.\.\.)|\+\+\+[ \t]*\r?\n.*?^\+\+\+)[ \t]*\r?$", re.DOTALL | re.MULTILINE
)
# What a footnote defines, and the box of a task, are no part of the text.
_LABEL = re.compile(r"(?:\[\^[^\]\s]{1,100}\]:|\[[ xX]\])[ \t]+")
# A line that says what kind of note a quotation is.
_ALERT = re.compile(r"\[!\w+\][ \t]*")

_TAG_AT_END_OF_LINE = re.compile(r">[ \t]*[\r\n]|[\r\n][ \t]*<")
_BREAK = re.compile(r" {2,}$|(?<!\\)(?:\\\\)*\\$")
_Place = tuple[int, int]


@dataclass(frozen=True)
class _Edit:
    """What stands at [start, end) of the text instead."""

    start: int
    end: int
    parts: Sequence[str | Slot]


def read(content: bytes, limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for bytes that are no text, RequestTooLargeError for too many."""
    limits.check(len(content), limits.markdown_bytes, "bytes of Markdown")
    text, encoding = decode(content)
    return SlicedDocument(_parts(text, limits), encoding, limits)


def _parts(text: str, limits: DocumentLimits) -> Iterator[str | Slot]:
    done = 0
    for edit in _edits(text, limits):
        if edit.start >= done:
            yield text[done : edit.start]
            yield from edit.parts
            done = edit.end
    yield text[done:]


def _edits(text: str, limits: DocumentLimits) -> Iterator[_Edit]:
    matter = _FRONT_MATTER.match(text)
    visible = text if matter is None else re.sub(r"[^\r\n]", "", matter[0]) + text[matter.end() :]
    env: dict[str, Any] = {}
    tokens = block_parser().parse(visible, env)
    lines = _Lines(text)
    cells = _Cells()
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "html_block":
            yield from lines.html(token)
        elif token.type == "inline" and before is not None and has_letter(token.content):
            limits.check(len(token.content), limits.items, "characters in one paragraph of Markdown")
            # What stands above a line of dashes begins a line as a paragraph does.
            kind = "paragraph" if before.markup in ("-", "=") else before.type.removesuffix("_open")
            if kind == "admonition_title":
                spans = lines.quoted(token)
            else:
                spans = cells.spans(token, lines) if kind in ("td", "th") else lines.spans(token)
            groups = list(_at_breaks(text, spans, env))
            for group in groups:
                start, end = group[0][0], group[-1][1]
                newline = text[group[0][1] : group[1][0]] if len(group) > 1 else ""
                lines_ = [text[slice(*span)] for span in group]
                slot = _slot(lines_, kind, env, alone=len(groups) == 1, newline=newline)
                yield _Edit(start, end, [slot or text[start:end]])
        elif token.type == "inline":
            cells.spans(token, lines)


def _at_breaks(text: str, spans: Sequence[_Place], env: dict[str, Any]) -> Iterator[list[_Place]]:
    """The lines of a block that are one text: up to where the source breaks a line, unless that is inside of other
    formatting."""
    whole = hard_breaks("\n".join(text[slice(*span)] for span in spans), env)
    ends = [_BREAK.search(text[slice(*span)]) for span in spans[:-1]]
    group: list[_Place] = []
    for span, found in zip(spans, [*ends, None], strict=True) if spans else ():
        if found and whole == sum(map(bool, ends)):
            yield [*group, (span[0], span[0] + found.start())]
            group = []
        else:
            group.append(span)
    if group:
        yield group


def _slot(lines: Sequence[str], kind: str, env: dict[str, Any], *, alone: bool, newline: str) -> Slot | None:
    """A place for what a block says; none if there is nothing but code and images."""
    written: Callable[[str], str]
    if kind in ("td", "th"):
        inline = MarkdownInline(lines[0].replace("\\|", "|"), env, block=False)

        def written(text: str) -> str:
            return inline.written(text).replace("|", "\\|")
    elif kind == "admonition_title":
        inline = MarkdownInline(lines[0], env, block=False)

        def written(text: str) -> str:
            return inline.written(text).replace('"', "'")  # where the next quotation mark is, it ends
    else:
        block = kind in ("paragraph", "dt")
        inline = MarkdownInline("\n".join(lines), env, block=block, alone=alone, newline=newline)
        written = inline.written
    return Slot(inline.segment, written) if inline.segment is not None else None


class _Lines:
    """The lines of a text, and where they are in it."""

    def __init__(self, text: str) -> None:
        self.lines = _LINE.findall(text)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def spans(self, token: Token) -> list[_Place]:
        """Where each line of a block's content is; none if one is not found, as with some tabs."""
        assert token.map is not None
        spans: list[_Place] = []
        rows = token.content.split("\n")
        for number, row in enumerate(rows, token.map[0]):
            core = row.lstrip() if number + 1 < token.map[0] + len(rows) else row.strip()
            column = self.lines[number].rfind(core) if number < len(self.lines) else -1
            if column < 0:
                return []
            if number == token.map[0] and _ALERT.fullmatch(core):
                continue
            if not spans and (label := _LABEL.match(core)):
                column, core = column + label.end(), core[label.end() :]
            spans.append((self.starts[number] + column, self.starts[number] + column + len(core)))
        return spans

    def quoted(self, token: Token) -> list[_Place]:
        """Where the title in the first line of an admonition is; none if that is only what kind it is of."""
        assert token.map is not None
        number = token.map[0]
        column = self.lines[number].rfind(f'"{token.content}"') + 1
        start = self.starts[number] + column
        return [(start, start + len(token.content))] if column else []

    def html(self, token: Token) -> Iterator[_Edit]:
        """A block of HTML, unless something else is between its lines, as in a quotation."""
        assert token.map is not None
        first, last = token.map
        source = "".join(self.lines[first:last])
        if source.splitlines() == token.content.splitlines():
            yield _Edit(self.starts[first], self.starts[last], list(_html_parts(source)))


def _html_parts(source: str) -> Iterator[str | Slot]:
    """As slots_of; but where a line ends beside a tag it stays so, since that makes it a block of HTML."""
    for part in slots_of(source):
        if isinstance(part, str) or not _TAG_AT_END_OF_LINE.search(part.segment.text):
            yield part
            continue
        for line in _LINE.findall(part.segment.text):
            yield from [line] if "<!--" in part.segment.text else slots_of(line)


class _Cells:
    """Where the cells of a table are: in a row, one behind the other."""

    def __init__(self) -> None:
        self._row = -1
        self._column = 0

    def spans(self, token: Token, lines: _Lines) -> list[_Place]:
        """Where a cell's content is; none if it is not found."""
        assert token.map is not None
        row = token.map[0]
        if row != self._row:
            self._row, self._column = row, 0
        line = lines.lines[row] if row < len(lines.lines) else ""
        for core in (token.content, token.content.replace("|", "\\|")):
            column = line.find(core, self._column)
            if core and column >= 0:
                self._column = column + len(core)
                return [(lines.starts[row] + column, lines.starts[row] + self._column)]
        return []


MARKDOWN = DocumentFormat("markdown", (".md", ".markdown"), "text/markdown; charset=utf-8", read)
