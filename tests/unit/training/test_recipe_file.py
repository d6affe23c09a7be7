"""Recipes as files: what a file may leave out, one that extends another, one that is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_store.errors import ConfigError
from tests.unit.training.recipes import RECIPE, write
from training.recipe_file import changed, load_recipe


def test_one_held_out_set_may_be_a_table_by_itself(tmp_path: Path) -> None:
    table, array = (
        load_recipe(write(tmp_path, RECIPE.replace("[data]", f"[data]\nheld_out = {held_out}")))
        for held_out in ("{ pairs = 5 }", '[{ pairs = 5, name = "held-out" }]')
    )
    assert table == array


def test_the_vocabulary_is_stated_once(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, RECIPE)).network.vocabulary == 500
    with pytest.raises(ConfigError, match="state it once"):
        load_recipe(write(tmp_path, RECIPE + "[network]\nvocabulary = 500\n"))


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ('[tokenizer]\nvocabulary = "500"', r"tokenizer\.vocabulary: Input should be a valid integer \(got '500'\)"),
        ("[[tokenizer]]\nvocabulary = 500", r"tokenizer: Input should be an object \(got \[.*\]\)"),
    ],
)
def test_a_vocabulary_that_is_none_is_told_once(tmp_path: Path, stated: str, message: str) -> None:
    text = RECIPE.replace("[tokenizer]\nvocabulary = 500", stated)
    with pytest.raises(ConfigError, match=rf"recipe\.toml: {message}$"):
        load_recipe(write(tmp_path, text))


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    text = RECIPE.replace("[tokenizer]", "[trainer]\nmax_minutes = 90\n[tokenizer]")
    assert load_recipe(write(tmp_path, text)).trainer.max_minutes == 90.0


@pytest.mark.parametrize("date", ["2026-01-01", "2026-01-01T10:00:00", "10:00:00"])
def test_a_date_is_no_text(tmp_path: Path, date: str) -> None:
    text = RECIPE.replace("[export]", f"[export]\ndescription = {date}")
    with pytest.raises(ConfigError, match=rf"export\.description: .*string.*{date[:5]}"):
        load_recipe(write(tmp_path, text))


def test_a_coverage_that_sentencepiece_does_not_take_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    text = RECIPE.replace("[tokenizer]", "[tokenizer]\ncharacter_coverage = 0.95")
    with pytest.raises(ConfigError, match=r"tokenizer\.character_coverage: .*0\.98 \(got 0\.95\)"):
        load_recipe(write(tmp_path, text))


def test_a_byte_order_mark_before_a_recipe_is_no_part_of_it(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, "\ufeff" + RECIPE)) == load_recipe(write(tmp_path, RECIPE))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load_recipe(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("base", ["tiny", "", "nowhere.toml"])
def test_a_recipe_that_extends_what_is_not_there_is_named_with_it(tmp_path: Path, base: str) -> None:
    path = write(tmp_path, f'extends = "{base}"\n')
    message = (
        rf"^{path}: extends: {tmp_path / base} cannot be read: .*; allowed: a recipe file, by its path from this one$"
    )
    with pytest.raises(ConfigError, match=message):
        load_recipe(path)


def test_a_recipe_cannot_extend_itself(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "b.toml"\n', "a.toml")
    write(tmp_path, 'extends = "a.toml"\n', "b.toml")
    with pytest.raises(ConfigError, match="extends itself"):
        load_recipe(tmp_path / "a.toml")


def test_a_recipe_can_be_changed_and_is_validated_anew(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, RECIPE))
    other = changed(recipe, {"network": {"layers": 1, "encoder": {"direction": "forward"}}})
    assert (other.network.layers, other.network.encoder.direction, other.network.hidden) == (1, "forward", 1000)
    assert changed(other, {"network": {"layers": 4, "encoder": {"direction": "reversed"}}}) == recipe
    with pytest.raises(ConfigError, match=r"network\.layers.*65"):
        changed(recipe, {"network": {"layers": 65}})


def test_a_recipe_states_only_what_differs_from_the_one_it_extends(tmp_path: Path) -> None:
    base = load_recipe(write(tmp_path, RECIPE))
    text = 'extends = "recipe.toml"\n[tokenizer]\nsentences = 7\n[network]\nlayers = 2\n'
    recipe = load_recipe(write(tmp_path, text, "other.toml"))
    assert recipe.data == base.data
    assert (recipe.tokenizer.vocabulary, recipe.tokenizer.sentences, recipe.network.layers) == (500, 7, 2)
