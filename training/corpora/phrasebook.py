"""The package's own phrases: greetings, thanks and what people first ask of a translator, in five languages.

Collections of sentences hold few of them, or none outside their test sets, so a model would learn them badly.
"""

from __future__ import annotations

import csv
from importlib import resources

from model_store.errors import ConfigError
from training.corpora.pair import Items, SentencePair


def read_phrasebook(left: str, right: str) -> Items:
    """Each phrase in two languages, in the book's order.

    Raises ConfigError for a language that it does not have; at the call.
    """
    header, *rows = csv.reader(_text().splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    for code in (left, right):
        if code not in header:
            raise ConfigError(f"phrasebook: has no {code!r}; allowed: {header}")
    columns = header.index(left), header.index(right)
    return (SentencePair(*(row[column] for column in columns)) for row in rows)


def _text() -> str:
    return resources.files("training.corpora").joinpath("phrases.tsv").read_text(encoding="utf-8")
