"""Gettext catalogues, .po and .mo: msgid is the left side, msgstr the right one."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from gettext import c2py
from pathlib import Path

import polib

from training.corpora.errors import CorpusError
from training.corpora.language import speaks
from training.corpora.pair import BadLine, BadReason, Items, SentencePair

_BLANK_LINES = re.compile(r"\n\s*\n")
_LINE_BREAK = re.compile(r"[ \t]*\n[ \t]*")
# Old catalogues name their language in words, which tells nothing reliable; only codes are believed.
_CODE = re.compile(r"[A-Za-z]{2,3}([-_@.].*)?")
# What stands before a string of a .po, if that does not stand alone on its line.
_KEYWORD = re.compile(rb"(msgctxt|msgid_plural|msgid|msgstr(\[\d+\])?)[ \t]*(?=\S)")
_PLURAL = re.compile(r"nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([^;]+)")


def read_gettext(path: Path, right: str) -> Items:
    """Pairs of one catalogue.

    An entry in several paragraphs gives a pair for each where both sides have as many; line breaks inside a paragraph
    are layout and become spaces. The context (msgctxt) is no text. A plural entry pairs the singular msgid with the
    form for one, and the plural msgid with every other form.

    Args:
        right: language code of msgstr; a catalogue whose header has the code of another one gives bad lines only.

    Raises:
        CorpusError: not a catalogue, damaged, or in an unknown encoding.
    """
    catalogue = _parse(path)
    stated = catalogue.metadata.get("Language", "").strip()
    other = _CODE.fullmatch(stated) is not None and not speaks(stated, right)
    for entry in catalogue:
        line = f":{entry.linenum}" if isinstance(entry, polib.POEntry) else ""
        place = f"{path}{line} {entry.msgid[:40]!r}"
        reason = "other_language" if other else _useless(entry)
        if reason:
            yield BadLine(place, reason)
            continue
        texts = _texts(entry, catalogue.metadata.get("Plural-Forms", ""))
        if texts is None:
            yield BadLine(place, "unknown_plural")
            continue
        for left_text, right_text in texts:
            yield from _paragraphs(left_text, right_text, place)


def _parse(path: Path) -> polib.POFile | polib.MOFile:
    try:
        match path.suffix:
            case ".po":
                _check_quotes(path)
                return polib.pofile(str(path))
            case ".mo" | ".gmo":
                return polib.mofile(str(path))
    except (OSError, ValueError, LookupError, struct.error) as error:
        raise CorpusError(f"{path}: not a gettext catalogue: {error}") from error
    raise CorpusError(f"{path}: its name says no gettext catalogue; allowed: .po, .mo, .gmo")


def _check_quotes(path: Path) -> None:
    """Raises ValueError for a string that lacks a quote, for which polib would take the first or last letter."""
    with path.open("rb") as file:
        for number, line in enumerate(map(bytes.strip, file), start=1):
            keyword = _KEYWORD.match(line)
            text = line if keyword is None else line[keyword.end() :]
            is_string = keyword is not None or line.startswith(b'"')
            if is_string and not (len(text) > 1 and text.startswith(b'"') and text.endswith(b'"')):
                raise ValueError(f"line {number}: a string without its first or last quote")


def _useless(entry: polib.POEntry | polib.MOEntry) -> BadReason | None:
    if entry.obsolete:
        return "obsolete"
    if isinstance(entry, polib.POEntry) and entry.fuzzy:
        return "fuzzy"
    if not entry.msgstr and not (entry.msgstr_plural and all(entry.msgstr_plural.values())):
        return "untranslated"
    return None


def _texts(entry: polib.POEntry | polib.MOEntry, plural_forms: str) -> Sequence[tuple[str, str]] | None:
    """(msgid, msgstr) of every form; None if the header does not tell which form is which."""
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    forms = {int(index): text for index, text in entry.msgstr_plural.items()}
    one = _form_for_one(plural_forms, len(forms))
    if one not in forms:
        return None
    others = [(entry.msgid_plural, text) for index, text in sorted(forms.items()) if index != one]
    return [(entry.msgid, forms[one]), *others]


def _form_for_one(plural_forms: str, forms: int) -> int | None:
    """Index of the form for n = 1, by the header; without a usable one, by the rule of languages with two forms."""
    stated = _PLURAL.search(plural_forms)
    if stated is None:
        return 0 if forms <= 2 else None
    try:
        return c2py(stated[2])(1) if int(stated[1]) == forms else None
    except (ValueError, ArithmeticError, RecursionError):
        return None


def _paragraphs(left: str, right: str, place: str) -> Iterator[SentencePair | BadLine]:
    lefts, rights = (_BLANK_LINES.split(text.strip()) for text in (left, right))
    if len(lefts) != len(rights):
        yield BadLine(place, "paragraphs_differ")
        return
    for one, other in zip(lefts, rights, strict=True):
        yield SentencePair(_LINE_BREAK.sub(" ", one), _LINE_BREAK.sub(" ", other))
