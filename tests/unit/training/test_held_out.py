"""Test sets out of the sources: what is drawn, and what leaves the training data for it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer
from tests.unit.training.prepared import PAIRS, SOURCE, run, texts
from tests.unit.training.tiny import recipe, write_tsv
from training.preparation import prepare
from training.recipe_file import changed
from training.run import Run
from training.run_folder import RunFolder


def test_a_test_set_is_drawn_and_its_near_duplicates_leave(corpus: Path) -> None:
    stem = f"{PAIRS[0][0]} abc def gah bcd efg hab cde fgh"
    family = [(f"{stem} {word}", f"{stem} {word}".upper()) for word in ("aaa", "bbb")]
    write_tsv(corpus / "words.tsv", [*family, *PAIRS])
    report, folder, _config = run(corpus, "run", report=(), held_out=({"pairs": 100, "threshold": 0.6},))
    rows = [line.split("\t") for line in folder.held_out("xx", "yy").read_text(encoding="utf-8").splitlines()]
    drawn = {(left, right) for left, right in rows}
    assert len(rows) == len(drawn) == 100
    tokenizer = Tokenizer.load(folder.tokenizer)
    left = {*texts(folder.train, tokenizer), *texts(folder.validation, tokenizer)}
    assert not left & drawn
    assert len(left) + report.source("words").dropped["near_held_out"] == len(PAIRS) + 2
    assert len(left & set(family)) in (0, 2)  # together or not at all


def test_what_is_drawn_does_not_follow_from_the_seed_of_the_training(corpus: Path) -> None:
    """Else a run that goes on from another, with a seed of its own, is measured by what that one learned from."""
    folders = [
        run(
            corpus, name, report=(), held_out=({"pairs": 30, "threshold": 0.9, "seed": seed},), trainer={"seed": other}
        )[1]
        for name, seed, other in (("one", 1, 1), ("two", 1, 2), ("three", 2, 1))
    ]
    held_out = [folder.held_out("xx", "yy").read_text(encoding="utf-8") for folder in folders]
    assert held_out[0] == held_out[1] != held_out[2]
    validation = [texts(folder.validation, Tokenizer.load(folder.tokenizer)) for folder in folders]
    assert set(validation[0]) == set(validation[1])


def test_a_test_set_is_drawn_for_each_pair_of_languages(corpus: Path) -> None:
    """By itself, and no more of it than its share; the first one is what it would be without the other."""
    few = [(f"{left} {number}", right) for number, (left, right) in enumerate(PAIRS[:40])]
    write_tsv(corpus / "few.tsv", few)
    others = ({"name": "few", "format": "tsv", "left": "xx", "right": "zz", "path": "few.tsv"},)
    held_out = ({"pairs": 30, "threshold": 0.9, "largest_share": 0.25},)
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
    held_out = ({"pairs": 12, "threshold": 0.6, "sources": ("few",)},)
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
    held_out = ({"pairs": 12, "threshold": 0.9, "sources": ("words",)},)
    report, folder, _config = run(
        corpus, "run", report=(), sources=sources, directions=("xx-yy", "xx-zz"), held_out=held_out
    )
    drawn = folder.held_out("xx", "yy").read_text(encoding="utf-8").splitlines()
    assert len(drawn) == 12
    assert report.source("others").dropped["held_out"] == 12
    learned = {left for left, _right in texts(folder.train, Tokenizer.load(folder.tokenizer))}
    assert not learned & {row.split("\t")[0] for row in drawn}


def test_a_test_set_of_nothing_is_refused(corpus: Path) -> None:
    held_out = ({"pairs": 5, "largest_share": 0.001},)
    with pytest.raises(ConfigError, match=r"held_out\.largest_share: 0\.001 of 1\d\d xx-yy pairs is none"):
        run(corpus, "run", report=(), held_out=held_out)


@pytest.mark.parametrize(
    ("held_out", "short"),
    [
        ({"pairs": 4}, []),
        ({"pairs": 6, "largest_share": 0.3}, ["held-out xx-yy: 3 of 6 pairs (largest_share)"]),
        ({"pairs": 10}, ["held-out xx-yy: 5 of 10 pairs (all others are near duplicates)"]),
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
    few = {"threshold": 0.5, "sources": ("few",), **held_out}
    report, folder, _config = run(corpus, "run", report=(), sources=sources, held_out=(few,))
    assert report.held_out_short == short
    drawn = folder.held_out("xx", "yy").read_text(encoding="utf-8").splitlines()
    assert [f"{len(drawn)} of" in each for each in short] == [True] * len(short)
    assert [line for line in str(report).splitlines() if line.startswith("held-out")] == short


def lengthened(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Texts that are long enough to be near duplicates where a word is added."""
    long = [" ".join(word + end for end in "abcdef" for word in left.split()) for left, _right in pairs]
    return [(text, text.upper()) for text in long]


ENDS = ("", " too", " again")
FAMILIES = lengthened(PAIRS[:20])


def rows_of(folder: RunFolder, *name: str) -> list[str]:
    return folder.held_out("xx", "yy", *name).read_text(encoding="utf-8").splitlines()


def stems(lefts: Iterable[str]) -> list[str]:
    """Each text without what tells it from its near duplicates."""
    return [left.removesuffix(ENDS[1]).removesuffix(ENDS[2]) for left in lefts]


def two_sources(corpus: Path) -> list[dict[str, Any]]:
    """Twenty families of near duplicates: two of each in `few`, one among the words."""
    families = [[(left + end, right + end.upper()) for left, right in FAMILIES] for end in ENDS]
    write_tsv(corpus / "few.tsv", [*families[0], *families[1]])
    write_tsv(corpus / "words.tsv", [*families[2], *PAIRS[20:]])
    return [SOURCE, {"name": "few", "format": "tsv", "left": "xx", "right": "yy", "path": "few.tsv"}]


def several(**second: Any) -> dict[str, Any]:
    """A set of all sources to choose by, and one of `few`, called ours."""
    first = {"pairs": 30, "validation": True}
    return {"report": (), "held_out": (first, {"name": "ours", "pairs": 6, "sources": ("few",), **second})}


def test_of_several_test_sets_each_is_drawn_from_what_those_before_it_left(corpus: Path) -> None:
    report, folder, _config = run(corpus, "run", sources=two_sources(corpus), **several())
    first, second = (stems(row.split("\t")[0] for row in rows_of(folder, *name)) for name in ((), ("ours",)))
    assert (len(set(first)), len(set(second))) == (30, 6)
    known = {left for left, _right in FAMILIES}
    assert set(first) & known
    assert set(second) <= known - set(first)
    tokenizer = Tokenizer.load(folder.tokenizer)
    learned = [left for split in (folder.train, folder.validation) for left, _right in texts(split, tokenizer)]
    assert not set(stems(learned)) & {*first, *second}
    counts = [report.source(name) for name in ("words", "few")]
    assert sum(each.kept for each in counts) == len(learned)
    _report, other, _config = run(corpus, "alone", sources=two_sources(corpus), report=(), held_out=({"pairs": 30},))
    assert rows_of(other) == rows_of(folder)


def test_several_test_sets_are_told_apart_by_name(corpus: Path) -> None:
    _report, folder, config = run(corpus, "run", sources=two_sources(corpus), **several())
    prepared = Run("words", config, corpus, folder)
    sizes = {"held-out": 30, "ours": 6}
    for only, names in {(): sizes, ("ours",): ["ours"], ("report",): ["ours"], ("validation",): ["held-out"]}.items():
        sets = prepared.test_sets(only)
        assert [(each.name, each.direction) for each in sets] == [(n, way) for n in names for way in ("xx-yy", "yy-xx")]
        assert [len(each.sources) for each in sets] == [sizes[each.name] for each in sets]
    with pytest.raises(ConfigError, match=r"was prepared with another data\.held_out than"):
        Run("words", changed(config, {"data": several(pairs=5)}), corpus, folder).tokenizer()
