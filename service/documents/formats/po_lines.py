"""A PO file as lines: which of them are of which message, and strings as lines. All others stay as they are."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from polib import escape, unescape

from service.errors import InvalidRequestError

_STRING = r'"(?P<string>(?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    rf"\s*(?:#(?P<comment>.*)|(?P<keyword>msgctxt|msgid|msgid_plural|msgstr(?:\[\d{{1,2}}\])?)\s+{_STRING}\s*|"
    rf"{_STRING.replace('string', 'more')}\s*)?"
)
_FUZZY = re.compile(r",.*\bfuzzy\b")
_PARAGRAPH = re.compile(r"[^\n]*\n|[^\n]+")
_WIDTH = 80
_WRAPPER = textwrap.TextWrapper(
    width=_WIDTH - 2,
    expand_tabs=False,
    replace_whitespace=False,
    drop_whitespace=False,
    break_long_words=False,
    break_on_hyphens=False,
)


@dataclass
class Message:
    """strings: of each keyword that it has, as "msgid" and "msgstr[0]", as they are written. spans: their lines,
    [start, end)."""

    fuzzy: bool
    strings: dict[str, list[str]] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    @cached_property
    def texts(self) -> dict[str, str]:
        """By keyword, once all is read."""
        return {keyword: unescape("".join(strings)) for keyword, strings in self.strings.items()}

    @property
    def msgid(self) -> str:
        """Its source."""
        return self.texts["msgid"]

    @property
    def plural(self) -> str | None:
        """Its source for several, if it has one."""
        return self.texts.get("msgid_plural")

    @property
    def is_header(self) -> bool:
        """Whether it is no message, but the fields of the file."""
        return self.strings.keys() == {"msgid", "msgstr"} and not self.msgid

    @property
    def is_whole(self) -> bool:
        """Whether it has a translation, or a place for one."""
        return any(keyword.startswith("msgstr") for keyword in self.strings)

    def translations(self) -> dict[str, str]:
        """By keyword, in order."""
        return {keyword: text for keyword, text in self.texts.items() if keyword.startswith("msgstr")}

    def add(self, keyword: str, string: str, line: int) -> None:
        """More of a text, as it is written in a line."""
        self.strings.setdefault(keyword, []).append(string)
        self.spans[keyword] = self.spans.get(keyword, (line, line))[0], line + 1

    def takes(self, keyword: str) -> bool:
        """Whether that may come next."""
        if keyword in self.strings or keyword == "msgctxt":
            return False
        if keyword == "msgid":
            return True  # behind msgctxt
        if keyword == "msgid_plural":
            return "msgid" in self.strings and not self.is_whole
        return "msgid" in self.strings and (keyword == "msgstr") == ("msgid_plural" not in self.strings)


def messages_of(lines: Sequence[str]) -> list[Message]:
    """All but obsolete ones, which are comments. Raises InvalidRequestError for lines of no PO file."""
    found: list[Message] = []
    keyword = ""
    fuzzy = False
    for number, line in enumerate(lines):
        match = _LINE.fullmatch(line)
        if match is None or (match["more"] is not None and not keyword):
            raise _refused(number, line)
        if match["keyword"]:
            keyword = match["keyword"]
            if not found or not found[-1].takes(keyword):
                if keyword not in ("msgctxt", "msgid") or (found and not found[-1].is_whole):
                    raise _refused(number, line)
                found.append(Message(fuzzy))
                fuzzy = False
            found[-1].add(keyword, match["string"], number)
        elif match["more"] is not None:
            found[-1].add(keyword, match["more"], number)
        elif match["comment"] is not None:
            keyword = ""
            # What stands in front of an obsolete message is said of that.
            obsolete = match["comment"].startswith("~")
            fuzzy = not obsolete and (fuzzy or _FUZZY.match(match["comment"]) is not None)
    if found and not found[-1].is_whole:
        raise _refused(len(lines) - 1, lines[-1])
    return found


def lines_of(keyword: str, text: str) -> list[str]:
    """A string as gettext's tools write it: broken behind line breaks, and where it would be too long."""
    whole = f'{keyword} "{escape(text)}"'
    parts = [part for paragraph in _PARAGRAPH.findall(text) for part in _wrapped(paragraph)]
    if len(_PARAGRAPH.findall(text)) < 2 and len(whole) <= _WIDTH:
        return [whole]
    return [f'{keyword} ""', *(f'"{escape(part)}"' for part in parts)]


def _wrapped(paragraph: str) -> Iterator[str]:
    body = paragraph.removesuffix("\n")
    *parts, last = _WRAPPER.wrap(body) or [""]
    yield from parts
    yield last + paragraph[len(body) :]


def _refused(number: int, line: str) -> InvalidRequestError:
    return InvalidRequestError("file", f"not a PO file, at line {number + 1}: {line.strip()[:40]!r}")
