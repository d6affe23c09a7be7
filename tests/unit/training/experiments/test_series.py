"""Figures on disk."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from model_store.errors import ConfigError
from training.commands import app
from training.experiments import catalogue
from training.experiments.series import Figure, Series

FIGURE = Figure("name", "A title", "letters", "share", (Series("one", (1.0, 2.0), (0.5, 0.25)),), log_y=True)


def test_numbers_and_plot_are_written(tmp_path: Path) -> None:
    numbers, plot = FIGURE.save(tmp_path / "new")
    assert json.loads(numbers.read_text(encoding="utf-8"))["series"] == [
        {"name": "one", "x": [1.0, 2.0], "y": [0.5, 0.25]}
    ]
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")


def test_without_the_extra_it_is_said_where_to_install_it_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is measured."""
    monkeypatch.setitem(catalogue._DRAWN, "bottleneck", lambda: pytest.fail("measured in vain"))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"pip install '\.\[experiments\]', in the folder of Verso's sources"):
        catalogue.measure("bottleneck", tmp_path, tmp_path, 1)


def test_a_folder_that_figures_cannot_go_to_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.commands.measure", lambda *_: pytest.fail("measured in vain"))
    out = tmp_path / "notes"
    out.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"--out: {out} cannot be written: .*File exists"):
        CliRunner().invoke(app, ["experiment", "bottleneck", "--out", str(out)], catch_exceptions=False)
