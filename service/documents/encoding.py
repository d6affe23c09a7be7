"""Bytes of a text file <-> its characters, in the encoding that it came in."""

from __future__ import annotations

import codecs
import contextlib
import re
from dataclasses import dataclass, replace

import chardet

from service.errors import InvalidRequestError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before the mark that it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What a document may declare: others, as "punycode", are slow or are no encodings of text.
_KNOWN = re.compile(
    r"utf-(8|16|16-le|16-be)|ascii|iso8859-\d+|cp(125\d|866|437|850|852|932|949)|koi8-[rut]|mac-(roman|cyrillic)|"
    r"gb2312|gbk|gb18030|big5|shift_jis|euc_(jp|kr)|iso2022_jp|tis-620"
)
# What XML declares.
_XML = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})""")
_XML_BYTES = 300
# Bytes that Latin-1 has only control characters for: who writes them means Windows-1252, and browsers read them so.
_CONTROLS = re.compile(rb"[\x80-\x9f]")
# Of the characters of a text in UTF-16, the least share of those, such as spaces, that have a byte of zero.
_LEAST_ZEROS = 0.1
# What old text files are in. Windows-1252 stands for its subsets, of which they are hardly told apart.
_OLD = (
    *("windows-1251", "koi8-r", "koi8-u", "cp866", "iso-8859-5", "windows-1250", "iso-8859-2", "windows-1252"),
    *("windows-1253", "windows-1254", "windows-1257", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr"),
)
# How likely, of the likeliest encoding, another one may be that makes other characters of the same bytes.
_MOST_DOUBT = 0.9
# Bytes beyond ASCII that it takes to tell.
_LEAST_BYTES = 3
_ALLOWED = "UTF-8, UTF-16 with a mark"


@dataclass(frozen=True)
class Encoding:
    """mark: the byte order mark. name: the codec. errors: how what it does not have is written."""

    mark: bytes = b""
    name: str = "utf-8"
    errors: str = "strict"

    def encode(self, text: str) -> bytes:
        """The bytes of a file."""
        return self.mark + text.encode(self.name, self.errors)


def decode(content: bytes, declared: str | None = None, errors: str = "strict") -> tuple[str, Encoding]:
    """The text of a file as browsers read it: as decode_exactly, but Latin-1 is Windows-1252 if it shows that."""
    text, encoding = decode_exactly(content, declared, errors)
    if encoding.name == "iso8859-1" and _CONTROLS.search(content):
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode("cp1252"), replace(encoding, name="cp1252")
    return text, encoding


def decode_exactly(content: bytes, declared: str | None, errors: str) -> tuple[str, Encoding]:
    """The text of a file: by its byte order mark, else by the encoding that it declares, else as UTF-8.

    Args:
        errors: how a character is to be written that the encoding does not have.

    Raises:
        InvalidRequestError: it is in no such encoding.
    """
    mark, name = next((each for each in _MARKS if content.startswith(each[0])), (b"", declared or "utf-8"))
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        codec = ""
    if not _KNOWN.fullmatch(codec):
        raise InvalidRequestError("file", f"its encoding {name[:40]!r} is not known; allowed: {_ALLOWED}")
    try:
        text = content[len(mark) :].decode(codec)
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            "file", f"not {codec}, at byte {error.start + len(mark)}; allowed: {_ALLOWED}"
        ) from error
    return text, Encoding(mark, codec, "strict" if codec.startswith("utf") else errors)


def declared_in_xml(content: bytes) -> str | None:
    """The encoding that the first line of a file of XML names."""
    declared = _XML.search(content[:_XML_BYTES])
    return declared[1].decode() if declared else None


def decode_undeclared(content: bytes) -> tuple[str, Encoding]:
    """The text of a file in a format that has no place to say its encoding: by its byte order mark, else as UTF-16 if
    its bytes show that, else as UTF-8, else in the old encoding that its bytes are likeliest to be in. It is written in
    UTF-8 then, since what it is translated to may not be in that one.

    Raises:
        InvalidRequestError: it is none of these, or it cannot be told which.
    """
    try:
        return decode(content, _utf_16(content))
    except InvalidRequestError as error:
        if content.startswith(tuple(mark for mark, _name in _MARKS)) or (text := _guessed(content)) is None:
            problem = f"{error.problem}; or enough text in an old encoding, such as Windows-1251, to tell it by"
            raise InvalidRequestError("file", problem) from error
    return text, Encoding()


def _utf_16(content: bytes) -> str | None:
    """Of a text without a mark: the byte order that spaces and letters of ASCII show. It may be valid UTF-8, too."""
    first, second = content[::2].count(0), content[1::2].count(0)
    least = _LEAST_ZEROS * len(content) / 2
    if len(content) % 2 or not max(first, second) or max(first, second) < least or min(first, second):
        return None
    return "utf-16-le" if second else "utf-16-be"


def _guessed(content: bytes) -> str | None:
    """The text, unless nothing is likely, two texts are about as likely, or it is UTF-8 with some damage."""
    if len(content.translate(None, bytes(range(0x80)))) < _LEAST_BYTES:
        return None
    damaged = content.decode("utf-8", errors="replace")
    if len(damaged) - len(damaged.encode("ascii", "ignore")) > 2 * damaged.count("\ufffd"):
        return None
    best: tuple[str, float] | None = None
    for guess in chardet.detect_all(content, ignore_threshold=True, include_encodings=_OLD):
        if guess["encoding"] is None:
            return None
        try:
            text = content.decode(guess["encoding"])
        except UnicodeDecodeError:
            continue
        if best is None:
            best = text, guess["confidence"]
        elif text != best[0]:
            return None if guess["confidence"] >= _MOST_DOUBT * best[1] else best[0]
    return best and best[0]
