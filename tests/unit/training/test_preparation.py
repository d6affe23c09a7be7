"""The prepare step: what is counted, what is kept apart, and that the same input gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer
from tests.unit.training.full_disk import full_after
from tests.unit.training.prepared import PAIRS, SOURCE, TEST_SET, run, texts
from tests.unit.training.tiny import recipe, sentence_pairs, write_tsv
from training.dataset import PackedPairs
from training.preparation import prepare
from training.recipe_file import changed
from training.run import Run
from training.run_folder import RunFolder


def test_the_report_accounts_for_every_line(corpus: Path) -> None:
    report, folder, _config = run(corpus, "run")
    assert report.as_dict() == {
        "words": {
            "read": 133,
            "kept": 115,
            "dropped": {"duplicate": 10, "empty": 1, "held_out": 5, "invalid_utf8": 1, "not_two_columns": 1},
        }
    }
    assert json.loads(folder.report.read_text(encoding="utf-8")) == report.as_dict()
    assert len(PackedPairs.load(folder.train)) + len(PackedPairs.load(folder.validation)) == 115


def test_train_and_validation_are_all_pairs_that_are_not_held_out_each_once(corpus: Path) -> None:
    _report, folder, _config = run(corpus, "run")
    tokenizer = Tokenizer.load(folder.tokenizer)
    train, validation = texts(folder.train, tokenizer), texts(folder.validation, tokenizer)
    assert len(validation) == 15
    assert not set(train) & set(validation)
    assert sorted(train + validation) == sorted(PAIRS[5:])


def test_validation_pairs_are_drawn_from_everywhere(corpus: Path) -> None:
    _report, folder, _config = run(corpus, "run")
    places = [PAIRS.index(pair) for pair in texts(folder.validation, Tokenizer.load(folder.tokenizer))]
    assert min(places) < 40
    assert max(places) > 80


def test_the_same_input_gives_the_same_bytes(corpus: Path) -> None:
    first, second = (run(corpus, name)[1] for name in ("first", "second"))
    files = sorted(path.relative_to(first.root) for path in first.root.rglob("*") if path.is_file())
    assert len(files) == 3 + 2 * 7
    for file in files:
        assert (first.root / file).read_bytes() == (second.root / file).read_bytes(), file


def test_limit_and_repeat_and_two_sources(corpus: Path) -> None:
    write_tsv(corpus / "more.tsv", [*PAIRS[30:40], *sentence_pairs(20, seed=9)])
    sources = ({**SOURCE, "limit": 50}, {**SOURCE, "name": "more", "path": "more.tsv", "repeat": 3})
    report, folder, _config = run(corpus, "run", sources=sources, validation_pairs=10)
    assert report.as_dict()["words"]["kept"] == 50
    assert report.source("words").dropped["over_limit"] == 65
    assert report.source("more").dropped["duplicate"] == 10
    train, validation = PackedPairs.load(folder.train), PackedPairs.load(folder.validation)
    assert set(validation.repeats.tolist()) == {1}
    assert len(train) + len(validation) == 70
    assert sorted(set(train.repeats.tolist())) == [1, 3]


def test_pairs_of_too_many_tokens_are_counted(corpus: Path) -> None:
    report, folder, config = run(corpus, "run", max_tokens=12)
    train, validation = PackedPairs.load(folder.train), PackedPairs.load(folder.validation)
    lengths = [
        len(part.side(pair, side)) for part in (train, validation) for pair in range(len(part)) for side in (0, 1)
    ]
    assert max(lengths) <= config.data.max_tokens
    dropped = report.source("words").dropped["too_many_tokens"]
    assert dropped > 0
    assert len(train) + len(validation) == report.source("words").kept == 115 - dropped


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"validation_pairs": 115}, "data: 115 usable pairs are left; allowed: more than validation_pairs, 115"),
        ({"max_tokens": 4}, r"data: \d+ usable pairs are left; allowed: more than validation_pairs, 15"),
        ({"sources": ({**SOURCE, "path": "absent.tsv"},)}, "words.path: 'absent.tsv' matches no file"),
        ({"report": ({**TEST_SET, "path": "words.tsv"},)}, "test set test: .*not_two_columns"),
    ],
    ids=["too-few", "too-few-after-counting-tokens", "no-file", "bad-test-set"],
)
def test_what_cannot_be_prepared_is_refused(corpus: Path, data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run(corpus, "run", **data)
    assert not (corpus.parent / "run" / "data" / "report.json").exists()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"max_tokens": 50}, ["data.max_tokens"]),
        ({"validation_pairs": 14, "keep_identical": True}, ["data.keep_identical", "data.validation_pairs"]),
        ({"sources": ({**SOURCE, "repeat": 2},)}, ["data.sources"]),
        ({"report": ()}, ["data.report"]),
        ({"data_root": "elsewhere"}, []),
    ],
)
def test_what_was_prepared_otherwise_is_not_trained_on(corpus: Path, changes: dict[str, Any], named: list[str]) -> None:
    _report, folder, before = run(corpus, "run")
    fields: dict[str, Any] = {"report": (TEST_SET,), "validation_pairs": 15, **changes}
    now = Run("words", recipe(**fields), corpus, folder)
    if named:
        with pytest.raises(ConfigError, match=f"was prepared with another {', '.join(named)} than the recipe has"):
            now.tokenizer()
    else:
        now.tokenizer()
    seeded = before.model_copy(update={"trainer": before.trainer.model_copy(update={"seed": 99})})
    with pytest.raises(ConfigError, match=r"another .*trainer\.seed than"):
        Run("words", seeded, corpus, folder).tokenizer()
    folder.prepared.unlink()
    with pytest.raises(ConfigError, match=r"prepared\.json does not exist; run `verso-train prepare words` first"):
        now.tokenizer()


def test_what_fails_at_the_tokenizer_leaves_nothing_behind(corpus: Path) -> None:
    write_tsv(corpus / "words.tsv", [("ab", "AB"), *PAIRS[:2]])
    with pytest.raises(ConfigError, match=r"tokenizer\.vocabulary: 300 is too large for this data"):
        run(corpus, "run", report=(), validation_pairs=0, held_out=({"pairs": 2},))
    assert not (corpus.parent / "run").exists()


def test_a_full_disk_is_told_and_what_was_written_till_then_is_nothing_prepared(corpus: Path) -> None:
    with full_after(1000), pytest.raises(ConfigError, match=r"^data: .*/run/data cannot be written: .*File too large"):
        run(corpus, "run")
    folder = RunFolder(corpus.parent / "run")
    with pytest.raises(ConfigError, match=r"prepared\.json does not exist; run `verso-train prepare words` first"):
        Run("words", recipe(), corpus, folder).tokenizer()
    run(corpus, "run")


def test_long_sources_are_cut_and_counted_where_the_recipe_says_so(corpus: Path) -> None:
    report, folder, _config = run(
        corpus, "run", task="comment", directions=("xx-yy",), cut_source_tokens=6, report=(), validation_pairs=0
    )
    _whole, uncut, _config = run(corpus, "uncut", task="comment", directions=("xx-yy",), report=(), validation_pairs=0)
    cut, whole = PackedPairs.load(folder.train), PackedPairs.load(uncut.train)
    assert len(cut) == len(whole)
    assert all(cut.side(pair, 0) == whole.side(pair, 0)[:6] for pair in range(len(cut)))
    assert all(cut.side(pair, 1) == whole.side(pair, 1) for pair in range(len(cut)))
    longer = sum(len(whole.side(pair, 0)) > 6 for pair in range(len(whole)))
    assert 0 < longer == report.source("words").cut
    assert f"words: {longer} sources were cut" in str(report)


def test_stand_ins_take_the_place_of_what_stands_in_both_texts(corpus: Path) -> None:
    pairs = [(f"{left} {number}", f"{number} {right}") for number, (left, right) in enumerate(PAIRS[:40], 100)]
    write_tsv(corpus / "words.tsv", pairs)
    words = {"decoding": {"stand_ins": ("PDF", "USB")}}
    held_out = ({"pairs": 4, "threshold": 0.9},)
    config = changed(recipe(report=(), validation_pairs=0, stand_ins=0.5, held_out=held_out), words)
    folder = RunFolder(corpus.parent / "copied")
    prepare(config, corpus, folder)
    learned = texts(folder.train, Tokenizer.load(folder.tokenizer))
    replaced = [pair for pair in learned if pair not in pairs]
    assert 10 <= len(replaced) <= 26
    for left, right in replaced:
        assert left.split()[-1] == right.split()[0] in ("PDF", "USB")
    assert not {"PDF", "USB"} & set(folder.held_out("xx", "yy").read_text(encoding="utf-8").split())
    other = changed(config, {"decoding": {"stand_ins": ("PDF",)}})
    with pytest.raises(ConfigError, match=r"was prepared with another data\.stand_ins than"):
        Run("words", other, corpus, folder).tokenizer()


def test_validation_pairs_are_those_of_before_or_new(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a run that goes on from another, with its tokenizer, is not validated on what that one learned from."""
    _report, first, _config = run(corpus, "run")
    tokenizer = Tokenizer.load(first.tokenizer)
    before = set(texts(first.validation, tokenizer))
    monkeypatch.setattr("training.preparation._tokenizer", lambda *_arguments: tokenizer)
    new = sentence_pairs(150)[120:]
    write_tsv(corpus / "words.tsv", [*new, *PAIRS])
    _report, second, _config = run(corpus, "again", trainer={"seed": 9})
    after = set(texts(second.validation, tokenizer))
    assert len(after) == 15
    assert after - before <= set(new)


def test_half_a_sentence_is_not_translated() -> None:
    with pytest.raises(ValueError, match="cut_source_tokens"):
        recipe(cut_source_tokens=20)


def test_a_source_that_stands_the_other_way_round_is_refused_by_name(corpus: Path) -> None:
    write_tsv(
        corpus / "turned.tsv", [(f"Die Datei ist nicht da: {n}.", f"The file is not there: {n}.") for n in range(10)]
    )
    other = {**SOURCE, "name": "turned", "left": "en", "right": "de", "path": "turned.tsv"}
    with pytest.raises(ConfigError, match=r"data.sources: turned: .* of 10 pairs 10 have 'de' on the left"):
        run(corpus, "run", sources=(SOURCE, other))
