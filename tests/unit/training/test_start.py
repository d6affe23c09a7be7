"""Starting from a bundle: what a recipe takes over from it, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from model_store.errors import BundleNotFoundError, ConfigError, ModelStoreError
from model_store.manifest import read_manifest
from tests.unit.model_store.tiny_bundle import DESCRIPTION, NETWORK, VOCABULARY, readdress, save_tiny, tokenizer
from training.commands import app
from training.recipe_file import load_recipe
from training.run_folder import RunFolder
from training.start import check_beginning, initial_weights, load_start, not_used, note_beginning

RECIPE = """
[data]
directions = ["en-ru"]
sources = [{ name = "mine", format = "tmx", left = "en", right = "ru", path = "memory.tmx" }]
[export]
name = "mine"
"""


@pytest.fixture(name="bundle")
def bundle_fixture(tmp_path: Path) -> str:
    save_tiny(tmp_path / "tiny" / "1")
    return str(tmp_path / "tiny" / "1")


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_recipe_of_data_alone_gets_the_rest_from_the_bundle(tmp_path: Path, bundle: str) -> None:
    recipe = load_recipe(write(tmp_path, RECIPE), start_from=bundle)
    assert recipe.start_from == bundle
    assert recipe.network.model_copy(update={"dropout": NETWORK.dropout}) == NETWORK
    assert recipe.tokenizer.vocabulary == VOCABULARY
    assert recipe.data.task == "translate"


def test_what_a_bundle_lower_cases_is_scored_so_by_a_recipe_that_does_not_say_it(tmp_path: Path, bundle: str) -> None:
    readdress(Path(bundle), "tokenizer.model", tokenizer(lower_case=True).serialized)
    assert load_recipe(write(tmp_path, RECIPE), start_from=bundle).tokenizer.lower_case
    text = RECIPE + "[tokenizer]\nlower_case = false\n"
    with pytest.raises(ConfigError, match=r"tokenizer\.lower_case: False .*allowed: True"):
        load_recipe(write(tmp_path, text), start_from=bundle)


def test_how_a_vocabulary_would_be_learned_is_said_not_to_be_used(tmp_path: Path, bundle: str) -> None:
    path = write(tmp_path, RECIPE + "[tokenizer]\nvocabulary = 320\nmodel = 'bpe'\n")
    assert not_used(load_recipe(path)) == []
    assert not_used(load_recipe(path, start_from=bundle)) == ["tokenizer.model"]
    (tmp_path / "memory.tmx").write_text("<tmx/>", encoding="utf-8")
    arguments = ["prepare", str(path), "--from", bundle, "--runs", str(tmp_path / "runs")]
    told = f"tokenizer.model: not used, since the tokenizer is that of {bundle}\n"
    assert CliRunner().invoke(app, arguments).output == told


def test_dropout_and_decoding_are_the_recipes_own(tmp_path: Path, bundle: str) -> None:
    text = RECIPE + "[network]\ndropout = 0.45\n[decoding]\nbeam_size = 2\n"
    recipe = load_recipe(write(tmp_path, text), start_from=bundle)
    assert (recipe.network.dropout, recipe.decoding.beam_size) == (0.45, 2)


def test_a_recipe_may_ask_for_a_wider_network(tmp_path: Path, bundle: str) -> None:
    text = RECIPE + "[network]\nhidden = 12\nembedding_window = 3\nencoder = { kind = 'recurrent' }\n"
    network = load_recipe(write(tmp_path, text), start_from=bundle).network
    more = {"hidden": 12, "embedding_window": 3, "dropout": network.dropout}
    assert network == NETWORK.model_copy(update=more)


def test_a_bundle_s_window_stays(tmp_path: Path) -> None:
    windowed = NETWORK.model_copy(update={"embedding_window": 3})
    bundle = str(tmp_path / "windowed" / "1")
    save_tiny(tmp_path / "windowed" / "1", replace(DESCRIPTION, network=windowed))
    assert load_recipe(write(tmp_path, RECIPE), start_from=bundle).network.embedding_window == 3
    path = write(tmp_path, RECIPE + "[network]\nembedding_window = 1\n")
    message = r"network\.embedding_window: 1 .*allowed: 3 or an odd number above it, up to 15, or leave it out"
    with pytest.raises(ConfigError, match=message):
        load_recipe(path, start_from=bundle)


def test_a_recipe_may_name_its_bundle_and_the_caller_another(tmp_path: Path, bundle: str) -> None:
    path = write(tmp_path, f'start_from = "{bundle}"\n' + RECIPE)
    assert load_recipe(path).network.hidden == NETWORK.hidden
    assert load_recipe(path, start_from="translate-en-ru").network.hidden != NETWORK.hidden


def test_what_a_recipe_transfers_from_is_for_runs_that_start_from_nothing(tmp_path: Path, bundle: str) -> None:
    path = write(tmp_path, 'transfer_from = "translate-en-ru"\n' + RECIPE)
    recipe = load_recipe(path, start_from=bundle)
    assert (recipe.start_from, recipe.transfer_from) == (bundle, None)


@pytest.mark.parametrize(
    ("reference", "message"),
    [("nope", "nope: no such bundle"), ("", r"network\.layers: 4 is not that of tiny@1, which this run starts from")],
)
def test_what_a_recipe_transfers_from_is_looked_for_before_anything_is_prepared(
    tmp_path: Path, bundle: str, reference: str, message: str
) -> None:
    path = write(tmp_path, f'transfer_from = "{reference or bundle}"\n' + RECIPE)
    with pytest.raises(ModelStoreError, match=message):
        CliRunner().invoke(app, ["prepare", str(path), "--runs", str(tmp_path / "runs")], catch_exceptions=False)
    assert not (tmp_path / "runs").exists()


def test_what_a_run_began_with_is_what_it_goes_on_with(tmp_path: Path, bundle: str) -> None:
    folder, recipe = RunFolder(tmp_path / "run"), load_recipe(write(tmp_path, RECIPE), start_from=bundle)
    copies = {}
    for name, change in (("again", {}), ("raised", {"version": "7"})):
        copies[name] = tmp_path / "copies" / name
        shutil.copytree(bundle, copies[name])
        manifest = read_manifest(copies[name]).model_copy(update=change)
        (copies[name] / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")
    note_beginning(recipe, folder)
    raised = load_recipe(tmp_path / "recipe.toml", start_from=str(copies["raised"]))
    check_beginning(raised, folder)  # nothing was trained
    folder.checkpoint.touch()
    check_beginning(load_recipe(tmp_path / "recipe.toml", start_from=str(copies["again"])), folder)
    with pytest.raises(
        ConfigError, match=r"--from: .*raised is tiny@7, but .*checkpoint\.pt began with tiny@1; allowed"
    ):
        check_beginning(raised, folder)
    note_beginning(load_recipe(tmp_path / "recipe.toml"), folder)
    assert not folder.beginning.exists()


def test_what_is_wrong_with_a_whole_recipe_is_told_without_all_of_it(tmp_path: Path) -> None:
    path = write(tmp_path, 'start_from = "translate-en-ru"\ntransfer_from = "translate-en-ru"\n' + RECIPE)
    with pytest.raises(ConfigError) as refusal:
        load_recipe(path)
    assert "transfer_from: 'translate-en-ru', but the run starts from 'translate-en-ru' already" in str(refusal.value)
    assert "memory.tmx" not in str(refusal.value)


def test_no_name_of_a_bundle_is_not_taken_for_random_weights(tmp_path: Path) -> None:
    path = write(tmp_path, RECIPE)
    with pytest.raises(ConfigError, match="bundle: '' is not of the form name or name@version"):
        load_recipe(path, start_from="")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[network]\nhidden = 6\n", r"network\.hidden: 6 is not that of tiny@1.*allowed: 8 or more"),
        ("[network]\nlayers = 2\n", r"network\.layers: 2 is not that of tiny@1.*allowed: 1, or leave it out"),
        ("[network.encoder]\ndirection = 'forward'\n", r"network\.encoder\.direction: 'forward'.*allowed: 'reversed'"),
        ("[tokenizer]\nvocabulary = 999\n", r"tokenizer\.vocabulary: 999 .*allowed: 320"),
        ("[tokenizer]\nlower_case = true\n", r"tokenizer\.lower_case: True .*allowed: False, or leave it out"),
        ("[network]\nhiden = 16\n", r"\[network\] hiden: .* closest: hidden"),
    ],
)
def test_another_network_or_tokenizer_than_the_bundles_is_refused(
    tmp_path: Path, bundle: str, table: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, RECIPE + table), start_from=bundle)


def test_another_task_than_the_bundles_is_refused(tmp_path: Path, bundle: str) -> None:
    text = RECIPE.replace("[data]", '[data]\ntask = "summarize"')
    with pytest.raises(ConfigError, match=r"data\.task: 'summarize' .*allowed: 'translate'"):
        load_recipe(write(tmp_path, text), start_from=bundle)


def test_a_summarizer_is_adapted_by_summaries_and_a_translator_by_translations(tmp_path: Path, bundle: str) -> None:
    path = tmp_path / "summarizer" / "1"
    save_tiny(path, replace(DESCRIPTION, name="sums", task="summarize", directions=(("en", "en"), ("ru", "ru"))))
    summaries = RECIPE.replace("en-ru", "en-en").replace('right = "ru"', 'right = "en"')
    assert load_recipe(write(tmp_path, summaries), start_from=str(path)).data.task == "summarize"
    message = (
        r"data\.directions: 'en-ru' is for the task 'translate', and the task is 'summarize', that of .*/summarizer/1"
    )
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, RECIPE), start_from=str(path))
    with pytest.raises(ConfigError, match=r"'en-en' is for the task 'summarize', and the task is 'translate', that of"):
        load_recipe(write(tmp_path, summaries), start_from=bundle)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_embeddings_of_a_bundle_are_scaled_if_the_recipe_says_so(tmp_path: Path, bundle: str, scale: float) -> None:
    text = RECIPE + f"\n[trainer]\nembedding_scale = {scale}\n"
    weights = initial_weights(load_recipe(write(tmp_path, text), start_from=bundle), load_start(bundle).tokenizer)
    assert weights is not None
    name = "source_embedding.weight"
    torch.testing.assert_close(weights[name], scale * load_start(bundle).weights[name])


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError, match="nothing-like-this"):
        load_recipe(write(tmp_path, RECIPE), start_from="nothing-like-this")
    message = r"bundle: 'runs/none' is no folder; allowed: one, or name\[@version\] of those that ship"
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, RECIPE), start_from="runs/none")
    message = r"bundle: '.*' is a folder without manifest\.json, so no bundle; allowed: a folder of one, as STORE/NAME/"
    with pytest.raises(ConfigError, match=message):
        load_recipe(write(tmp_path, RECIPE), start_from=str(tmp_path))
