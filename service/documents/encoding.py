"""Bytes of a text file <-> its characters, in the encoding that it came in."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from service.errors import InvalidRequestError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What a document may declare: others, as "punycode", are slow or are no encodings of text.
_KNOWN = re.compile(
    r"utf-(8|16|16-le|16-be)|ascii|iso8859-\d+|cp(125\d|866|437|850|852|932|949)|koi8-[rut]|mac-(roman|cyrillic)|"
    r"gb2312|gbk|gb18030|big5|shift_jis|euc_(jp|kr)"
)


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
    """The text of a file: by its byte order mark, else by the encoding that it declares, else as UTF-8.

    Args:
        errors: how a character is to be written that the encoding does not have.

    Raises:
        InvalidRequestError: it is in no such encoding.
    """
    mark, name = next((each for each in _MARKS if content.startswith(each[0])), (b"", declared or "utf-8"))
    allowed = "UTF-8, UTF-16 with a mark"
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        codec = ""
    if not _KNOWN.fullmatch(codec):
        raise InvalidRequestError("file", f"its encoding {name[:40]!r} is not known; allowed: {allowed}")
    try:
        text = content[len(mark) :].decode(codec)
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            "file", f"not {codec}, at byte {error.start + len(mark)}; allowed: {allowed}"
        ) from error
    return text, Encoding(mark, codec, "strict" if codec.startswith("utf") else errors)
