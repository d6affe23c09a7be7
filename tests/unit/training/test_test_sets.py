"""Held-out sets as texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_store.errors import ConfigError
from training.data_config import TestSetConfig
from training.test_sets import load_test_sets


@pytest.mark.parametrize(("lower_case", "reference"), [(False, "Über ALLES"), (True, "über alles")])
def test_only_references_are_lower_cased_and_only_if_asked_for(
    tmp_path: Path, lower_case: bool, reference: str
) -> None:
    (tmp_path / "set.tsv").write_text("Above ALL\tÜber ALLES\n", encoding="utf-8")
    config = TestSetConfig(name="set", left="en", right="de", path="set.tsv")
    (found,) = load_test_sets([config], ["en-de"], tmp_path, lower_case=lower_case)
    assert (found.sources, found.references) == (("Above ALL",), (reference,))


@pytest.mark.parametrize(
    ("line", "reason"), [("Open it.\t", "empty"), (" \tÖffnen.", "empty"), ("a\x01b\tc", "control_character")]
)
def test_a_pair_without_a_text_is_refused_and_not_scored(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "set.tsv").write_text(f"Above\tÜber\n{line}\n", encoding="utf-8")
    config = TestSetConfig(name="few", left="en", right="de", path="set.tsv")
    with pytest.raises(ConfigError, match=rf"test set few: set\.tsv: pair 2: {reason}"):
        list(load_test_sets([config], ["en-de"], tmp_path))


def test_a_set_that_stands_the_other_way_round_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "set.tsv").write_text("Die Datei ist nicht da.\tThe file is not there.\n" * 10, encoding="utf-8")
    config = TestSetConfig(name="set", left="en", right="de", path="set.tsv")
    with pytest.raises(ConfigError, match=r"test set set: .* of 10 pairs 10 have 'de' on the left"):
        list(load_test_sets([config], ["en-de"], tmp_path))
