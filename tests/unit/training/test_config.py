"""Recipes: what is refused, and in which words; those that come with Verso."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model_store.errors import ConfigError
from model_store.manifest import read_manifest
from tests.unit.training.recipes import RECIPE, write
from training.recipe_file import load_recipe
from training.run import RECIPES
from training.start import find_bundle


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_that_comes_with_verso_is_valid_and_named_like_its_file(path: Path) -> None:
    assert load_recipe(path).export.name == path.stem


def test_the_recipe_that_adapts_loads_with_the_bundle_that_it_names_to_start_from() -> None:
    path = RECIPES / "adapt-en-ru.toml"
    (start,) = set(re.findall(r"--from (\S+@\S+)", path.read_text(encoding="utf-8")))
    recipe = load_recipe(path, start_from=start)
    assert recipe.start_from == start
    of_bundle = read_manifest(find_bundle(start)).network
    assert recipe.network.model_dump(exclude={"dropout"}) == of_bundle.model_dump(exclude={"dropout"})


def test_the_reference_network_is_that_of_the_lecture() -> None:
    network = load_recipe(RECIPES / "seq2seq-4x1000.toml").network
    assert (network.cell, network.layers, network.hidden, network.embedding) == ("lstm", 4, 1000, 1000)
    assert (network.encoder.direction, network.attention, network.decoder.input_feeding) == (
        "reversed",
        "general",
        False,
    )
    assert (network.tied_embeddings, network.dropout) == (True, 0.2)
    assert load_recipe(RECIPES / "seq2seq-4x1000-feed.toml").network.decoder.input_feeding


CHOSEN_BY = {"ru": range(2012, 2017), "de": range(2012, 2017), "fr": range(2009, 2013), "es": range(2009, 2013)}


@pytest.mark.parametrize("name", ["seq2seq-4x1000", "translate-en-ru", "translate-en-de-fr-es"])
def test_translators_are_chosen_by_whole_sets_of_which_training_sees_few_sentences(name: str) -> None:
    recipe = load_recipe(RECIPES / f"{name}.toml")
    data, held_out = recipe.data, recipe.data.held_out[0]
    codes = set(data.languages) - {"en"}
    assert {each.path: each.limit for each in data.validation} == {
        f"test/newstest{year}.en-{code}.tsv.xz": None for code in codes for year in CHOSEN_BY[code]
    }
    assert recipe.trainer.validation_sentences * 2 * (len(data.validation) + len(codes)) <= 2000
    assert (held_out.pairs, held_out.validation) == (1000, True)
    paths = {each.name: each.path for each in data.sources}
    assert {paths[name] for name in held_out.sources} == {f"translate/tatoeba.en-{code}.tsv.xz" for code in codes}


def test_the_reference_reports_software_that_is_split_off() -> None:
    data = load_recipe(RECIPES / "seq2seq-4x1000.toml").data
    _everyday, software = data.held_out
    assert (software.name, software.pairs, software.validation) == ("software-split", 1000, False)
    codes = set(data.languages) - {"en"}
    assert set(software.sources) == {f"{name}.en-{code}" for name in ("ddtp", "gettext-ui") for code in codes}


def test_nothing_is_best_without_sets_to_choose_by(tmp_path: Path) -> None:
    text = f"{RECIPE}[trainer]\nkeep = 'best'\n"
    with pytest.raises(ConfigError, match=r"trainer\.keep: 'best' of what\?"):
        load_recipe(write(tmp_path, text))
    with pytest.raises(ConfigError, match=r"trainer\.keep: 'best' of what\?"):
        load_recipe(write(tmp_path, text.replace("[data]", "[data]\nheld_out = { pairs = 5 }")))
    held_out = "[data]\nheld_out = { pairs = 5, validation = true }"
    assert load_recipe(write(tmp_path, text.replace("[data]", held_out))).trainer.keep == "best"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"ru-en"', '"ru-de"', "'ru-de' is not a pair of languages that a source has"),
        ('"ru-en"', '"en-ru"', "directions: 'en-ru' is named twice"),
        ("vocabulary = 500", "vocabulary = 10", "tokenizer.vocabulary"),
        ('name = "model"', 'name = "A model"', "export.name"),
        ("[tokenizer]", "[trainer]\nseed = -1\n[tokenizer]", "trainer.seed"),
        (
            "[tokenizer]",
            "[trainer]\nwarmup_steps = 9\nmax_steps = 8\n[tokenizer]",
            r"trainer: warmup_steps: 9 is more than max_steps, .*; allowed: 0 to 8",
        ),
        ("[tokenizer]", '[network]\nattention = "positional"\npositions = 100\n[tokenizer]', "max_source_length: 128"),
        ("[tokenizer]", '[network.decoder]\ndirection = "bidirectional"\n[tokenizer]', "cannot generate"),
        (
            'path = "pairs.tsv"',
            'path = "p", formality = { de = "formal" }',
            "formality: 'de' is no side of this source",
        ),
        ('path = "pairs.tsv"', 'path = "p", formality = { ru = "rude" }', "formality.ru"),
        (
            'path = "pairs.tsv"',
            'path = "p", back_translated = "de"',
            r"back_translated: 'de' is no side of this source; allowed: \['en', 'ru'\]",
        ),
        (
            'right = "ru", path = "pairs.tsv"',
            'right = "en", path = "p", back_translated = "en"',
            "back_translated: 'en' is both sides",
        ),
        (
            'path = "pairs.tsv"',
            'path = "p", back_translated = "en", formality = { en = "formal" }',
            "formality: 'en' is back-translated",
        ),
        (
            'path = "pairs.tsv"',
            'path = "p", back_translated = "en"',
            "directions: 'ru-en' has no source whose 'en' is not back-translated",
        ),
        (
            "[tokenizer]",
            "[data.held_out]\npairs = 1\nthreshold = 0.97\n[tokenizer]",
            r"threshold: .* to 0\.96 \(got 0\.97\)",
        ),
        ("[data]", "[data", "not valid TOML"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, RECIPE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'format = "tsv"',
            'format = "csv"',
            r"data\.sources\.0\.format: Input should be 'tsv', .* \(got 'csv'\)",
        ),
        ('"ru-en"', '"ru-de"', r"data: directions: 'ru-de' is not a pair .* has; allowed: \['en-ru', 'ru-en'\]"),
        *(
            ("[tokenizer]", f"[trainer]\n{field} = {value}\n[tokenizer]", rf"trainer\.{field}: .* \(got {shown}\)")
            for field, value, shown in (
                ("seed", "true", "True"),
                ("seed", '"1"', "'1'"),
                ("max_minutes", '"9"', "'9'"),
                ("max_steps", "1e5", r"100000\.0"),
                ("threads", "100000000", "100000000"),
            )
        ),
        ("[tokenizer]", "[evaluation]\nmoses_bleu = 1\n[tokenizer]", r"evaluation\.moses_bleu: .* \(got 1\)"),
    ],
)
def test_a_wrong_value_is_all_that_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, RECIPE.replace(old, new))
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(path))}: {message}$"):
        load_recipe(path)


@pytest.mark.parametrize(("max_steps", "warmup"), [(8, 0), (300, 30), (4000, 400), (5000, 400)])
def test_a_warm_up_that_is_left_to_verso_fits_a_short_recipe(tmp_path: Path, max_steps: int, warmup: int) -> None:
    text = RECIPE.replace("[tokenizer]", f"[trainer]\nmax_steps = {max_steps}\n[tokenizer]")
    assert load_recipe(write(tmp_path, text)).trainer.warmup == warmup


def test_embeddings_that_begin_random_are_not_scaled(tmp_path: Path) -> None:
    text = RECIPE.replace("[tokenizer]", "[trainer]\nembedding_scale = 2.0\n[tokenizer]")
    with pytest.raises(ConfigError, match=r"trainer\.embedding_scale: 2\.0 of what\?"):
        load_recipe(write(tmp_path, text))


def test_two_sources_of_one_name_are_refused_since_their_counts_would_mix(tmp_path: Path) -> None:
    line = '{ name = "pairs", format = "tsv", left = "en", right = "ru", path = "pairs.tsv" }'
    with pytest.raises(ConfigError, match="sources: 'pairs' is named twice"):
        load_recipe(write(tmp_path, RECIPE.replace(line, f"{line}, {line}")))


def test_a_set_of_languages_that_no_source_has_is_refused_since_it_would_never_be_scored(tmp_path: Path) -> None:
    mine = 'report = [{ name = "mine", left = "en", right = "de", path = "mine.tsv" }]'
    text = RECIPE.replace("[data]", f"[data]\n{mine}")
    with pytest.raises(ConfigError, match=r"report: 'mine' is of 'en' and 'de', which no source has; .*'en-ru'"):
        load_recipe(write(tmp_path, text))


def test_no_set_to_report_is_called_as_those_to_choose_by_are(tmp_path: Path) -> None:
    text = '[data]\n{} = [{{ name = "validation", left = "en", right = "ru", path = "mine.tsv" }}]'
    assert load_recipe(write(tmp_path, RECIPE.replace("[data]", text.format("validation")))).data.validation
    with pytest.raises(ConfigError, match="'validation' is what the sets to choose by are called"):
        load_recipe(write(tmp_path, RECIPE.replace("[data]", text.format("report"))))


def test_nothing_is_best_on_a_set_that_is_of_no_direction(tmp_path: Path) -> None:
    more = '{ name = "more", format = "tsv", left = "en", right = "de", path = "more.tsv" }'
    mine = 'validation = [{ name = "mine", left = "de", right = "en", path = "mine.tsv" }]'
    text = RECIPE.replace("}]", f"}}, {more}]").replace("[data]", f'[trainer]\nkeep = "best"\n[data]\n{mine}')
    with pytest.raises(ConfigError, match=r"trainer\.keep: 'best' of what\?"):
        load_recipe(write(tmp_path, text))
    recipe = load_recipe(write(tmp_path, text.replace('"ru-en"]', '"ru-en", "en-de"]')))
    assert recipe.data.has_sets_to_choose_by


def test_directions_of_another_task_are_refused(tmp_path: Path) -> None:
    text = RECIPE.replace("[data]", '[data]\ntask = "summarize"')
    message = r"'en-ru' is for the task 'translate', and the task is 'summarize'; allowed: data\.task = 'translate'"
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, text))


def test_moses_bleu_of_summaries_is_refused(tmp_path: Path) -> None:
    text = RECIPE.replace("[tokenizer]", 'task = "summarize"\n[evaluation]\nmoses_bleu = true\n[tokenizer]')
    with pytest.raises(ConfigError, match=r"evaluation\.moses_bleu: scores translations"):
        load_recipe(write(tmp_path, text))


@pytest.mark.parametrize(
    ("held_out", "sources", "message"),
    [
        ('{ pairs = 5, sources = ["wrods"] }', "}]", r"held_out.sources: 'wrods' is no source; allowed: \['pairs'\]"),
        (
            "{ pairs = 5 }",
            '}, { name = "turned", format = "moses", left = "ru", right = "en", path = "turned" }]',
            "held_out: is told apart by what stands left, but",
        ),
        ("{ pairs = 5, largest_share = 0.0 }", "}]", "held_out.0.largest_share: Input should be greater than 0"),
        ("[{ pairs = 5 }, { pairs = 6 }]", "}]", "held_out, validation and report: 'held-out' is named twice"),
        ("{ pairs = 5, name = 'validation' }", "}]", "'validation' is what the sets to choose by are called"),
        ("{ pairs = 5, name = 'a/b' }", "}]", "held_out.0.name: String should match pattern"),
    ],
)
def test_what_cannot_be_held_out_is_refused(tmp_path: Path, held_out: str, sources: str, message: str) -> None:
    text = RECIPE.replace("[data]", f"[data]\nheld_out = {held_out}").replace("}]", sources)
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, text))


BACK = '{ name = "back", format = "moses", left = "en", right = "ru", path = "back", back_translated = "en" }'


def test_a_back_translated_source_is_learned_one_way_beside_another(tmp_path: Path) -> None:
    text = RECIPE.replace("}]", f"}}, {BACK}]").replace("[data]", "[data]\nheld_out = { pairs = 5 }")
    recipe = load_recipe(write(tmp_path, text))
    assert [(each.left, each.right, each.sources) for each in recipe.data.draws] == [("en", "ru", frozenset({"pairs"}))]
    assert [source.ways for source in recipe.data.sources] == [(("en", "ru"), ("ru", "en")), (("en", "ru"),)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[data]", '[data]\ntask = "summarize"', "back_translated of source 'back': is for the task 'translate' only"),
        (
            "[data]",
            '[data]\nheld_out = { pairs = 5, sources = ["pairs", "back"] }',
            "back_translated of source 'back': held_out.sources names it, but test sets are of what people wrote",
        ),
        ('["en-ru", "ru-en"]', '["ru-en"]', "back_translated of source 'back': it is learned as 'en-ru', which"),
    ],
)
def test_what_goes_with_no_back_translated_source_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = RECIPE.replace("}]", f"}}, {BACK}]")
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, text.replace(old, new)))
