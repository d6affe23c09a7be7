"""A Moses pair: two files whose lines of the same number are translations, prefix.LEFT and prefix.RIGHT."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from model_store.errors import ConfigError
from training.corpora.compression import COMPRESSIONS, numbered_lines
from training.corpora.errors import CorpusError
from training.corpora.pair import BadLine, Items, SentencePair


def find_moses(prefix: Path, left: str, right: str, *, field: str) -> tuple[Path, Path]:
    """The two files, plain or packed.

    Args:
        field: where the prefix was configured, for the message.

    Raises:
        ConfigError: a side is missing; names what was looked for.
    """
    return _side(prefix, left, field), _side(prefix, right, field)


def read_moses(left: Path, right: Path) -> Items:
    """Line n of `left` with line n of `right`; a line that is not UTF-8 is a BadLine.

    Raises:
        CorpusError: a file cannot be read; or, at the end, their line counts differ, so that the pairs are not to be
            trusted.
    """
    counts = [0, 0]
    for in_left, in_right in zip_longest(numbered_lines(left), numbered_lines(right)):
        counts[0] += in_left is not None
        counts[1] += in_right is not None
        if in_left is None or in_right is None:
            continue
        if in_left[1] is None or in_right[1] is None:
            yield BadLine(f"{left if in_left[1] is None else right}:{in_left[0]}", "invalid_utf8")
            continue
        yield SentencePair(in_left[1], in_right[1])
    if counts[0] != counts[1]:
        raise CorpusError(f"{left} has {counts[0]} lines, {right} has {counts[1]}; a Moses pair has as many in both")


def _side(prefix: Path, language: str, field: str) -> Path:
    names = [f"{prefix.name}.{language}{suffix}" for suffix in ("", *COMPRESSIONS)]
    for name in names:
        path = prefix.with_name(name)
        if path.is_file():
            return path
    raise ConfigError(f"{field}: {str(prefix)!r} is no Moses prefix: none of {', '.join(names)} is in {prefix.parent}")
