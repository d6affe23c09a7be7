"""Options that a recipe has and Verso has not are told by their table, with what may have been meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model_store.errors import ConfigError
from tests.unit.training.recipes import RECIPE, write
from training.recipe_file import changed, load_recipe


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "vocabulary = 500",
            "words = 500",
            "[tokenizer] words: there is no such option; "
            "allowed: character_coverage, lower_case, model, sentences, vocabulary",
        ),
        (
            "[tokenizer]",
            "[trainer]\nlearning_rat = 0.1\n[tokenizer]",
            "[trainer] learning_rat: there is no such option; closest: learning_rate",
        ),
        (
            "[tokenizer]",
            "[trainer]\ndropout = 0.1\n[tokenizer]",
            "[trainer] dropout: there is no such option; there is one in [network]",
        ),
        (
            "[tokenizer]",
            "[network]\nthreads = 2\n[network.encoder]\nway = 'up'\n[tokenizer]",
            "[network.encoder] way: there is no such option; allowed: direction, heads, kind; "
            "[network] threads: there is no such option; there is one in [trainer]",
        ),
        ("path =", "pth = 'a', path =", "[data.sources.0] pth: there is no such option; closest: path"),
        (
            "[tokenizer]",
            "[data.held_out]\npairs = 5\ndropout = 0.1\n[tokenizer]",
            "[data.held_out.0] dropout: there is no such option; there is one in [network]",
        ),
        (
            "[tokenizer]",
            "[export.shortlist]\nlongest = 1\n[tokenizer]",
            "[export.shortlist] longest: there is no such option; allowed: common, least_probability, most, pairs",
        ),
        ("[tokenizer]", "[trainr]\nseed = 1\n[tokenizer]", "[trainr]: there is no such table; closest: trainer"),
        (
            "[tokenizer]",
            "[held_out]\npairs = 5\n[tokenizer]",
            "[held_out]: there is no such table; there is one in [data]",
        ),
        ("\n[data]", "extend = 'a.toml'\n[data]", "extend: there is no such option; closest: extends"),
        (
            'name = "model"',
            'name = "model"\nstart_from = "translate-en-ru"',
            "[export] start_from: there is no such option; there is one before the first table",
        ),
    ],
)
def test_an_option_that_there_is_not(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, RECIPE.replace(old, new, 1))
    with pytest.raises(ConfigError, match=rf"^{re.escape(f'{path}: {message}')}$"):
        load_recipe(path)


def test_what_is_changed_is_told_likewise(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, RECIPE))
    with pytest.raises(ConfigError, match=r"^changes: \[network\] layrs: there is no such option; closest: layers$"):
        changed(recipe, {"network": {"layrs": 2}})
