"""The first sentence of a text, which says best of all what the text is about.

As a baseline of summarizers it is called the lead (Nenkova 2005, "Automatic Text Summarization of Newswire").
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import regex

from service.text.segmentation import end_of_markers, has_letter, sentences

FEWEST_CHARACTERS = 20
_END = regex.compile(r"[.!?…。！？]['\"’”»)\]]*\Z")


def first_sentence(text: str, language: str) -> str:
    """The first that ends as sentences do and has a few words; without one, the first with a letter; "" if none has.

    Lines are joined, up to an empty one, so a heading or a greeting that stands by itself is passed over. White space
    is evened out, and what marks an item of a list is left out.
    """
    found = ""
    for sentence in _sentences(text, language):
        if len(sentence) >= FEWEST_CHARACTERS and _END.search(sentence):
            return sentence
        found = found or sentence
    return found


def _sentences(text: str, language: str) -> Iterator[str]:
    for empty, lines in groupby(text.splitlines(), key=lambda line: not line.strip()):
        if not empty:
            paragraph = " ".join(" ".join(lines).split())
            for sentence in sentences(paragraph[end_of_markers(paragraph) :], language):
                if has_letter(sentence):
                    yield sentence.strip()
