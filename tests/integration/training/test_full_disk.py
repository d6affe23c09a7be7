"""A training on a disk that is full ends in one line, whichever thread writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.integration.training.test_options import BASE, invoke
from training.run import RECIPES

# Of the training the curves are written first; a file of anything else would be larger as well.
FULL = """
from training.commands import main
from tests.unit.training.full_disk import full_after
with full_after(100):
    main()
"""


def test_curves_that_cannot_be_written_are_told_once(tmp_path: Path) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(BASE.format(tiny=RECIPES / "tiny.toml"), encoding="utf-8")
    places = ("--data", str(RECIPES), "--runs", str(tmp_path / "runs"))
    invoke("prepare", str(recipe), *places)
    result = subprocess.run(
        [sys.executable, "-c", FULL, "train", str(recipe), *places],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    curves = tmp_path / "runs" / "option" / "tensorboard"
    *log, last = result.stderr.splitlines()
    assert (result.returncode, last) == (
        2,
        f"verso-train: curves: {curves} cannot be written: [Errno 27] File too large",
    )
    assert "Traceback" not in result.stderr
    assert all("  loss " in line for line in log)
