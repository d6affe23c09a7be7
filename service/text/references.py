"""Character references of HTML, as characters."""

from __future__ import annotations

import html

import regex

# Python makes no number of thousands of digits. The largest character has seven, and all above it are U+FFFD.
_NUMBER = regex.compile(r"&#(?=[0-9])0*+([0-9]*+)")
_MOST_DIGITS = 7


def unescaped(source: str) -> str:
    """`source` with characters in place of references, as html.unescape, which fails at a number that is too long."""
    return html.unescape(_NUMBER.sub(lambda found: f"&#0{found[1][: _MOST_DIGITS + 1]}", source))
