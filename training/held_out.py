"""Test sets out of the sources themselves: what is drawn, and what has to leave the training data for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_store.config import Task
from model_store.errors import ConfigError
from training.cleaning import CleaningReport, fold
from training.config import Recipe
from training.corpora.pair import SentencePair
from training.data_config import Draw, HeldOutConfig
from training.near_duplicates import NearDuplicates, hold_out
from training.source_config import SourceConfig


@dataclass(frozen=True)
class Corpus:
    """A source of the recipe with the pairs that are usable."""

    config: SourceConfig
    pairs: list[SentencePair]


@dataclass(frozen=True)
class Drawn:
    """A test set in two languages, and what it was drawn by."""

    draw: Draw
    pairs: list[SentencePair]


def without_held_out(corpora: list[Corpus], recipe: Recipe, report: CleaningReport) -> tuple[list[Corpus], list[Drawn]]:
    """The corpora without the pairs drawn for test sets and those near them; and the sets drawn.

    Drawn from what people wrote, and the same pairs whatever a model wrote besides. The package's own pairs are not
    drawn, and stay if the set is to choose by (training/cleaning.py, clean_own).
    """
    drawn: list[Drawn] = []
    leave: dict[str, set[int]] = {corpus.config.name: set() for corpus in corpora}
    genuine = [corpus for corpus in corpora if corpus.config.genuine]
    for config in recipe.data.held_out:
        taken = {name: frozenset(numbers) for name, numbers in leave.items()}
        for draw in (each for each in recipe.data.draws if each.config is config):
            drawn.append(Drawn(draw, _draw(genuine, draw, taken, recipe, report, leave)))
            for corpus in [each for each in corpora if not (each.config.own and config.validation)]:
                for number in _sharing(corpus, drawn[-1].pairs, recipe.data.task) - leave[corpus.config.name]:
                    report.drop(corpus.config.name, "held_out")
                    leave[corpus.config.name].add(number)
        _leave_near(corpora, [each for each in drawn if each.draw.config is config], config, report, leave)
    left_over = [
        Corpus(corpus.config, [pair for number, pair in enumerate(corpus.pairs) if number not in gone])
        for corpus, gone in ((corpus, leave[corpus.config.name]) for corpus in corpora)
    ]
    return left_over, drawn


def _draw(
    corpora: Sequence[Corpus],
    draw: Draw,
    taken: Mapping[str, frozenset[int]],
    recipe: Recipe,
    report: CleaningReport,
    leave: Mapping[str, set[int]],
) -> list[SentencePair]:
    """A test set of what sets before it have not taken; the clusters of its texts are added to what has to leave."""
    config, left, right = draw.config, draw.left, draw.right
    places = [
        (corpus, number)
        for corpus in corpora
        if (corpus.config.left, corpus.config.right) == (left, right)
        for number in range(len(corpus.pairs))
        if number not in taken[corpus.config.name]
    ]
    pairs = [corpus.pairs[number] for corpus, number in places]
    among = {place for place, (corpus, _number) in enumerate(places) if corpus.config.name in draw.sources}
    count = min(config.pairs, int(config.largest_share * len(among)))
    if not count:
        raise ConfigError(
            f"held_out.largest_share: {config.largest_share} of {len(among)} {left}-{right} pairs is none;"
            f" allowed: from {1 / max(len(among), 1):.2g}, or leave that pair of languages out of held_out.sources"
        )
    drawn, leaving = hold_out(
        [pair.left for pair in pairs], count, threshold=config.threshold, seed=config.seed, among=among
    )
    if len(drawn) < config.pairs:
        why = "largest_share" if len(drawn) == count else "all others are near duplicates"
        report.held_out_short.append(f"{config.name} {left}-{right}: {len(drawn)} of {config.pairs} pairs ({why})")
    for corpus, number in (places[place] for place in leaving):
        if number not in leave[corpus.config.name]:
            report.drop(corpus.config.name, "near_held_out")
            leave[corpus.config.name].add(number)
    return [pairs[place] for place in drawn]


def _sharing(corpus: Corpus, drawn: list[SentencePair], task: Task) -> set[int]:
    """The pairs of a corpus, of other languages perhaps, that have a side in common with one that was drawn."""
    known = {fold(text, task) for pair in drawn for text in (pair.left, pair.right)}
    return {
        number
        for number, pair in enumerate(corpus.pairs)
        if fold(pair.left, task) in known or fold(pair.right, task) in known
    }


def _leave_near(
    corpora: Sequence[Corpus],
    drawn: Sequence[Drawn],
    config: HeldOutConfig,
    report: CleaningReport,
    leave: Mapping[str, set[int]],
) -> None:
    """Add the back-translated pairs to what has to leave of which either side is near a text drawn in its language."""
    back_translated = [corpus for corpus in corpora if corpus.config.back_translated is not None]
    if not back_translated:
        return
    texts: dict[str, list[str]] = {}
    for each in drawn:
        texts.setdefault(each.draw.left, []).extend(pair.left for pair in each.pairs)
        texts.setdefault(each.draw.right, []).extend(pair.right for pair in each.pairs)
    indices = {code: NearDuplicates(found, config.threshold) for code, found in texts.items()}
    for corpus in back_translated:
        name, near = corpus.config.name, set[int]()
        for code, side in ((corpus.config.left, "left"), (corpus.config.right, "right")):
            if code in indices:
                others = indices[code].near(getattr(pair, side) for pair in corpus.pairs)
                near |= {number for number, found in enumerate(others) if found}
        for number in near - leave[name]:
            report.drop(name, "near_held_out")
            leave[name].add(number)
