"""JSON with messages, as applications keep them: the values that are strings; keys and everything else are copied.

ARB (Flutter) keeps notes under keys with "@"; Chrome's messages.json has one object a message, of which only "message"
is shown to users.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping

from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import decode
from service.documents.limits import DocumentLimits
from service.documents.slices import SlicedDocument, Slot
from service.errors import InvalidRequestError
from service.text.segmentation import has_letter

# In valid JSON a quotation mark begins a string everywhere but in one.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')
# Half a pair, which JSON can write with \\u, is no character.
_SURROGATE = re.compile("[\ud800-\udfff]")


def read(content: bytes, limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for what is no JSON."""
    text, encoding = decode(content)
    try:
        parsed = json.loads(text)
    except RecursionError as error:
        raise InvalidRequestError("file", "JSON nested too deeply") from error
    except ValueError as error:
        raise InvalidRequestError("file", f"not valid JSON: {str(error)[:200]}") from error
    return SlicedDocument(_parts(text, chrome=_is_chrome(parsed)), encoding, limits)


def _is_chrome(parsed: object) -> bool:
    return (
        isinstance(parsed, Mapping)
        and bool(parsed)
        and all(isinstance(value, Mapping) and isinstance(value.get("message"), str) for value in parsed.values())
    )


def _parts(text: str, *, chrome: bool) -> Iterator[str | Slot]:
    path: list[str | None] = []  # the key under which each open object or array now is; None in an array
    notes = 0  # how many of them are notes
    start = 0
    for token, behind in itertools.pairwise(itertools.chain(_TOKEN.finditer(text), [None])):
        assert token is not None
        mark = token[0]
        if mark in ("{", "["):
            path.append("" if mark == "{" else None)
        elif mark in ("}", "]"):
            notes -= _is_note(path.pop())
        elif mark.startswith('"') and behind is not None and behind[0] == ":":
            notes -= _is_note(path[-1])
            path[-1] = json.loads(mark)
            notes += _is_note(path[-1])
        elif mark.startswith('"') and not notes and (not chrome or path == [path[0], "message"]):
            value = json.loads(mark)
            if has_letter(value) and not _SURROGATE.search(value):
                yield text[start : token.start()]
                yield Slot(Segment(value), _in_ascii if mark.isascii() and "\\u" in mark else _in_unicode)
                start = token.end()
    yield text[start:]


def _is_note(key: str | None) -> bool:
    return key is not None and key.startswith("@")


def _in_ascii(text: str) -> str:
    return json.dumps(text)


def _in_unicode(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


JSON = DocumentFormat("json", (".json", ".arb"), "application/json", read)
