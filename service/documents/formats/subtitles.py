"""Subtitles, SRT and WebVTT: the text of cues; their times, settings, notes and styles are copied.

The lines of a cue are one sentence more often than not: they are translated together, and the translation is broken
into as many. Lines of a dialogue, which begin with a dash, are translated each by itself.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.documents.document import DocumentFormat
from service.documents.encoding import decode_undeclared
from service.documents.inline import Inline, InlineText, Point, Span
from service.documents.limits import DocumentLimits
from service.documents.slices import SlicedDocument, Slot
from service.errors import InvalidRequestError
from service.text.references import unescaped
from service.text.segmentation import has_letter

_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{1,2}(?:[,.]\d{1,3})?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s|$)")
_NUMBER = re.compile(r"\s*\d+\s*$")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_DIALOGUE = re.compile(r"\s*(?:<[^<>]*>|\{\\[^{}]*\})*\s*[-–—]")
# Tags, WebVTT's times inside a cue, and what players of SRT know from another format: {\an8}
_TAG = re.compile(r"<(?=[/A-Za-z\d])(?P<end>/?)(?P<name>[A-Za-z]*)[^<>]{0,200}>|\{\\[^{}]{0,200}\}")
# Of one cue that are translated together; nobody reads more at once.
_MOST_LINES = 8


@dataclass(frozen=True)
class _Tag:
    open: str
    close: str = ""


def read_srt(content: bytes, limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for bytes that are no text, or have no cue."""
    text, encoding = decode_undeclared(content)
    return SlicedDocument(_parts(text, limits, vtt=False), encoding, limits)


def read_vtt(content: bytes, limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for bytes that are no text, or not WebVTT."""
    text, encoding = decode_undeclared(content)
    if not text.startswith("WEBVTT"):
        raise InvalidRequestError("file", "not WebVTT: it does not begin with WEBVTT")
    return SlicedDocument(_parts(text, limits, vtt=True), encoding, limits)


def _parts(text: str, limits: DocumentLimits, *, vtt: bool) -> Iterator[str | Slot]:
    lines = _LINE.findall(text)
    cues = [index for index, line in enumerate(lines) if _TIMES.match(line)]
    if not cues and not vtt:
        raise InvalidRequestError("file", "no SRT subtitles: no line has two times and --> between them")
    ends = [_end(lines, each, vtt=vtt) for each in cues]
    done = 0
    for index, end in zip(cues, ends, strict=True):
        yield from lines[done : index + 1]
        for block in _blocks(lines[index + 1 : end]):
            limits.check(sum(map(len, block)), limits.items, "characters in one cue")
            yield from _block(block, vtt=vtt)
        done = max(end, index + 1)
    yield from lines[done:]


def _end(lines: Sequence[str], cue: int, *, vtt: bool) -> int:
    """Where the lines of a cue's text end: at an empty line, or in SRT, whose texts may have some, at the next cue."""
    end = cue + 1
    while end < len(lines) and not _TIMES.match(lines[end]) and (not vtt or lines[end].strip()):
        end += 1
    if end < len(lines) and _TIMES.match(lines[end]) and end > cue + 1 and _NUMBER.match(lines[end - 1]):
        end -= 1
    return end


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Lines that are translated together."""
    block: list[str] = []
    for line in lines:
        pair = (block[-1], line) if block else ()
        if len(block) == _MOST_LINES or any(not each.strip() or _DIALOGUE.match(each) for each in pair):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _block(lines: Sequence[str], *, vtt: bool) -> Iterator[str | Slot]:
    whole = "".join(lines)
    body = whole.rstrip("\r\n")
    text = " ".join(line.strip() for line in lines)
    if not has_letter(_TAG.sub("", unescaped(text) if vtt else text)):
        yield whole
        return
    inline = InlineText(_inline(text, vtt=vtt))
    newline = lines[0][len(lines[0].rstrip("\r\n")) :]

    def written(translation: str) -> str:
        return _broken("".join(_source(inline.parse(translation), vtt=vtt)), len(lines), newline)

    yield Slot(inline.segment, written)
    yield whole[len(body) :]


def _inline(text: str, *, vtt: bool) -> list[Inline[_Tag]]:
    """Text and tags. A tag that is not closed holds to the end of the cue; one that was not opened has only a place."""
    levels: list[tuple[re.Match[str] | None, list[Inline[_Tag]]]] = [(None, [])]

    def close(source: str) -> None:
        tag, inside = levels.pop()
        assert tag is not None
        levels[-1][1].append(Span(_Tag(tag[0], source), tuple(inside)))

    start = 0
    for tag in _TAG.finditer(text):
        if part := text[start : tag.start()]:
            levels[-1][1].append(unescaped(part) if vtt else part)
        start = tag.end()
        if not tag["name"]:
            levels[-1][1].append(Point(_Tag(tag[0])))
        elif not tag["end"] and len(levels) < 16:
            levels.append((tag, []))
        elif tag["end"] and any(opened and opened["name"] == tag["name"] for opened, _inside in levels):
            while (opened := levels[-1][0]) and opened["name"] != tag["name"]:
                close("")
            close(tag[0])
        else:
            levels[-1][1].append(Point(_Tag(tag[0])))
    if rest := text[start:]:
        levels[-1][1].append(unescaped(rest) if vtt else rest)
    while len(levels) > 1:
        close("")
    return levels[0][1]


def _source(content: Sequence[Inline[_Tag]], *, vtt: bool) -> Iterator[str]:
    for each in content:
        if isinstance(each, str):
            yield html.escape(each, quote=False) if vtt else each
        elif isinstance(each, Span):
            yield each.key.open
            yield from _source(each.inside, vtt=vtt)
            yield each.key.close
        else:
            yield each.key.open


def _broken(text: str, count: int, newline: str) -> str:
    """The text in `count` lines of about the same length, or fewer if it has not as many words."""
    text = " ".join(text.split("\n"))
    visible = 0
    places: list[tuple[int, int]] = []  # of spaces: what is seen before it, and its index
    for part in re.finditer(rf"(?:{_TAG.pattern})|(?P<space> )|(?P<other>.)", text, re.DOTALL):
        if part["space"] and visible:
            places.append((visible, part.start()))
        visible += bool(part["space"] or part["other"])
    breaks = set[int]()
    for number in range(1, count):
        left = [each for each in places if each[1] > max(breaks, default=-1)]
        if left:
            breaks.add(min(left, key=lambda each: abs(each[0] - visible * number / count))[1])
    return "".join(newline if index in breaks else character for index, character in enumerate(text))


SRT = DocumentFormat("srt", (".srt",), "application/x-subrip", read_srt)
VTT = DocumentFormat("vtt", (".vtt",), "text/vtt", read_vtt)
