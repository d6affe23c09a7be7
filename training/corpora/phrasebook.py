"""The package's own phrases, words and sentences, in five languages.

Phrases and words are greetings and what else people first ask of a translator. Collections of sentences hold few of
them, or none outside their test sets, so a model would learn them badly: a word that stands alone it leaves as it is,
or writes in another of its languages. The sentences have words that people use every day and the free collections of
English and Russian hardly have; those of the newsbook are longer, of the kind that is printed, which they have less of.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from importlib import resources

from model_store.errors import ConfigError
from training.corpora.pair import Items, SentencePair


def read_phrasebook(left: str, right: str) -> Items:
    """Each phrase in two languages, in the book's order.

    Raises ConfigError for a language that it does not have; at the call.
    """
    return iter(_pairs("phrasebook", "phrases.tsv", left, right))


def read_wordbook(left: str, right: str) -> Items:
    """Each everyday word in two languages, in the book's order: as it is written in a text, and with a capital.

    Raises ConfigError for a language that it does not have; at the call.
    """
    return with_capitals(_pairs("wordbook", "words.tsv", left, right))


def read_sentencebook(left: str, right: str) -> Items:
    """Each everyday sentence in two languages, in the book's order.

    Raises ConfigError for a language that it does not have; at the call.
    """
    return iter(_pairs("sentencebook", "sentences.tsv", left, right))


def read_newsbook(left: str, right: str) -> Items:
    """Each sentence as newspapers, encyclopaedias and notices have them in two languages, in the book's order.

    Raises ConfigError for a language that it does not have; at the call.
    """
    return iter(_pairs("newsbook", "news.tsv", left, right))


def with_capitals(pairs: Iterable[SentencePair]) -> Iterator[SentencePair]:
    """Each pair, followed by the same with a capital on both sides if that is another.

    A noun of German is thus learned as the word in small letters and as that with a capital.
    """
    for pair in pairs:
        yield pair
        if (capital := SentencePair(_capital(pair.left), _capital(pair.right))) != pair:
            yield capital


def _pairs(book: str, file: str, left: str, right: str) -> list[SentencePair]:
    text = resources.files("training.corpora").joinpath(file).read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    for code in (left, right):
        if code not in header:
            raise ConfigError(f"{book}: has no {code!r}; allowed: {header}")
    columns = header.index(left), header.index(right)
    return [SentencePair(*(row[column] for column in columns)) for row in rows]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
