"""Texts that a summarizer is to say nothing of, made of sentences of other kinds than it learns from.

A network that was trained on one kind of text writes something of any other, and is sure of it. So it learns to end at
once there, which a service can tell (service/pipeline/summarize.py).
"""

from __future__ import annotations

import random
from pathlib import Path

from training.corpora.compression import numbered_lines
from training.corpora.pair import BadLine, Items, SentencePair

# Words of a text, at least; each draws its own number of these, the same whatever the recipe's seed.
_WORDS = (5, 50)


def read_out_of_domain(path: Path, column: int) -> Items:
    """Texts of lines in a row, without empty ones. Each stands on both sides, so that it is cleaned as pairs are.

    A line that is not UTF-8, or has not so many tab-separated columns, is a BadLine.

    Raises:
        CorpusError: the file cannot be read.
    """
    rng = random.Random(0)
    held: list[str] = []
    wanted = rng.randint(*_WORDS)
    for number, line in numbered_lines(path):
        columns = line.split("\t") if line is not None else []
        if len(columns) < column:
            yield BadLine(f"{path}:{number}", "invalid_utf8" if line is None else "missing_column")
            continue
        sentence = columns[column - 1].strip()
        if not sentence:
            continue
        held.append(sentence)
        text = " ".join(held)
        if len(text.split()) >= wanted:
            yield SentencePair(text, text)
            held, wanted = [], rng.randint(*_WORDS)
    if held:
        yield SentencePair(" ".join(held), " ".join(held))
