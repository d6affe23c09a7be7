"""Texts that a summarizer is to say nothing of: made of lines, prepared with an empty side, spread over the batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from model_store.tokenizer import Tokenizer
from tests.unit.training.prepared import texts
from tests.unit.training.tiny import recipe, sentence_pairs, write_tsv
from training.batching import plan_epoch
from training.corpora.out_of_domain import read_out_of_domain
from training.corpora.pair import BadLine, SentencePair
from training.preparation import prepare
from training.run_folder import RunFolder

ELSEWHERE = {"name": "prose", "format": "out_of_domain", "left": "xx", "right": "xx", "path": "prose.txt"}
WORDS = {"name": "words", "format": "tsv", "left": "xx", "right": "xx", "path": "words.tsv"}
LINES = [f"line number {number} has a few words" for number in range(300)]


def summarizer(**data: Any) -> dict[str, Any]:
    return {"task": "summarize", "directions": ("xx-xx",), "sources": (WORDS, ELSEWHERE), **data}


def test_every_line_is_in_one_text_and_texts_are_of_several_lengths(tmp_path: Path) -> None:
    path = tmp_path / "prose.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    pairs = [each for each in read_out_of_domain(path, 1) if isinstance(each, SentencePair)]
    assert " ".join(pair.left for pair in pairs) == " ".join(LINES)
    assert all(pair.left == pair.right for pair in pairs)
    assert len({len(pair.left.split()) for pair in pairs}) > 3
    assert pairs == list(read_out_of_domain(path, 1))


def test_a_column_of_a_file_of_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(b"one\tuno\ntwo\nthree\ttr\xff\nfour\tcuatro\n")
    assert list(read_out_of_domain(path, 2)) == [
        BadLine(f"{path}:2", "missing_column"),
        BadLine(f"{path}:3", "invalid_utf8"),
        SentencePair("uno cuatro", "uno cuatro"),
    ]


def test_empty_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "prose.txt"
    path.write_text("\none two\n \n\nthree\n\n", encoding="utf-8")
    assert list(read_out_of_domain(path, 1)) == [SentencePair("one two three", "one two three")]


def test_they_are_learned_with_nothing_to_say_and_neither_held_out_nor_validated_on(tmp_path: Path) -> None:
    pairs = sentence_pairs(200)
    write_tsv(tmp_path / "words.tsv", pairs)
    prose = ["".join(reversed(left)) for left, _right in sentence_pairs(400, seed=9)]
    (tmp_path / "prose.txt").write_text("\n".join([*prose, "\x07", *prose]), encoding="utf-8")
    folder = RunFolder(tmp_path / "run")
    report = prepare(
        recipe(**summarizer(held_out=({"pairs": 5, "threshold": 0.6},), validation_pairs=50, max_characters=2000)),
        tmp_path,
        folder,
    ).sources["prose"]
    tokenizer = Tokenizer(folder.tokenizer.read_bytes())
    train, validation = (texts(each, tokenizer) for each in (folder.train, folder.validation))
    unsaid = [left for left, right in train if not right]
    assert len(unsaid) == report.kept > 5
    assert all(text in " ".join(prose) for text in unsaid)
    assert report.dropped["control_character"] == 1
    assert all(right for _left, right in validation)
    held_out = folder.held_out("xx", "xx", "held-out").read_text(encoding="utf-8").splitlines()
    assert {tuple(line.split("\t")) for line in held_out} <= set(pairs)


def test_no_batch_is_of_empty_targets_alone() -> None:
    """Hundreds of them have sources of one length, that at which sources are cut."""
    source = np.full(2000, 72)
    target = np.where(np.arange(2000) % 10 == 0, 1, 12)
    batches = plan_epoch(source, target, batch_tokens=900, seed=1, epoch=0)
    shares = [float(np.mean(target[batch] == 1)) for batch in batches]
    assert max(shares) < 0.3
    assert sorted(int(each) for batch in batches for each in batch) == list(range(2000))
    assert all(len(batch) * 12 <= 900 for batch in batches)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"task": "translate"}, "format of source 'prose': 'out_of_domain' is for the task 'summarize' only"),
        ({"held_out": ({"pairs": 5, "sources": ("prose",)},)}, "held_out.sources names it, but nothing is said"),
        ({"sources": (ELSEWHERE,)}, "directions: 'xx-xx' is not a pair of languages that a source has"),
        ({"sources": (WORDS, {**ELSEWHERE, "right": "yy"})}, "right: 'yy' is not what 'out_of_domain' has"),
        ({"sources": ({**WORDS, "column": 2},)}, "column: 2 is for format 'out_of_domain' only"),
    ],
)
def test_where_it_cannot_be(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        recipe(**summarizer(**data))
