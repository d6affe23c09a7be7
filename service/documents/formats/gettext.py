"""gettext: the messages of a PO or POT file that have no translation yet."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

import polib
from babel import Locale, UnknownLocaleError
from babel.messages.plurals import get_plural

from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import Encoding, decode
from service.documents.limits import DocumentLimits
from service.errors import InvalidRequestError

_CHARSET = re.compile(rb'^"Content-Type:[^"]*?charset=([\w.:-]{1,40})', re.MULTILINE)
_COUNT = re.compile(r"nplurals\s*=\s*(\d{1,2})\b")
_STRING = r'"(?:[^"\\]|\\.)*"'
# The library passes over lines that it does not understand.
_LINE = re.compile(rf"\s*(?:#.*|(?:msgctxt|msgid|msgid_plural|msgstr(?:\[\d+\])?)\s+{_STRING}\s*|{_STRING}\s*)?")


@dataclass(frozen=True)
class _Place:
    """What a segment is of: its entry, and whether it fills the forms of a plural."""

    entry: polib.POEntry
    form: str


class GettextDocument:
    """Messages that are translated, fuzzy or obsolete stay as they are."""

    def __init__(self, file: polib.POFile, encoding: Encoding, newline: str) -> None:
        self._file = file
        self._encoding = encoding
        self._newline = newline
        self._places = [place for entry in file if _is_open(entry) for place in _places(entry)]

    @property
    def segments(self) -> Sequence[Segment]:
        """As Document's."""
        plural = [place.form == "plural" for place in self._places]
        return [
            Segment(place.entry.msgid_plural if many else place.entry.msgid)
            for place, many in zip(self._places, plural, strict=True)
        ]

    @property
    def language(self) -> str | None:
        """As Document's."""
        return self._file.metadata.get("Language", "").strip() or None

    def write(self, texts: Sequence[str], target: str) -> bytes:
        """As Document.write; the header gets a language, and the number of plural forms, where it has none."""
        header = self._file.metadata
        if not self.language:
            header["Language"] = target.replace("-", "_")
        found = _COUNT.search(header.get("Plural-Forms", ""))
        if found is None and any(entry.msgid_plural for entry in self._file):
            header["Plural-Forms"] = _plural_forms(target)
            found = _COUNT.search(header["Plural-Forms"])
        count = int(found[1]) if found else 2
        for place, text in zip(self._places, texts, strict=True):
            if place.form == "only":
                place.entry.msgstr = text
                continue
            # Of the forms that a language has, the first is that of one, and there may be no other.
            first = count > 1 and place.form == "singular"
            for form in [0] if first else range(int(count > 1), count) if place.form == "plural" else []:
                place.entry.msgstr_plural[form] = place.entry.msgstr_plural.get(form) or text
        encoding = self._encoding
        if not encoding.name.startswith("utf"):  # it need not have the letters of the target
            encoding = Encoding()
            header["Content-Type"] = "text/plain; charset=UTF-8"
        return encoding.encode(str(self._file).replace("\n", self._newline))


def read(content: bytes, limits: DocumentLimits) -> GettextDocument:
    """Raises InvalidRequestError for what is no PO file."""
    declared = _CHARSET.search(content)
    charset = declared[1].decode() if declared else "utf-8"
    text, encoding = decode(content, None if charset == "CHARSET" else charset)
    for number, line in enumerate(text.split("\n"), 1):
        if not _LINE.fullmatch(line):
            raise InvalidRequestError("file", f"not a PO file, at line {number}: {line.strip()[:40]!r}")
    # The library takes a string for the name of a file, if there is one of that name.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".po", newline="") as copy:
        copy.write(text)
        copy.flush()
        try:
            file = polib.pofile(copy.name, encoding="utf-8")
        except (OSError, ValueError, UnicodeError, IndexError) as error:
            where = str(error).removeprefix(f"Syntax error in po file {copy.name} ")
            raise InvalidRequestError("file", f"not a PO file: {where[:100]}") from error
    document = GettextDocument(file, encoding, "\r\n" if "\r\n" in text else "\n")
    list(limits.counted(document.segments, lambda segment: segment))
    return document


def _is_open(entry: polib.POEntry) -> bool:
    if entry.obsolete or entry.fuzzy or not entry.msgid:
        return False
    return not all(entry.msgstr_plural.values()) if entry.msgid_plural else not entry.msgstr


def _places(entry: polib.POEntry) -> list[_Place]:
    return [_Place(entry, form) for form in (("singular", "plural") if entry.msgid_plural else ("only",))]


def _plural_forms(target: str) -> str:
    try:
        return str(get_plural(Locale.parse(target, sep="-")).plural_forms)
    except (ValueError, UnknownLocaleError):
        return "nplurals=2; plural=(n != 1);"


GETTEXT = DocumentFormat("gettext", (".po", ".pot"), "text/x-gettext-translation", read)
