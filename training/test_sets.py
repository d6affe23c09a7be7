"""Held-out sets of a recipe as texts, in every direction that the recipe serves and the set has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from model_store.config import Task
from model_store.errors import ConfigError
from training.cleaning import fold, not_text
from training.corpora.pair import SentencePair
from training.corpora.read import read_source
from training.data_config import TestSetConfig
from training.evaluation import TestSet
from training.sides import check_sides


def read_held_out(config: TestSetConfig, data_root: Path) -> list[SentencePair]:
    """All pairs of a held-out set, up to its limit, in file order.

    Raises ConfigError if a line is no pair, since a test set is small and precious enough to be mended, not skipped
    over; if there is none; and if they stand the other way round.
    """
    pairs = []
    for number, item in enumerate(read_source(config, data_root), 1):
        if not isinstance(item, SentencePair):
            raise ConfigError(f"test set {config.name}: {item.where}: {item.reason}")
        if reason := not_text(item):
            raise ConfigError(f"test set {config.name}: {config.path}: pair {number}: {reason}")
        pairs.append(item)
    if not pairs:
        raise ConfigError(f"test set {config.name}: {config.path!r} has no pair")
    check_sides(f"test set {config.name}", config.left, config.right, pairs)
    return pairs[: config.limit]


def folded(configs: Sequence[TestSetConfig], task: Task, data_root: Path) -> frozenset[bytes]:
    """`fold` of both sides of every pair of the sets, by which a source's pairs are known to be theirs.

    Raises ConfigError as read_held_out does.
    """
    return frozenset(
        fold(text, task)
        for config in configs
        for pair in read_held_out(config, data_root)
        for text in (pair.left, pair.right)
    )


def load_test_sets(
    configs: Sequence[TestSetConfig], directions: Sequence[str], data_root: Path, *, lower_case: bool = False
) -> Iterator[TestSet]:
    """The sets of `configs`, each in the directions of `directions` between its two languages.

    lower_case: lower-case the references, for a system that writes lower case only.

    Raises ConfigError if a file is missing or holds a line that is no pair.
    """
    for config in configs:
        pairs = read_held_out(config, data_root)
        left, right = tuple(pair.left for pair in pairs), tuple(pair.right for pair in pairs)
        for source, target, sources, references in (
            (config.left, config.right, left, right),
            (config.right, config.left, right, left),
        )[: 1 if config.left == config.right else 2]:
            if f"{source}-{target}" in directions:
                if lower_case:
                    references = tuple(each.lower() for each in references)
                yield TestSet(config.name, source, target, sources, references)
