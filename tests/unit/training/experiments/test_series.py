"""Figures on disk."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from model_store.errors import ConfigError
from training.experiments.series import Figure, Series

FIGURE = Figure("name", "A title", "letters", "share", (Series("one", (1.0, 2.0), (0.5, 0.25)),), log_y=True)


def test_numbers_and_plot_are_written(tmp_path: Path) -> None:
    numbers, plot = FIGURE.save(tmp_path / "new")
    assert json.loads(numbers.read_text(encoding="utf-8"))["series"] == [
        {"name": "one", "x": [1.0, 2.0], "y": [0.5, 0.25]}
    ]
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")


def test_without_the_extra_it_is_said_where_to_install_it_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"pip install '\.\[experiments\]', in the folder of Verso's sources"):
        FIGURE.save(tmp_path)
    assert not list(tmp_path.iterdir())
