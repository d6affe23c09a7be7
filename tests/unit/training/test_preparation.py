"""The prepare step: what is counted, what is kept apart, and that the same input gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer
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


def test_a_test_set_is_drawn_and_its_near_duplicates_leave(corpus: Path) -> None:
    stem = f"{PAIRS[0][0]} abc def gah bcd efg hab cde fgh"
    family = [(f"{stem} {word}", f"{stem} {word}".upper()) for word in ("aaa", "bbb")]
    write_tsv(corpus / "words.tsv", [*family, *PAIRS])
    report, folder, _config = run(corpus, "run", report=(), held_out={"pairs": 100, "threshold": 0.6})
    rows = [line.split("\t") for line in folder.held_out("xx", "yy").read_text(encoding="utf-8").splitlines()]
    drawn = {(left, right) for left, right in rows}
    assert len(rows) == len(drawn) == 100
    tokenizer = Tokenizer.load(folder.tokenizer)
    left = {*texts(folder.train, tokenizer), *texts(folder.validation, tokenizer)}
    assert not left & drawn
    assert len(left) + report.source("words").dropped["near_held_out"] == len(PAIRS) + 2
    assert len(left & set(family)) in (0, 2)  # together or not at all


def test_a_test_set_is_drawn_for_each_pair_of_languages(corpus: Path) -> None:
    """By itself, and no more of it than its share; the first one is what it would be without the other."""
    few = [(f"{left} {number}", right) for number, (left, right) in enumerate(PAIRS[:40])]
    write_tsv(corpus / "few.tsv", few)
    others = ({"name": "few", "format": "tsv", "left": "xx", "right": "zz", "path": "few.tsv"},)
    held_out = {"pairs": 30, "threshold": 0.9, "largest_share": 0.25}
    one = recipe(report=(), held_out=held_out)
    sources = [*one.model_dump()["data"]["sources"], *others]
    both = changed(one, {"data": {"sources": sources, "directions": ("xx-yy", "xx-zz")}})
    folders = [RunFolder(corpus.parent / name) for name in ("one", "both")]
    for config, folder in zip((one, both), folders, strict=True):
        prepare(config, corpus, folder)
    drawn, same = (folder.held_out("xx", "yy").read_text(encoding="utf-8") for folder in folders)
    assert drawn == same
    assert len(drawn.splitlines()) == 30
    others_drawn = folders[1].held_out("xx", "zz").read_text(encoding="utf-8").splitlines()
    assert len(others_drawn) == len(set(others_drawn)) == 10
    assert set(others_drawn) <= {"\t".join(pair) for pair in few}
    sets = Run("both", both, corpus, folders[1]).test_sets(("held-out",))
    assert [(each.name, each.direction, len(each.sources)) for each in sets] == [
        ("held-out", "xx-yy", 30),
        ("held-out", "xx-zz", 10),
    ]


def test_a_test_set_is_drawn_from_the_sources_that_are_named_and_its_near_duplicates_leave_all(corpus: Path) -> None:
    long = [" ".join(word + end for end in "abcdef" for word in left.split()) for left, _right in PAIRS[:20]]
    few = [(text, text.upper()) for text in long]
    near = [(f"{left} too", f"{right} too") for left, right in few]
    write_tsv(corpus / "few.tsv", few)
    write_tsv(corpus / "words.tsv", [*near, *PAIRS[20:]])
    source = {"name": "few", "format": "tsv", "left": "xx", "right": "yy", "path": "few.tsv"}
    sources = [*recipe().model_dump()["data"]["sources"], source]
    held_out = {"pairs": 12, "threshold": 0.6, "sources": ("few",)}
    report, folder, _config = run(corpus, "run", report=(), sources=sources, held_out=held_out)
    drawn = folder.held_out("xx", "yy").read_text(encoding="utf-8").splitlines()
    assert len(drawn) == 12
    assert set(drawn) <= {"\t".join(pair) for pair in few}
    assert [report.source(name).dropped["near_held_out"] for name in ("words", "few")] == [12, 12]


def test_what_is_held_out_is_not_learned_from_pairs_of_other_languages(corpus: Path) -> None:
    """Which have one side in common with it."""
    others = [(left, f"{right} zz") for left, right in PAIRS]
    write_tsv(corpus / "others.tsv", others)
    source = {"name": "others", "format": "tsv", "left": "xx", "right": "zz", "path": "others.tsv"}
    sources = [*recipe().model_dump()["data"]["sources"], source]
    held_out = {"pairs": 12, "threshold": 0.9, "sources": ("words",)}
    report, folder, _config = run(
        corpus, "run", report=(), sources=sources, directions=("xx-yy", "xx-zz"), held_out=held_out
    )
    drawn = folder.held_out("xx", "yy").read_text(encoding="utf-8").splitlines()
    assert len(drawn) == 12
    assert report.source("others").dropped["held_out"] == 12
    learned = {left for left, _right in texts(folder.train, Tokenizer.load(folder.tokenizer))}
    assert not learned & {row.split("\t")[0] for row in drawn}


def test_a_test_set_of_nothing_is_refused(corpus: Path) -> None:
    held_out = {"pairs": 5, "largest_share": 0.001}
    with pytest.raises(ConfigError, match=r"held_out\.largest_share: 0\.001 of 1\d\d xx-yy pairs is none"):
        run(corpus, "run", report=(), held_out=held_out)


def test_what_fails_at_the_tokenizer_leaves_nothing_behind(corpus: Path) -> None:
    write_tsv(corpus / "words.tsv", [("ab", "AB"), *PAIRS[:2]])
    with pytest.raises(ConfigError, match=r"tokenizer\.vocabulary: 300 is too large for this data"):
        run(corpus, "run", report=(), validation_pairs=0, held_out={"pairs": 2})
    assert not (corpus.parent / "run").exists()


@pytest.mark.parametrize(
    ("held_out", "short"),
    [
        ({"pairs": 4}, []),
        ({"pairs": 6, "largest_share": 0.3}, ["xx-yy: 3 of 6 pairs (largest_share)"]),
        ({"pairs": 10}, ["xx-yy: 5 of 10 pairs (all others are near duplicates)"]),
    ],
)
def test_a_test_set_of_fewer_pairs_than_asked_for_is_said(
    corpus: Path, held_out: dict[str, Any], short: list[str]
) -> None:
    """Drawn from five texts and as many that differ from them in the last word."""
    long = [" ".join(word + end for end in "abcdef" for word in left.split()) for left, _right in PAIRS[:5]]
    write_tsv(corpus / "few.tsv", [(f"{text} {word}", text.upper()) for text in long for word in ("aa", "bb")])
    source = {"name": "few", "format": "tsv", "left": "xx", "right": "yy", "path": "few.tsv"}
    sources = [*recipe().model_dump()["data"]["sources"], source]
    held_out = {"threshold": 0.5, "sources": ("few",), **held_out}
    report, folder, _config = run(corpus, "run", report=(), sources=sources, held_out=held_out)
    assert report.held_out_short == short
    drawn = folder.held_out("xx", "yy").read_text(encoding="utf-8").splitlines()
    assert [f"{len(drawn)} of" in each for each in short] == [True] * len(short)
    assert [line for line in str(report).splitlines() if line.startswith("held-out")] == [
        f"held-out {each}" for each in short
    ]


def test_long_sources_are_cut_and_counted_where_the_recipe_says_so(corpus: Path) -> None:
    report, folder, _config = run(
        corpus, "run", task="summarize", directions=("xx-yy",), cut_source_tokens=6, report=(), validation_pairs=0
    )
    _whole, uncut, _config = run(
        corpus, "uncut", task="summarize", directions=("xx-yy",), report=(), validation_pairs=0
    )
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
    held_out = {"pairs": 4, "threshold": 0.9}
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


def test_validation_pairs_are_the_first_of_a_seeded_permutation(corpus: Path) -> None:
    """A run that is prepared again has the pairs it had, whatever else sources may be by now."""
    _report, folder, config = run(corpus, "run")
    order = np.random.default_rng(config.trainer.seed).permutation(115)
    tokenizer, left = Tokenizer.load(folder.tokenizer), PAIRS[5:]
    assert texts(folder.validation, tokenizer) == [left[place] for place in sorted(order[:15])]
    assert texts(folder.train, tokenizer) == [left[place] for place in sorted(order[15:])]


def test_half_a_sentence_is_not_translated() -> None:
    with pytest.raises(ValueError, match="cut_source_tokens"):
        recipe(cut_source_tokens=20)
