"""Back-translated sources as they are prepared: tagged, learned one way, and no part of what is held out."""

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
from training.dataset import BACK_TRANSLATED_ID, PackedPairs
from training.preparation import prepare
from training.prepared_options import what_it_depends_on
from training.recipe_file import changed
from training.run import Run
from training.run_folder import RunFolder


def write_back(corpus: Path, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """A source whose xx is a model's: a Moses pair as `verso translate -o` leaves it beside the text."""
    for side, code in enumerate(("xx", "yy")):
        (corpus / f"back.{code}").write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    return {"name": "back", "format": "moses", "left": "xx", "right": "yy", "path": "back", "back_translated": "xx"}


def test_a_back_translated_source_is_tagged_and_learned_one_way_and_never_validated_with(corpus: Path) -> None:
    written = sentence_pairs(300, seed=5)
    sources = (SOURCE, write_back(corpus, written))
    report, folder, config = run(corpus, "run", sources=sources, validation_pairs=60)
    assert report.source("back").kept == 300
    tokenizer = Tokenizer.load(folder.tokenizer)
    train, validation = PackedPairs.load(folder.train), PackedPairs.load(folder.validation)
    assert not validation.back_translated.any()
    assert len(set(texts(folder.validation, tokenizer)) & set(PAIRS[5:])) == len(validation) == 60
    model, genuine = train.back_translated[:, 0], train.back_translated[:, 1]
    assert not genuine.any()
    decoded = texts(folder.train, tokenizer)
    assert [pair for pair, by_model in zip(decoded, model, strict=True) if by_model] == written
    for place in np.flatnonzero(model).tolist():
        assert train.side(place, 0) == [BACK_TRANSLATED_ID, *tokenizer.encode(decoded[place][0])]
    examples, _validation = Run("words", config, corpus, folder).examples(tokenizer)
    into = {code: tokenizer.prefix_ids(code)[0] for code in ("xx", "yy")}
    asked = [examples.batch([index]).source[0, :2].tolist() for index in range(len(examples))]
    assert sum(first == into["yy"] for first, _second in asked) == 55 + 300
    assert sum(first == into["xx"] for first, _second in asked) == 55
    assert sum(second == BACK_TRANSLATED_ID for _first, second in asked) == 300


def test_the_tag_takes_no_place_from_the_sentence(corpus: Path) -> None:
    written = [(left, right[:9]) for left, right in sentence_pairs(200, seed=5)]
    _report, folder, _config = run(corpus, "run", sources=(SOURCE, write_back(corpus, written)), max_tokens=14)
    tokenizer, train = Tokenizer.load(folder.tokenizer), PackedPairs.load(folder.train)
    fitting = [left for left, _right in written if len(tokenizer.encode(left)) <= 14]
    assert 14 in [len(tokenizer.encode(left)) for left in fitting]
    learned = np.array(texts(folder.train, tokenizer))[train.back_translated[:, 0], 0]
    assert learned.tolist() == fitting


def test_the_vocabulary_is_not_learned_from_what_a_model_wrote(corpus: Path) -> None:
    noise = [(f"{left} ЖЖЖ ЩЩ", right) for left, right in sentence_pairs(60, seed=5)]
    source = write_back(corpus, noise)
    _report, folder, _config = run(corpus, "run", sources=(SOURCE, source))
    tokenizer = Tokenizer.load(folder.tokenizer)
    assert not {"Ж", "Щ"} & tokenizer.characters
    assert set(noise) <= set(texts(folder.train, tokenizer))


def test_stand_ins_are_copied_from_what_a_model_wrote_too(corpus: Path) -> None:
    numbered = [(f"{left} {number}", f"{number} {right}") for number, (left, right) in enumerate(PAIRS[:40], 100)]
    sources = (SOURCE, write_back(corpus, numbered))
    fields: dict[str, Any] = {"report": (TEST_SET,), "validation_pairs": 15, "sources": sources, "stand_ins": 0.9}
    folder = RunFolder(corpus.parent / "copied")
    prepare(changed(recipe(**fields), {"decoding": {"stand_ins": ("PDF",)}}), corpus, folder)
    train = PackedPairs.load(folder.train)
    learned = np.array(texts(folder.train, Tokenizer.load(folder.tokenizer)))[train.back_translated[:, 0]]
    replaced = [(left, right) for left, right in learned if (left, right) not in numbered]
    assert len(learned) == 40
    assert len(replaced) > 20
    assert all(left.split()[-1] == right.split()[0] == "PDF" for left, right in replaced)


def test_too_few_genuine_pairs_are_refused(corpus: Path) -> None:
    sources = (SOURCE, write_back(corpus, sentence_pairs(300, seed=5)))
    message = r"data\.validation_pairs: 116, but .* neither back-translated nor .*, of which 115 are left"
    with pytest.raises(ConfigError, match=message):
        run(corpus, "run", sources=sources, validation_pairs=116)
    assert not (corpus.parent / "run" / "data" / "tokenizer.model").exists()


def test_what_was_prepared_before_there_were_back_translations_stays_valid(corpus: Path) -> None:
    plain = recipe(sources=(SOURCE,))
    assert "back_translated" not in json.dumps(what_it_depends_on(plain))
    back = write_back(corpus, PAIRS)
    kept = what_it_depends_on(recipe(sources=(SOURCE, back)))["data.sources"]
    assert [source.get("back_translated") for source in kept] == [None, "xx"]


def lengthened(text: str) -> str:
    """The text six times over with other words, so that one word more leaves nearly all triples as they are."""
    return " ".join(word + end for end in "abcdef" for word in text.split())


@pytest.mark.parametrize(("left", "right"), [("xx", "yy"), ("yy", "xx")])
def test_back_translated_pairs_near_a_held_out_text_leave_and_do_not_change_what_is_drawn(
    corpus: Path, left: str, right: str
) -> None:
    """Near by either side, and whichever stands left in the file."""
    few = [(lengthened(one), lengthened(other)) for one, other in PAIRS[:20]]
    write_tsv(corpus / "words.tsv", [*few, *PAIRS[20:]])
    apart = [(lengthened(one), lengthened(other)) for one, other in sentence_pairs(40, seed=5)]
    near_source = [(f"{one} too", other) for (one, _other), (_one, other) in zip(few, apart[:20], strict=True)]
    near_target = [(one, f"{other} TOO") for (_one, other), (one, _other) in zip(few, apart[20:], strict=True)]
    back = sentence_pairs(100, seed=6) + near_source + near_target
    held_out = ({"pairs": 12, "threshold": 0.6},)
    fields: dict[str, Any] = {"report": (), "held_out": held_out, "max_tokens": 400, "max_length_ratio": 9.0}
    _report, plain, _config = run(corpus, "plain", **fields)
    source = write_back(corpus, back) | {"left": left, "right": right}
    report, folder, _config = run(corpus, "run", sources=(SOURCE, source), **fields)
    drawn = folder.held_out("xx", "yy").read_text(encoding="utf-8")
    assert drawn == plain.held_out("xx", "yy").read_text(encoding="utf-8")
    rows = [tuple(row.split("\t")) for row in drawn.splitlines()]
    gone = {place for place, pair in enumerate(few) if pair in rows}
    assert 0 < len(gone) < 12
    learned = set(texts(folder.train, Tokenizer.load(folder.tokenizer)))
    left_out = {pair for pair in back if (pair if left == "xx" else pair[::-1]) not in learned}
    assert left_out == {near[place] for place in gone for near in (near_source, near_target)}
    assert report.source("back").dropped["near_held_out"] == len(left_out)
    assert report.source("words").dropped["near_held_out"] == 12
