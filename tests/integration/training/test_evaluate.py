"""verso-train evaluate: what it scores, what it writes where, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from typer.testing import CliRunner

from model_store.decoding.backends.choice import BackendName, open_backend
from model_store.decoding.backends.protocol import Backend
from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq
from tests.integration.training.test_options import BASE, invoke
from training.commands import app
from training.run import RECIPES

REPORT = 'report = [{ name = "few", left = "en", right = "ru", path = "numbers/test.en-ru.tsv", limit = 4 }]'


SUMMARIZER = """
extends = "{tiny}"

[data]
task = "summarize"
directions = ["en-en"]
sources = [{{ name = "news", format = "tsv", left = "en", right = "en", path = "news.tsv" }}]
report = [{{ name = "few", left = "en", right = "en", path = "few.tsv" }}]
validation_pairs = 5
max_length_ratio = 100.0

[tokenizer]
vocabulary = 300

[network]
hidden = 16
embedding = 16

[trainer]
max_steps = 3
warmup_steps = 3
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, small.toml, its run and its bundle."""
    folder = tmp_path_factory.mktemp("evaluate")
    text = BASE.format(tiny=RECIPES / "tiny.toml").replace("report = []", REPORT)
    (folder / "small.toml").write_text(text, encoding="utf-8")
    for command in ("prepare", "train", "export"):
        invoke(command, str(folder / "small.toml"), "--data", str(RECIPES), "--runs", str(folder / "runs"))
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy, to be written into."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def evaluate(folder: Path, *options: str, recipe: str = "small.toml", runs: str = "runs") -> str:
    places = ("--data", str(RECIPES), "--runs", str(folder / runs))
    return invoke("evaluate", str(folder / recipe), *places, *options)


def bundle_of(folder: Path) -> Path:
    return folder / "runs" / "option" / "bundles" / "option" / "1"


def serve(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """In place of a server: one that has option@version, and copies."""

    def answer(request: httpx.Request) -> httpx.Response:
        items = [{"text": text, "warnings": []} for text in json.loads(request.content)["text"]]
        return httpx.Response(200, json={"translations": items, "model": {"name": "option", "version": version}})

    client, transport = httpx.Client, httpx.MockTransport(answer)
    monkeypatch.setattr(
        "training.server.httpx.Client",
        lambda base_url, timeout: client(base_url=base_url, timeout=timeout, transport=transport),
    )


def commands(path: Path) -> list[str]:
    return list(json.loads(path.read_text(encoding="utf-8")))


def as_given(folder: Path) -> str:
    """The command of evaluate(), without options."""
    return f"verso-train evaluate {folder / 'small.toml'} --data {RECIPES} --runs {folder / 'runs'}"


def test_each_bundle_and_what_it_is_compared_with_has_its_own_figures(folder: Path) -> None:
    first, second = bundle_of(folder), folder / "other one"
    shutil.copytree(first, second)
    figures = folder / "figures.json"
    for options in (("--bundle", first), ("--bundle", second), ("--bundle", first, "--against", second)):
        evaluate(folder, *map(str, options), "--json", str(figures))
    command = as_given(folder)
    assert commands(figures) == [
        f"{command} --bundle {first}",
        f"{command} --bundle '{second}'",
        f"{command} --bundle {first} --against '{second}'",
    ]


def test_comparisons_are_written_with_the_figures_as_they_are_printed(folder: Path) -> None:
    bundle, figures = str(bundle_of(folder)), folder / "figures.json"
    output = evaluate(folder, "--against", bundle, "--json", str(figures))
    (evaluations,) = json.loads(figures.read_text(encoding="utf-8")).values()
    written = [
        (scored["test_set"], scored["direction"], each) for scored in evaluations for each in scored["comparisons"]
    ]
    assert len(written) == 4
    for name, direction, each in written:
        assert each.keys() == {"metric", "value", "other", "difference", "p"}
        assert each["difference"] == each["value"] - each["other"]
        shown = f"{each['metric']} {each['value']:.1f}, {bundle} {each['other']:.1f}, p = {each['p']:.4f}"
        assert f"{name} {direction}: {shown}" in output.splitlines()
    for scored in evaluations:
        values = {metric["name"]: metric["value"] for metric in scored["metrics"]}
        assert {each["metric"]: each["value"] for each in scored["comparisons"]} == pytest.approx(values)
    evaluate(folder, "--json", str(figures))
    alone = list(json.loads(figures.read_text(encoding="utf-8")).values())[1]
    assert all("comparisons" not in scored for scored in alone)


def test_what_is_kept_for_the_card_does_not_say_what_it_was_compared_with(folder: Path) -> None:
    evaluate(folder, "--only", "few", "--against", str(bundle_of(folder)))
    assert commands(folder / "runs" / "option" / "scores.json") == [
        f"verso-train evaluate {folder / 'small.toml'} --data CORPORA --bundle option@1 --only few"
    ]


def test_a_server_that_has_the_bundle_of_the_run_is_kept_for_its_card(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, "1")
    evaluate(folder, "--server", "http://localhost:5001", "--json", str(folder / "figures.json"))
    command = f"verso-train evaluate {folder / 'small.toml'} --data CORPORA --server http://127.0.0.1:5000 --only few"
    assert commands(folder / "runs" / "option" / "scores.json") == [command]
    assert commands(folder / "figures.json") == [f"{as_given(folder)} --server http://localhost:5001"]


@pytest.mark.parametrize(
    ("version", "runs", "reason"), [("2", "runs", "the server has option@2"), ("1", "none", "nothing was trained here")]
)
def test_scores_of_another_system_are_not(
    version: str, runs: str, reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, version)
    assert reason in evaluate(folder, "--server", "http://127.0.0.1:5000", runs=runs)
    assert list(folder.rglob("scores.json")) == []


def test_scores_are_forgotten_when_training_goes_on(folder: Path) -> None:
    scores = folder / "runs" / "option" / "scores.json"
    recipe, places = folder / "small.toml", ("--data", str(RECIPES), "--runs", str(folder / "runs"))
    evaluate(folder)
    invoke("train", str(recipe), *places)
    assert scores.exists()  # there was nothing left to train
    text = recipe.read_text(encoding="utf-8")
    steps = re.search(r"max_steps = (\d+)", text)
    assert steps is not None
    recipe.write_text(text.replace(steps.group(), f"max_steps = {int(steps.group(1)) + 1}"), encoding="utf-8")
    invoke("train", str(recipe), *places)
    assert not scores.exists()


def test_summaries_are_compared_by_rouge(tmp_path: Path) -> None:
    recipe, bundle = tmp_path / "summaries.toml", tmp_path / "runs" / "tiny" / "bundles" / "tiny" / "1"
    recipe.write_text(SUMMARIZER.format(tiny=RECIPES / "tiny.toml"), encoding="utf-8")
    lines = [f"Quickly: number {n} of the journal is out. It has 7 pages.\tnumber {n} is out\n" for n in range(60)]
    (tmp_path / "few.tsv").write_text("".join(lines[:4]), encoding="utf-8")
    (tmp_path / "news.tsv").write_text("".join(lines[4:]), encoding="utf-8")
    places = (str(recipe), "--data", str(tmp_path), "--runs", str(tmp_path / "runs"))
    for command in ("prepare", "train", "export"):
        invoke(command, *places)
    output = invoke("evaluate", *places, "--bundle", str(bundle), "--against", str(bundle))
    compared = [line for line in output.splitlines() if " p = " in line]
    assert [re.sub(r"\d+\.\d, ", "", line) for line in compared] == [f"few en-en: ROUGE-L {bundle} p = 1.0000"]


def test_a_bundle_is_compared_with_itself_in_another_backend(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def noted(network: Seq2Seq, name: BackendName, **options: Any) -> Backend:
        opened.append(name)
        return open_backend(network, name, **options)

    monkeypatch.setattr("model_store.decoding.in_flight.open_backend", noted)
    bundle, figures = str(bundle_of(folder)), folder / "figures.json"
    output = evaluate(folder, "--bundle", bundle, "--backend", "eager", "--against", bundle, "--json", str(figures))
    assert opened == ["eager"] * 2 + ["auto"] * 2  # one set both ways
    assert len(re.findall(r"^few (?:en-ru|ru-en): (?:BLEU|chrF2) .* p = ", output, re.MULTILINE)) == 4
    options = f"--backend eager --bundle {bundle} --against {bundle}"
    assert commands(figures) == [f"{as_given(folder)} {options}"]
    evaluate(folder, "--backend", "eager")
    (kept,) = commands(folder / "runs" / "option" / "scores.json")
    assert kept.endswith("small.toml --data CORPORA --bundle option@1 --only few --backend eager")


@pytest.mark.parametrize("option", [("--against", "BUNDLE"), ("--backend", "eager")])
def test_a_server_is_not_compared_with_a_network_nor_told_its_backend(option: tuple[str, str], folder: Path) -> None:
    options = ("--server", "http://127.0.0.1:5000", *option)
    result = CliRunner().invoke(app, ["evaluate", str(folder / "small.toml"), *options])
    assert result.exit_code == 2
    assert f"{option[0]} and --server exclude each other" in result.output


def test_a_held_out_set_that_was_not_split_off_yet_asks_for_prepare(folder: Path) -> None:
    recipe = folder / "split.toml"
    recipe.write_text('extends = "small.toml"\n[data]\nheld_out = { pairs = 5 }\n', encoding="utf-8")
    options = ("--bundle", str(bundle_of(folder)))
    with pytest.raises(
        ConfigError, match=rf"held_out\.en-ru\.tsv does not exist; run `verso-train prepare {recipe}` first"
    ):
        evaluate(folder, *options, recipe="split.toml")
    assert "few" in evaluate(folder, *options, "--only", "few", recipe="split.toml")


@pytest.mark.parametrize(("available", "devices"), [(True, ["cuda"]), (False, [])])
@pytest.mark.parametrize("of_bundle", [False, True])
def test_it_decodes_on_the_gpu_where_there_is_one(
    of_bundle: bool, available: bool, devices: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[str] = []

    def to(network: Seq2Seq, device: str) -> Seq2Seq:
        moved.append(device)
        return network

    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(Seq2Seq, "to", to)
    evaluate(folder, *(("--bundle", str(bundle_of(folder))) if of_bundle else ()))
    assert moved == devices


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_help_shows_how_a_version_is_named(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert "a folder, or name[@version] that ships" in result.output
