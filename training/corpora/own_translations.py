"""The package's own translations of sentences of free collections: the sentences are in the collections' files.

Free collections have few everyday sentences in English and Russian, many in English and other languages, and many in
one language. So sentences of those were translated for the package; a file of it says what by a hash of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from importlib import resources
from pathlib import Path

from training.corpora.compression import numbered_lines
from training.corpora.pair import BadLine, Items, SentencePair

WAYS = (("en", "ru"), ("ru", "en"))  # from the language of the sentences


def read_own_translations(paths: Iterable[Path], left: str, right: str) -> Items:
    """The sentences of files that have a translation, each once: what a line has up to its first tab, if any.

    Of WAYS, left and right are one. A line that is not UTF-8 is a BadLine.

    Raises:
        CorpusError: a file cannot be read.
    """
    waiting = dict(own_translations(left, right))
    for path in paths:
        for number, line in numbered_lines(path):
            if line is None:
                yield BadLine(f"{path}:{number}", "invalid_utf8")
                continue
            sentence, *_others = line.split("\t", maxsplit=1)
            if translation := waiting.pop(key_of(sentence), None):
                yield SentencePair(sentence, translation)


def key_of(sentence: str) -> str:
    """What stands for a sentence in the package's file: 16 hexadecimal digits."""
    return blake2b(sentence.encode(), digest_size=8).hexdigest()


@cache
def own_translations(left: str, right: str) -> dict[str, str]:
    """key_of a sentence -> its translation, of one of WAYS."""
    book = f"translations.{left}-{right}.tsv.xz"
    with resources.as_file(resources.files("training.corpora").joinpath(book)) as path:
        return dict(line.split("\t") for _number, line in numbered_lines(path) if line)
