"""Figures on disk."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from training.experiments.series import Figure, Series

FIGURE = Figure("name", "A title", "letters", "share", (Series("one", (1.0, 2.0), (0.5, 0.25)),), log_y=True)


def test_numbers_and_plot_are_written(tmp_path: Path) -> None:
    numbers, plot = FIGURE.save(tmp_path / "new")
    assert json.loads(numbers.read_text(encoding="utf-8"))["series"] == [
        {"name": "one", "x": [1.0, 2.0], "y": [0.5, 0.25]}
    ]
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")
