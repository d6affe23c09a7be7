"""Compares language codes as corpora write them: en, en-US, pt_BR, ru_RU.UTF-8."""

from __future__ import annotations

import re


def speaks(stated: str, wanted: str) -> bool:
    """Whether text marked `stated` is in the language `wanted`: the same or a variant of it (en-US is en, not back)."""
    one, other = _subtags(stated), _subtags(wanted)
    return one[: len(other)] == other


def primary_subtag(code: str) -> str:
    """The language alone: en of en-US."""
    return _subtags(code)[0]


def _subtags(code: str) -> list[str]:
    return re.split(r"[-_]", re.split(r"[.@]", code.strip())[0].lower())
