"""gettext: the messages of a PO or POT file that have no translation yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from babel import Locale, UnknownLocaleError
from babel.messages.plurals import get_plural

from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import Encoding, decode
from service.documents.formats.po_lines import Message, lines_of, messages_of
from service.documents.limits import DocumentLimits

# A message without a source.
_HEADER = re.compile(rb'^[ \t]*msgid[ \t]+""\s*^[ \t]*msgstr[ \t]+((?:"[^\n]*\s*)+)', re.MULTILINE)
_CHARSET = re.compile(rb'Content-Type:[^"]*?charset=([\w.:-]{1,40})')
# In a template, for what it will be in.
_OPEN_CHARSET = "CHARSET"
_COUNT = re.compile(r"nplurals\s*=\s*(\d{1,2})\b")
_UTF_8 = "text/plain; charset=UTF-8"
# msgid and msgctxt of what GNOME's and KDE's programs look up to show who translated them: nothing where it has no
# translation.
_CREDITS = {
    ("translator-credits", None),
    ("translator_credits", None),
    ("Your names", "NAME OF TRANSLATORS"),
    ("Your emails", "EMAIL OF TRANSLATORS"),
}


class GettextDocument:
    """Messages that are translated, fuzzy or obsolete stay as they are, and so does every line but those of the
    translations that are missing, and of the header where a field is added to it."""

    def __init__(self, text: str, encoding: Encoding) -> None:
        self._lines = text.split("\n")
        self._end = "\r" if "\r\n" in text else ""
        self._encoding = encoding
        messages = messages_of(self._lines)
        self._header = next((each for each in messages if each.is_header), None)
        self._plural = any(each.plural is not None for each in messages)
        self._open = [each for each in messages if _is_open(each)]

    @property
    def segments(self) -> Sequence[Segment]:
        """As Document's."""
        texts = [text for message in self._open for text in (message.msgid, message.plural)]
        return [Segment(text) for text in texts if text is not None]

    @property
    def language(self) -> str | None:
        """As Document's."""
        return self._field("Language")

    def write(self, texts: Sequence[str], target: str) -> bytes:
        """As Document.write; the header of a template gets what it leaves open: language, encoding and plural forms."""
        fields: dict[str, str] = {}
        if not self.language:
            fields["Language"] = target.replace("-", "_")
        plural_forms = self._field("Plural-Forms") or ""
        if self._plural and not _COUNT.search(plural_forms):
            fields["Plural-Forms"] = plural_forms = _plural_forms(target)
        encoding = self._encoding
        if not encoding.name.startswith("utf"):  # it need not have the letters of the target
            encoding = Encoding()
        if encoding is not self._encoding or _OPEN_CHARSET in (self._field("Content-Type") or ""):
            fields["Content-Type"] = _UTF_8
        found = _COUNT.search(plural_forms)
        done = iter(texts)
        edits = list(self._header_edits(fields))
        for message in self._open:
            one, many = next(done), "" if message.plural is None else next(done)
            edits += _edits(message, one, many, int(found[1]) if found else 2)
        return encoding.encode(self._edited(edits))

    def _field(self, name: str) -> str | None:
        header = self._header.texts.get("msgstr", "") if self._header else ""
        found = re.search(rf"^{name}:(.*)$", header, re.MULTILINE)
        return (found and found[1].strip()) or None

    def _header_edits(self, fields: Mapping[str, str]) -> Iterator[tuple[int, int, list[str]]]:
        if not fields:
            return
        if self._header is None:
            written = "".join(f"{name}: {value}\n" for name, value in {"Content-Type": _UTF_8, **fields}.items())
            yield 0, 0, ['msgid ""', *lines_of("msgstr", written), ""]
            return
        header = self._header.texts["msgstr"]
        for name, value in fields.items():
            line = f"{name}: {value}\n"
            if old := re.search(rf"^{name}:.*(?:\n|\Z)", header, re.MULTILINE):
                header = header[: old.start()] + line + header[old.end() :]
            else:
                header += line if header.endswith("\n") or not header else f"\n{line}"
        yield *self._header.spans["msgstr"], lines_of("msgstr", header)

    def _edited(self, edits: Sequence[tuple[int, int, list[str]]]) -> str:
        lines: list[str] = []
        done = 0
        for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
            lines += self._lines[done:start] + [line + self._end for line in new]
            done = end
        return "\n".join(lines + self._lines[done:])


def read(content: bytes, limits: DocumentLimits) -> GettextDocument:
    """Raises InvalidRequestError for what is no PO file."""
    header = _HEADER.search(content)
    declared = header and _CHARSET.search(header[1])
    charset = declared[1].decode() if declared else _OPEN_CHARSET
    document = GettextDocument(*decode(content, None if charset == _OPEN_CHARSET else charset))
    list(limits.counted(document.segments, lambda segment: segment))
    return document


def _is_open(message: Message) -> bool:
    credits_ = (message.msgid, message.texts.get("msgctxt")) in _CREDITS
    return bool(message.msgid) and not credits_ and not message.fuzzy and not all(message.translations().values())


def _edits(message: Message, one: str, many: str, count: int) -> Iterator[tuple[int, int, list[str]]]:
    """The lines of the translations that a message has not got. count: of plural forms."""
    if message.plural is None:
        yield *message.spans["msgstr"], lines_of("msgstr", one)
        return
    behind = max(end for keyword, (_start, end) in message.spans.items() if keyword.startswith("msgstr"))
    added: list[str] = []
    for form in range(count):
        keyword = f"msgstr[{form}]"
        # Of the forms that a language has, the first is that of one, and there may be no other.
        lines = lines_of(keyword, one if count > 1 and form == 0 else many)
        if keyword not in message.texts:
            added += lines
        elif not message.texts[keyword]:
            yield *message.spans[keyword], lines
    if added:
        yield behind, behind, added


def _plural_forms(target: str) -> str:
    try:
        return str(get_plural(Locale.parse(target, sep="-")).plural_forms)
    except (ValueError, UnknownLocaleError):
        return "nplurals=2; plural=(n != 1);"


GETTEXT = DocumentFormat("gettext", (".po", ".pot"), "text/x-gettext-translation", read)
