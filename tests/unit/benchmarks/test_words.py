"""What counts as a right word."""

from __future__ import annotations

import pytest

from benchmarks.words import OTHERS, WORDBOOK, counts, plain, words

TABLE = "en\tde\nhouse\tHaus\nhome\tHaus;Heim\nto smurf\tschlumpfen\nhotel\tHotel\n"


def test_any_row_and_any_alternative_counts_but_case_and_to_do_not() -> None:
    assert words(TABLE, "en", "de")["home"] == {"haus", "heim", "zuhause"}  # of the wordbook
    back = words(TABLE, "de", "en")
    assert back == {"Haus": {"house", "home"}, "Heim": {"home"}, "schlumpfen": {"smurf"}, "Hotel": {"hotel"}}
    assert counts(back, ["Home", "house", "Smurf", "hotel"]) == {"words": 4, "right": 3, "left_as_they_are": 0}
    assert counts(back, ["HAUS", "home", "smurfs", "hotel"]) == {"words": 4, "right": 2, "left_as_they_are": 1}
    assert plain("Орёл") == plain("орел")


@pytest.mark.parametrize("language", ["de", "fr", "es", "ru"])
def test_no_other_word_is_in_the_wordbook(language: str) -> None:
    others, wordbook = (words(table, "en", language) for table in (OTHERS, WORDBOOK))
    assert len(others) > 70
    assert not {word.casefold() for word in others} & {word.casefold() for word in wordbook}
    assert all(all(translations) for translations in others.values())
