"""Every line of the table in docs/faults.md has a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_fault_names_tests_that_there_are() -> None:
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    rows = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    before = ""
    for row in rows:
        cell = row.rsplit(" | ", 1)[1]
        named = re.findall(r"`([\w/]+(?:\.py)?)(?:::(\w+?)(?:_\.\.\.)?)?`", cell.replace("`make test-ray`", ""))
        assert named or cell == "the same |", row
        for path, test in named if named else [(before, "")]:
            files = [each for each in ROOT.glob("tests/**/*") if str(each).endswith(f"/{path}")]
            assert files or (ROOT / path).is_dir(), f"{path}: {row}"
            assert not test or any(f"def {test}" in each.read_text() for each in files), f"{path}::{test}"
            before = path
