"""Line breaks and tabs that are escapes, "\\n", in a text that was taken out of the code or a file of a program."""

from __future__ import annotations

import regex

from model_store.placeholders import find_placeholders
from service.text.edits import Span

_ESCAPES = regex.compile(r"(?<!\\)(?:\\[nrt])+")
# DOMAIN\name, HKEY\texts: a path.
_PATH = regex.compile(r"(?<=[A-Z0-9_])\\[a-z]{2}")


def escapes(text: str) -> list[Span]:
    """Where they are; none in placeholders such as C:\\new or `\\n`."""
    if "\\" not in text:
        return []
    kept = [(each.start, each.end) for each in find_placeholders(text)]
    found = [match.span() for match in _ESCAPES.finditer(text) if not _PATH.match(text, match.start())]
    return [(start, end) for start, end in found if not any(low < end and start < high for low, high in kept)]
