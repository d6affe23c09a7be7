"""evaluate and export with what does not belong to the run: another recipe or task, a file that is something else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import pytest

from model_store.bundle import load_bundle
from model_store.errors import ConfigError
from tests.integration.training.test_evaluate import REPORT
from tests.integration.training.test_options import BASE, invoke
from training.run import RECIPES


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, small.toml, and its run, which was not exported."""
    folder = tmp_path_factory.mktemp("refusals")
    text = BASE.format(tiny=RECIPES / "tiny.toml").replace("report = []", REPORT)
    (folder / "small.toml").write_text(text, encoding="utf-8")
    for command in ("prepare", "train"):
        invoke(command, str(folder / "small.toml"), "--data", str(RECIPES), "--runs", str(folder / "runs"))
    return folder


def call(folder: Path, command: str, *options: str, recipe: str = "small.toml") -> str:
    return invoke(command, str(folder / recipe), "--data", str(RECIPES), "--runs", str(folder / "runs"), *options)


def written(folder: Path, text: str) -> str:
    (folder / "other.toml").write_text(f'extends = "small.toml"\n{text}\n', encoding="utf-8")
    return "other.toml"


@pytest.mark.parametrize("network", ["hidden = 20", "embedding_window = 3"])
@pytest.mark.parametrize("command", ["evaluate", "export"])
def test_a_run_of_another_network_is_neither_scored_nor_exported(trained: Path, command: str, network: str) -> None:
    recipe = written(trained, f"[network]\n{network}")
    with pytest.raises(ConfigError, match=r"checkpoint\.pt is of another network than the recipe's"):
        call(trained, command, recipe=recipe)


def test_a_recipe_of_other_directions_or_sources_is_not_exported(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"was prepared with another data\.directions than"):
        call(trained, "export", recipe=written(trained, '[data]\ndirections = ["en-ru"]'))
    other = '[data]\nsources = [{ name = "x", format = "tsv", left = "en", right = "ru", path = "x.tsv" }]'
    with pytest.raises(ConfigError, match=r"was prepared with another data\.sources than"):
        call(trained, "export", recipe=written(trained, other))


def test_a_store_that_is_no_folder_is_not_made_a_folder_of_that_name(
    trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"--out: 's3:/bucket/models' is in s3; allowed: a folder here"):
        call(trained, "export", "--out", "s3://bucket/models")
    assert not list(tmp_path.iterdir())


def test_what_was_not_prepared_is_not_exported(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"run `verso-train prepare .*` first"):
        invoke("export", str(trained / "small.toml"), "--runs", str(tmp_path))


@pytest.mark.parametrize("prepared_with", ["as it is now", "as it was when licences counted"])
def test_a_licence_may_be_stated_later(trained: Path, prepared_with: str, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    folder = tmp_path / "copy"
    prepared = folder / "runs" / "option" / "data" / "prepared.json"
    if prepared_with != "as it is now":
        content = json.loads(prepared.read_text(encoding="utf-8"))
        content["data.sources"][0]["licence"] = "not stated"
        prepared.write_text(json.dumps(content), encoding="utf-8")
    text = (folder / "small.toml").read_text(encoding="utf-8").replace("limit = 300", 'limit = 300, licence = "ours"')
    (folder / "small.toml").write_text(text, encoding="utf-8")
    call(folder, "export")
    (source,) = load_bundle(folder / "runs" / "option" / "bundles" / "option" / "1").manifest.data
    assert source.licence == "ours"


@pytest.mark.parametrize("option", ["--bundle", "--against"])
def test_a_bundle_of_another_task_is_refused_before_anything_is_scored(
    trained: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.commands.scored", lambda *_: pytest.fail("scored in vain"))
    with pytest.raises(ConfigError, match=r"'summarize-\S+' is for the task 'summarize'; allowed: 'translate'"):
        call(trained, "evaluate", option, "summarize-en-de-fr-es-ru")


@pytest.mark.parametrize("option", ["--bundle", "--against"])
def test_a_bundle_of_other_languages_is_refused_before_anything_is_scored(
    trained: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.commands.scored", lambda *_: pytest.fail("scored in vain"))
    message = r"'translate-en-de-fr-es' knows \['de', 'en', 'es', 'fr'\], but few en-ru is to be scored; allowed: "
    with pytest.raises(ConfigError, match=message):
        call(trained, "evaluate", option, "translate-en-de-fr-es")


def test_a_set_that_the_recipe_has_not_is_told_with_those_that_it_has(trained: Path) -> None:
    with pytest.raises(ConfigError, match=r"--only: .*'fwe'; allowed: \['few', 'report'\]"):
        call(trained, "evaluate", "--only", "fwe")


@pytest.mark.parametrize("content", ["", "notes, not figures", "[1]", '{"notes": 1}'])
def test_a_file_that_holds_something_else_is_left_alone_and_nothing_is_scored_in_vain(
    trained: Path, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.commands.scored", lambda *_: pytest.fail("scored in vain"))
    file = tmp_path / "notes.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"notes\.json: is no file of figures .*; allowed: a new file"):
        call(trained, "evaluate", "--json", str(file))
    with pytest.raises(ConfigError, match="is no file of figures"):
        call(trained, "evaluate", "--json", str(tmp_path))
    assert file.read_text(encoding="utf-8") == content


@pytest.mark.parametrize("answer", ["<html>a router</html>", "[]", '{"status": "ok"}'])
def test_a_server_that_is_something_else_is_refused(
    trained: Path, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, transport = httpx.Client, httpx.MockTransport(lambda _request: httpx.Response(200, text=answer))
    monkeypatch.setattr(
        "training.server.httpx.Client",
        lambda base_url, timeout: client(base_url=base_url, timeout=timeout, transport=transport),
    )
    with pytest.raises(ConfigError, match=r"server: http://router answered as no Verso server does: '"):
        call(trained, "evaluate", "--server", "http://router")


@pytest.mark.parametrize(
    "name", ["prepared.json", "report.json", "tokenizer.model", "train/ids.npy", "train/languages.npy"]
)
@pytest.mark.parametrize("kept", [0, 100])
def test_prepared_data_that_was_not_carried_whole_is_told_by_its_file(
    trained: Path, name: str, kept: int, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "copy")
    data = tmp_path / "copy" / "runs" / "option" / "data"
    (data / name).write_bytes((data / name).read_bytes()[:kept])
    with pytest.raises(ConfigError, match=rf"data/{name}: is not whole .*; remove {data} and prepare again"):
        call(tmp_path / "copy", "export" if name == "report.json" else "train")


def test_that_nothing_is_scored_is_said(trained: Path) -> None:
    (trained / "none.toml").write_text(
        'extends = "small.toml"\n[data]\nreport = []\n[export]\nname = "none"\n', encoding="utf-8"
    )
    bundle = ("--bundle", "translate-en-ru")
    assert call(trained, "evaluate", *bundle, recipe="none.toml").startswith(
        "nothing is scored: the recipe has no held"
    )


def test_a_recipe_that_does_not_come_with_verso_is_told_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match=r"recipe: 'tinny' does not come with Verso; allowed: .*\.toml, .*tiny"):
        invoke("prepare", "tinny")
    for elsewhere in ("/tmp/tiny", "../recipes/tiny", "a/tiny"):
        with pytest.raises(ConfigError, match=rf"recipe: '{elsewhere}' does not come with Verso; allowed: a file"):
            invoke("prepare", elsewhere)
