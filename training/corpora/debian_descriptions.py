"""Debian's translated package descriptions: two languages of the Translation-XX indices, joined by package."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from debian.deb822 import Deb822

from training.corpora.apt import apt_language, fetch_translations
from training.corpora.pair import BadLine, Items, SentencePair

Key: TypeAlias = tuple[str, str]
"""Package and Description-md5: the md5 of the English description, so it tells of which text this is a translation."""

_LIST_ITEM = re.compile(r" +[-*+•] +")


def read_debian_descriptions(left: str, right: str) -> Items:
    """Download the indices of both languages and pair them; needs apt and its sources.

    Raises:
        ConfigError: a language code is malformed; at the call.
        CorpusError: apt is missing or fails, or no source has a language.
    """
    return _download_and_pair(apt_language(left), apt_language(right))


def _download_and_pair(left: str, right: str) -> Items:
    with TemporaryDirectory(prefix="verso-apt-") as folder:
        lefts, rights = fetch_translations([left, right], Path(folder))
        yield from pair_descriptions(lefts, left, rights, right)


def pair_descriptions(lefts: Iterable[Path], left: str, rights: Iterable[Path], right: str) -> Items:
    """Join index files on package and md5.

    The synopsis is one pair, and so is every paragraph and list item of the long description where both sides have
    as many. An entry that the other language lacks is a BadLine. Of several entries with one key, as two suites may
    have them, the first counts.
    """
    left_texts: dict[Key, str] = {}
    for key, text in _descriptions(lefts, left):
        if isinstance(text, BadLine):
            yield text
        else:
            left_texts.setdefault(key, text)
    paired: set[Key] = set()
    for key, text in _descriptions(rights, right):
        if isinstance(text, BadLine):
            yield text
        elif key not in left_texts:
            yield BadLine(_place(key, right), "no_counterpart")
        elif key not in paired:
            paired.add(key)
            yield from _pair(left_texts[key], text, _place(key, right))
    yield from (BadLine(_place(key, left), "no_counterpart") for key in left_texts if key not in paired)


def _descriptions(paths: Iterable[Path], language: str) -> Iterator[tuple[Key, str | BadLine]]:
    """Bytes that are not UTF-8 become U+FFFD, by which cleaning drops the one paragraph instead of the whole entry."""
    for path in paths:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for stanza in Deb822.iter_paragraphs(file, use_apt_pkg=False):
                key = (stanza.get("Package", ""), stanza.get("Description-md5", ""))
                text = stanza.get(f"Description-{language}")
                if not all(key) or text is None:
                    yield key, BadLine(_place(key, language), "no_description")
                else:
                    yield key, text


def _pair(left: str, right: str, place: str) -> Iterator[SentencePair | BadLine]:
    left_synopsis, _, left_body = left.partition("\n")
    right_synopsis, _, right_body = right.partition("\n")
    yield SentencePair(left_synopsis, right_synopsis)
    lefts, rights = _paragraphs(left_body), _paragraphs(right_body)
    if len(lefts) != len(rights):
        yield BadLine(place, "paragraphs_differ")
        return
    for left_blocks, right_blocks in zip(lefts, rights, strict=True):
        if len(left_blocks) != len(right_blocks):
            yield BadLine(place, "paragraphs_differ")
            continue
        for blocks in zip(left_blocks, right_blocks, strict=True):
            yield SentencePair(*blocks)


def _paragraphs(body: str) -> list[list[str]]:
    """The body's paragraphs, which stand between lines " .", each as its list items and running text."""
    paragraphs: list[list[str]] = [[]]
    in_item = False
    for line in body.splitlines():
        if line.strip() == ".":
            paragraphs.append([])
            continue
        blocks = paragraphs[-1]
        bullet = _LIST_ITEM.match(line)
        indented = bullet is not None or line.startswith("  ")
        if bullet or not blocks or indented != in_item:
            blocks.append(line[bullet.end() :] if bullet else line.strip())
        else:
            blocks[-1] += " " + line.strip()
        in_item = indented
    return [blocks for blocks in paragraphs if blocks]


def _place(key: Key, language: str) -> str:
    return f"Translation-{language} {key[0]} {key[1]}"
