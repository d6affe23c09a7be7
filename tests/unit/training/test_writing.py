"""What cannot be written: told by its place and a reason, and what was there before is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_store.errors import ConfigError
from tests.unit.training.full_disk import full_after
from training.evaluation import Evaluation
from training.metrics import Metric
from training.scores import read_scores, write_scores
from training.writing import replacing


def test_a_file_is_replaced_by_a_whole_one_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "notes.json"
    for content in (b"one", b"two"):
        with replacing(path) as file:
            file.write(content)
    message = r"^notes: .*notes\.json cannot be written: .*too large"
    with full_after(1000), pytest.raises(ConfigError, match=message), replacing(path) as file:
        file.write(bytes(4000))
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == {"notes.json": b"two"}
    message = r"more\.json cannot be written: .*(exists|Not a directory)"
    with pytest.raises(ConfigError, match=message), replacing(path / "more.json") as file:
        pytest.fail("opened in a file")


def test_a_folder_that_cannot_be_made_is_told_with_what_is_in_its_way(tmp_path: Path) -> None:
    """Not with what the first attempt found: that the folder above is not there either."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "gone")
    message = rf"^notes: .* cannot be written: .*File exists: '{link}'"
    with pytest.raises(ConfigError, match=message), replacing(link / "above" / "notes.json"):
        pytest.fail("opened")


def test_scores_outlive_a_full_disk(tmp_path: Path) -> None:
    path, metrics = tmp_path / "scores.json", (Metric("BLEU", 20.0),)
    evaluation = Evaluation("few", "en-ru", ("out",), metrics, 0, 1.0)
    write_scores(path, [evaluation], "one")
    with full_after(100), pytest.raises(ConfigError, match=r"scores: .*scores\.json cannot be written"):
        write_scores(path, [evaluation], "two")
    assert [each.command for each in read_scores(path)] == ["one"]
