"""What counts as a right word."""

from __future__ import annotations

import pytest

from benchmarks.words import HELD_OUT, WORDBOOK, counts, words

TABLE = "en\tde\nhouse\tHaus\nhome\tHaus;Heim\nno\tNein\nhotel\tHotel\n"


def test_any_row_and_any_alternative_counts_in_any_case() -> None:
    assert words(TABLE, "en", "de") == {"house": {"haus"}, "home": {"haus", "heim"}, "no": {"nein"}, "hotel": {"hotel"}}
    back = words(TABLE, "de", "en")
    assert back == {"Haus": {"house", "home"}, "Heim": {"home"}, "Nein": {"no"}, "Hotel": {"hotel"}}
    assert counts(back, ["Home", "house", "Nein", "hotel"]) == {"words": 4, "right": 2, "left_as_they_are": 1}


@pytest.mark.parametrize("language", ["de", "fr", "es", "ru"])
def test_no_held_out_word_is_learned(language: str) -> None:
    held_out, learned = (words(table, "en", language) for table in (HELD_OUT, WORDBOOK))
    assert len(held_out) > 70
    assert not set(held_out) & set(learned)
    assert all(translations for translations in held_out.values())
