"""Finds pairs that stand the other way round than a recipe says: a network would learn them so, and say nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from model_store.errors import ConfigError
from training.corpora.language import primary_subtag
from training.corpora.pair import SentencePair

_SAMPLE = 50
_FEWEST = 10
_SURE_SHARE = 0.8
_FEWEST_CHARACTERS = 20  # of a text whose language can be told


def check_sides(field: str, left: str, right: str, pairs: Sequence[SentencePair]) -> None:
    """Raise ConfigError if most of some pairs have their left text in the language of the right one, and the other way
    round. Nothing is said of languages that py3langid does not know, and of a few pairs or short texts."""
    one, other = primary_subtag(left), primary_subtag(right)
    if one == other or not {one, other} <= set(_identifier().labels):
        return
    told = [pair for pair in pairs if min(len(pair.left), len(pair.right)) >= _FEWEST_CHARACTERS]
    if len(told) < _FEWEST:
        return
    drawn = random.Random(0).sample(told, min(_SAMPLE, len(told)))
    turned = sum(_turned(pair, one, other) for pair in drawn)
    if turned >= _SURE_SHARE * len(drawn):
        raise ConfigError(
            f"{field}: its texts stand the other way round: of {len(drawn)} pairs {turned} have {right!r} on the left "
            f"and {left!r} on the right; allowed: left = {right!r} and right = {left!r}"
        )


def _turned(pair: SentencePair, left: str, right: str) -> bool:
    return _likelier(pair.left, left, right) == right and _likelier(pair.right, left, right) == left


def _likelier(text: str, *languages: str) -> str:
    scores = dict(_identifier().rank(text))
    return max(languages, key=lambda language: float(scores[language]))


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE)
