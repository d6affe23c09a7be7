"""Names of programs, functions and the like: words without a translation, told by how they are written.

A network that cuts such a word into many tokens may write half of it, or another one; but often enough it copies it. So
it is asked first, and what it has lost is kept from it when it is asked again (service/pipeline/passes.py). Those that
nobody could take for a word of a language, as snake_case, are placeholders (model_store/placeholders.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import regex

from service.text.edits import Span

# Hyphens and slashes are between words (MP3-Datei, DHCP/TFTP), but in what has "::" somewhere.
_WORD = regex.compile(
    r"(?:(?<![\w:\-])[\p{Latin}0-9_][\p{Latin}0-9_\-]*+::[\p{Latin}0-9_:\-]*[\p{Latin}0-9_]|"
    r"(?<![\w:&])\p{Lu}{1,3}&\p{Lu}{1,3}(?!&)|"
    r"(?<![\w:])[\p{Latin}0-9_]+)(?!\w|[.,]\d)",
    regex.V1,
)
_NAME = regex.compile(
    r".*::.*|"
    # AT&T, R&D
    r".*&.*|"
    # LibreOffice, depType, SQLite: capitals behind the first letter, and small ones. But no GHz, which is written
    # otherwise in other alphabets, no PDFs, no XIXe (siècle), and no German BenutzerInnen.
    r"(?=.{4})(?=.+\p{Lu})(?=.*\p{Ll})(?!\p{Lu}+s$|[IVXLCDM]+\p{Ll}{1,3}$)(?!.*In(?:nen)?$)[\p{L}0-9]+|"
    # i386, MP3
    r"\p{L}++[0-9][\p{L}0-9]*+|"
    # DHCP, GTK: no word that is shouted, which would have vowels; no GB or TV, which other languages write otherwise
    r"[BCDFGHJ-NP-TV-XZ]{3,6}",
    regex.V1,
)
# What every name of these has somewhere; most sentences have none of it, which is found out in a tenth of the time.
_SIGN = re.compile(r"[^\W_][A-Z\u00c0-\u024f]|::|&[^\W_]|[^\W\d_][0-9]")
# In a text of another script whatever is of Latin letters, but for a numeral and a letter that only looks like one.
_IN_ANOTHER_SCRIPT = regex.compile(r"(?![IVXLCDM]+$)\p{Latin}.*\p{Latin}.*", regex.V1)
_LATIN = regex.compile(r"\p{Latin}")
_OTHER = regex.compile(r"[\p{L}--\p{Latin}]", regex.V1)


def identifiers(text: str) -> Iterator[tuple[str, Span]]:
    """The names in a text, and where they stand."""
    others = 0 if text.isascii() else len(_OTHER.findall(text))
    foreign = others > len(_LATIN.findall(text)) if others else False
    if not foreign and not _SIGN.search(text):
        return
    for match in _WORD.finditer(text):
        if _NAME.fullmatch(match[0]) or (foreign and _IN_ANOTHER_SCRIPT.fullmatch(match[0])):
            yield match[0], match.span()


def lost_identifiers(source: str, target: str) -> Counter[str]:
    """The names of `source` that `target` has nowhere; each as often as it was."""
    found = Counter(name for name, _span in identifiers(source))
    return Counter({name: number for name, number in found.items() if not _stands(name, target)})


def _stands(name: str, text: str) -> bool:
    """Whether a name is there, with its capitals if it has any but the first letter; a plural and an ending in another
    script count."""
    capitals = any(map(str.isupper, name[1:]))
    pattern = rf"(?<![\p{{Latin}}0-9_]){regex.escape(name)}s?(?![\p{{Latin}}0-9_])"
    return bool(regex.search(pattern, text, 0 if capitals else regex.IGNORECASE))
