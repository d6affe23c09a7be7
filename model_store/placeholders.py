"""Recognises what is never translated: format directives, variables, addresses, paths, code, options, hashtags.

Training and serving have to agree on what counts as a placeholder, so that a model can be trained with them protected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import regex

Kind = Literal[
    "code",
    "url",
    "email",
    "braces",
    "shell",
    "printf",
    "entity",
    "marker",
    "hashtag",
    "mention",
    "path",
    "file",
    "option",
    "identifier",
    "tag",
    "object",
]

_FILE_ENDINGS = (
    "bash|bat|bz2|c|cfg|conf|cpp|css|csv|deb|desktop|dll|docx?|epub|exe|flac|gif|gz|html?|ics|ini|iso|jar|jpe?g|js|json|"
    "log|lua|md|mk|mo|mp[34]|odt|ogg|pdf|php|pl|png|pot?|pptx?|py|rar|rb|rpm|rs|rst|rtf|sh|so|srt|svg|tar|tiff?|toml|"
    "tsv|txt|vtt|wav|webm|xlsx?|xml|xz|ya?ml|zip"
)
# Of hosts without a scheme, as "code.google.com/p/x"; what else ends in a dot and letters is a file or prose.
_HOST_ENDINGS = "com|org|net|edu|gov|info|io|dev|app|ru|de|fr|es|uk|eu|su|рф"
# Braces in braces in braces, and no deeper: a pattern that calls itself would take quadratic time on "{{{{{{".
_BRACES = r"\{[^{}\n]*+\}"
for _level in range(3):
    _BRACES = rf"\{{(?:[^{{}}\n]++|{_BRACES})*+\}}"
# What is in a URL, with brackets in pairs only: one that is closed and was not opened belongs to the text around.
# Braces are there with all that is in them, as in paths and options.
_NO_URL = r"\s<>\"'`«»“”()\[\]{}"
_PAIR = rf"\((?:[^{_NO_URL}]|{_BRACES})*+\)|\[(?:[^{_NO_URL}]|{_BRACES})*+\]|{_BRACES}"
_IN_URL = rf"(?:[^{_NO_URL}]|{_PAIR})*(?:[^{_NO_URL}.,;:!?…]|{_PAIR})"
_NO_PATH = r"\s<>\"'`«»|?*{}"
# In order: where two kinds begin at the same character, the first one counts.
_PATTERNS: dict[Kind, str] = {
    # `code`, ``code with ` in it``
    "code": r"(?<!`)(?P<ticks>`+)(?!`)[^\n]*?[^`\n](?P=ticks)(?!`)",
    # Without the punctuation that ends the sentence around it.
    "url": (
        rf"(?i:\b[a-z][a-z0-9+\-]{{1,15}}://|\bmailto:|\bwww\.){_IN_URL}|"
        rf"(?<![\w@.\-/])(?:[a-z0-9][a-z0-9\-]*\.)+(?:{_HOST_ENDINGS})(?![\w.\-@]\w|\w)"
        rf"(?:/(?:{_IN_URL})?)?"
    ),
    "email": r"(?<![\w.+\-])[\w.+\-]*[\w+]@(?:[\p{L}\p{N}\-]+\.)+\p{L}{2,}",
    # <b>, </a>, <br/>, <x id="1"/>; as text, where the request does not say that it is HTML
    "tag": r"</?(?:[A-Za-z][\w:.\-]*(?:\s[^<>]*)?|\d{1,3})/?>",  # <b>, and <0> as i18next has it
    # {0}, {name}, {0:.2f}, {{ x }}, ${x}, #{x}, %{x}, ICU: {n, plural, one {# file} other {# files}}
    "braces": rf"[$#%@]?{_BRACES}",
    # $1, $HOME, %APPDATA%
    "shell": r"\$(?:\d{1,2}(?![\d.,]*\d)|[A-Za-z_]\w*)(?:\$[a-z])?|%[A-Z][A-Z0-9_]+%",
    # %s, %(name)s, %1$s, %-5.2lf, %qT, %%; no "50% of", no "100%-го"
    "printf": (
        r"(?<!\d)%(?:\(\w+\)|\d+\$)?(?:[\-+#0']{0,5}(?:\*|\d{1,5})?(?:\.(?:\*|\d{1,5}))?(?:hh|h|ll|l|L|q[+#]?|j|z|t)?"
        r"[diouxXeEfFgGaAcCrsSpn](?![\p{L}\p{N}])|[dsiu@]|q[+#]?[A-Z])|%%"
    ),
    "entity": r"&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});",
    # [X12X], as Weblate writes them, and their like: [[1]], __PH0__; colours and emoji by name: #ff00aa, :smile:
    "marker": (
        r"\[\[?[A-Za-z]*\d+[A-Za-z]*\]?\]|(?<!_)__(?=[A-Za-z0-9])[A-Za-z0-9_]{1,60}?__(?!_)|"
        r"(?<![\w#&])\#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})(?!\w)|(?<![\w:]):[a-z][a-z0-9_+\-]{1,40}:(?![\w:])"
    ),
    # #Fediverse, with a letter: "#1" is a number
    "hashtag": r"(?<![\w#&/])[#\uff03](?=[\p{N}_]*\p{L})[\w\p{M}\u00b7\u200c]*\w",
    # @name, @name@host.org
    "mention": r"(?<![\w@./\-])@[A-Za-z0-9_](?:[\w.\-]*\w)?(?:@(?:[\p{L}\p{N}\-]+\.)+\p{L}{2,})?(?![\w@])",
    # /etc/fstab, ~/x, ../x, C:\x, \\host\x
    "path": (
        r"(?<![\w/.<~:])(?:~|\.{1,2})?(?:/[\w.+@\-]*[\w+@\-])+/?(?![\w/])|"
        rf"\b[A-Za-z]:\\(?:[^{_NO_PATH}]|{_BRACES})*(?:[^{_NO_PATH}.,;:!)]|{_BRACES})|"
        r"\\\\[\w.\-]+(?:\\[\w.$\-]*\w)+"
    ),
    "file": rf"(?<![\w.\-/])[\w\-]+(?:\.[\w\-]+)*\.(?:{_FILE_ENDINGS})(?![\w\-]|\.\w)",
    "option": (
        r"(?<![\w\-])--?[A-Za-z][A-Za-z0-9]*(?:[\-_][A-Za-z0-9]+)*"
        rf"(?:=(?:[^\s,;){{}}]|{_BRACES})*(?:[\w/]|{_BRACES}))?(?![\w\-])"
    ),
    # snake_case, function()
    "identifier": r"(?<![\w.\-])(?:[A-Za-z0-9]*_[A-Za-z0-9_]*[A-Za-z0-9]|[A-Za-z]\w*(?=\(\)))(?:\(\))?(?![\w])",
    # Characters of private use and U+FFFC: icons, and objects that the caller has put there
    "object": r"[\p{Co}\ufffc]",
}
# A sentence is asked about several times on its way; longer texts are not kept.
_REMEMBERED = 1000
_ANY = regex.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PATTERNS.items()), regex.V0)
# What every placeholder has somewhere. Most sentences have none of it, which is found out in a thirtieth of the time.
_SIGN = re.compile(
    r"[`@<{$%&\[_#\uff03/\\\ufffc\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]|"
    r"[.:][^ \n]|\(\)|(?<![A-Za-z])-[A-Za-z-]"
)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What stands at [start, end) of a text, in characters."""

    start: int
    end: int
    kind: Kind


def find_placeholders(text: str) -> list[Placeholder]:
    """The placeholders of `text` from left to right; no two overlap. Each is kept character by character."""
    return list(_lately_found(text) if len(text) <= _REMEMBERED else _found(text))


def _found(text: str) -> list[Placeholder]:
    found: list[Placeholder] = []
    if not _SIGN.search(text):
        return found
    for match in _ANY.finditer(text):
        kind = next(kind for kind in _PATTERNS if match[kind] is not None)
        found.append(Placeholder(match.start(), match.end(), kind))
    return found


_lately_found = lru_cache(maxsize=256)(_found)
