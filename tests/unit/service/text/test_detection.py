"""Detection: the served languages, honest about others, silent where nothing can be said."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.text.detection import Detection, detect

SERVED = ("de", "en", "es", "fr", "ru")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is the station?", "en"),
        ("Wo ist der Bahnhof?", "de"),
        ("Où est la gare ?", "fr"),
        ("¿Dónde está la estación?", "es"),
        ("Где находится вокзал?", "ru"),
        ("WHERE IS THE STATION", "en"),
        ("Save file", "en"),
        ("Hello World", "en"),
        ("Hello", "en"),
        ("Merci", "fr"),
        ("Hola", "es"),
        ("Danke!", "de"),
        ("test", "en"),
        ("l’eau", "fr"),
        ("DON'T", "en"),
        ("Bonjour Monsieur", "fr"),
        ("Datei speichern", "de"),
        ("Сохранить файл", "ru"),
    ],
)
def test_short_texts(text: str, language: str) -> None:
    found = detect(text, SERVED)
    assert found[0].language == language
    assert {each.language for each in found} == set(SERVED)
    assert sum(each.confidence for each in found) == pytest.approx(1.0)


def test_a_language_that_is_not_served_comes_first_where_the_text_is_plainly_in_it() -> None:
    found = detect("Dzień dobry, jak się pan dzisiaj miewa?", SERVED)
    assert found[0].language == "pl"
    assert found[0].confidence > 0.5
    assert {each.language for each in found[1:]} == set(SERVED)
    assert sum(each.confidence for each in found[1:]) < 0.05


def test_a_short_text_is_in_a_served_language_even_if_another_is_a_little_likelier() -> None:
    assert detect("Hello world", ("en", "ru"))[0].language == "en"


def test_a_name_that_says_nothing_is_in_a_language_of_its_script() -> None:
    assert detect("Xq", ("ru", "en")) == (Detection("en", 0.5), Detection("ru", 0.5))


def test_a_common_word_of_a_served_language_is_not_in_another() -> None:
    """To n-grams "Hello" is Spanish, and was refused where that is not served."""
    assert detect("Hello", ("en", "ru"))[0].language == "en"
    assert detect("Guten Morgen, liebe Leute", ("en", "ru"))[0].language == "de"


@pytest.mark.parametrize("word", ["qué", "población", "résultat"])
def test_accents_that_stand_by_themselves_are_of_their_letters(word: str) -> None:
    assert detect(normalize("NFD", word), SERVED) == detect(word, SERVED)


def test_words_count_only_where_each_language_has_a_list() -> None:
    """There is none of Esperanto."""
    assert detect("Hello", ("en", "es"))[0].language == "en"
    assert detect("Hello", ("en", "eo", "es"))[0].language == "es"


@pytest.mark.parametrize(
    "text", ["", " ", "12 + 3 = 15", "👍", "https://example.org/a?b=c", "me@example.org", "%s {0}"]
)
def test_nothing_is_said_of_a_text_without_words(text: str) -> None:
    assert detect(text, SERVED) == ()


def test_addresses_and_markup_do_not_count() -> None:
    text = "<a href='https://beispiel.example/der-die-das-und-nicht'>Привет, друзья</a> %(anzahl)s"
    assert detect(text, SERVED)[0].language == "ru"


def test_served_codes_with_regions_and_scripts_are_found() -> None:
    assert detect("你好世界，今天天气很好", ("en", "zh-Hans"))[0].language == "zh-Hans"
    assert detect("Onde fica a estação de comboios?", ("en", "pt-BR"))[0].language == "pt-BR"


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    found = detect(text, SERVED)
    assert all(0.0 <= each.confidence <= 1.0 for each in found)
