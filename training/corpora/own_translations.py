"""The package's own translations of sentences of a free collection: the sentences are in the collection's files.

Free collections have few everyday sentences in English and Russian, and many in English and other languages. So
sentences of those were translated for the package; a file of it says what by a hash of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from importlib import resources
from pathlib import Path

from training.corpora.compression import numbered_lines
from training.corpora.pair import Items, SentencePair
from training.corpora.tsv import read_tsv

_BOOK = "translations.en-ru.tsv.xz"


def read_own_translations(paths: Iterable[Path]) -> Items:
    """The English sentences in the first column of tab-separated files that have a Russian translation, each once."""
    waiting = dict(own_translations())
    for path in paths:
        for item in read_tsv(path):
            if not isinstance(item, SentencePair):
                yield item
            elif translation := waiting.pop(key_of(item.left), None):
                yield SentencePair(item.left, translation)


def key_of(sentence: str) -> str:
    """What stands for a sentence in the package's file: 16 hexadecimal digits."""
    return blake2b(sentence.encode(), digest_size=8).hexdigest()


@cache
def own_translations() -> dict[str, str]:
    """key_of a sentence -> its translation."""
    with resources.as_file(resources.files("training.corpora").joinpath(_BOOK)) as path:
        return dict(line.split("\t") for _number, line in numbered_lines(path) if line)
