"""What `prepare` says of data that nothing can be learned from, before anything is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_store.errors import ConfigError
from tests.unit.training.prepared import SOURCE, run

OTHER = {**SOURCE, "name": "other", "right": "zz", "path": "other.tsv"}


@pytest.mark.parametrize("kind", ["report", "validation"])
def test_a_test_set_without_a_pair_is_refused_before_anything_is_trained(corpus: Path, kind: str) -> None:
    (corpus / "empty.tsv").write_bytes(b"")
    sets: dict[str, Any] = {kind: ({**SOURCE, "name": "mine", "path": "empty.tsv"},)}
    with pytest.raises(ConfigError, match=r"test set mine: 'empty\.tsv' has no pair"):
        run(corpus, "run", **sets)


@pytest.mark.parametrize("text", ["", "words\tthat are much, much too long to be what a word can be\n"])
def test_a_direction_of_which_no_pair_is_left_is_refused(corpus: Path, text: str) -> None:
    (corpus / "other.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"data\.directions: 'zz-xx' has no usable pair left(.|\n)*other +\d +0"):
        run(corpus, "run", sources=(SOURCE, OTHER), directions=("xx-yy", "zz-xx"))


def test_pairs_of_too_many_tokens_teach_no_direction(corpus: Path) -> None:
    (corpus / "other.tsv").write_text("z q " * 40 + "\t" + "Q Z " * 40 + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"data\.directions: 'xx-zz' has no usable pair left(.|\n)*too_many_tokens"):
        run(corpus, "run", sources=(SOURCE, OTHER), directions=("yy-xx", "xx-zz"), max_tokens=50)
