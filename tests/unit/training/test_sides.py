from __future__ import annotations

import pytest

from model_store.errors import ConfigError
from training.corpora.pair import SentencePair
from training.sides import check_sides

ENGLISH = ("The file could not be opened.", "Where is the next railway station?", "She has been reading all evening.")
GERMAN = ("Die Datei konnte nicht geöffnet werden.", "Wo ist der nächste Bahnhof?", "Sie hat den ganzen Abend gelesen.")
PAIRS = [
    SentencePair(f"{left} {n}", f"{right} {n}") for n in range(4) for left, right in zip(ENGLISH, GERMAN, strict=True)
]
TURNED = [SentencePair(pair.right, pair.left) for pair in PAIRS]


def test_pairs_that_stand_as_the_recipe_says_are_taken() -> None:
    check_sides("x", "en", "de", PAIRS)
    check_sides("x", "de", "en", TURNED)


@pytest.mark.parametrize("codes", [("en", "de"), ("en-GB", "de_AT")])
def test_pairs_that_stand_the_other_way_round_are_refused_by_name(codes: tuple[str, str]) -> None:
    with pytest.raises(ConfigError) as raised:
        check_sides("data.sources: memory", *codes, TURNED)
    left, right = codes
    assert str(raised.value) == (
        f"data.sources: memory: its texts stand the other way round: of 12 pairs 12 have {right!r} on the left and "
        f"{left!r} on the right; allowed: left = {right!r} and right = {left!r}"
    )


def test_some_turned_pairs_among_others_are_not_what_is_meant() -> None:
    check_sides("x", "en", "de", [*PAIRS, *TURNED[:5]])


def test_nothing_is_said_of_untranslated_texts() -> None:
    check_sides("x", "en", "de", [SentencePair(pair.left, pair.left) for pair in PAIRS])
    check_sides("x", "en", "de", [SentencePair(pair.right, pair.right) for pair in PAIRS])


def test_nothing_is_said_of_what_cannot_be_told() -> None:
    check_sides("x", "en", "xx", TURNED)  # no language that is known
    check_sides("x", "en", "en", TURNED)
    check_sides("x", "en", "de", TURNED[:9])  # too few
    check_sides("x", "en", "de", [SentencePair("Datei öffnen", "Open a file")] * 50)  # too short
