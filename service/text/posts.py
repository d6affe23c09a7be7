"""What a post of a social network is addressed to and filed under: names in front of its text and hashtags behind it.

They are no part of a sentence, and a network that is given them looks for a place for each in its translation.
"""

from __future__ import annotations

from model_store.placeholders import Placeholder, find_placeholders
from service.text.edits import Span


def said(text: str) -> Span:
    """A text without the mentions before its first word, if that begins with anything but a small letter (else the last
    of them may be its subject), and without the hashtags at its end but for the first, which may be its last word."""
    if not any(sign in text for sign in "@#\uff03"):
        return 0, len(text)
    found = find_placeholders(text)
    return _behind_mentions(text, found), _before_hashtags(text, found)


def _behind_mentions(text: str, found: list[Placeholder]) -> int:
    start = 0
    for each in found:
        if each.kind != "mention" or text[start : each.start].strip():
            break
        start = each.end
    rest = text[start:]
    word = rest.lstrip()
    return start + len(rest) - len(word) if word[:1] != rest[:1] and not word[:1].islower() else 0


def _before_hashtags(text: str, found: list[Placeholder]) -> int:
    end = first = len(text)
    for each in reversed(found):
        if each.kind != "hashtag" or text[each.end : first].strip():
            break
        end, first = each.end, each.start
    return end
