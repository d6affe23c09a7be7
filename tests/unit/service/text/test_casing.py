"""Casing: capitals and Title Case reach the model as plain text; names, acronyms and placeholders stay."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.text.casing import Recased, begun_large, recase

# What a vocabulary knows in one token; every other form takes a token for each letter.
KNOWN = {
    "open",
    "the",
    "file",
    "in",
    "window",
    "device",
    "not",
    "found",
    "i",
    "I",
    "USB",
    "Tom",
    "is",
    "don't",
    "Straße",
}


def count_tokens(word: str) -> int:
    return 1 if word in KNOWN else len(word)


def recased(text: str, language: str = "en") -> Recased:
    return recase(text, language, count_tokens)


@pytest.mark.parametrize(
    ("text", "model_text"),
    [
        ("OPEN THE FILE", "Open the file"),
        ("USB DEVICE NOT FOUND!", "USB device not found!"),
        ("TOM IS IN.", "Tom is in."),
        ("I DON'T OPEN THE FILE", "I don't open the file"),
        ("FILE", "File"),
        ("ПРИВЕТ", "Привет"),
        ("OPEN %s IN {NAME}, %(COUNT)d, $HOME, /ETC/FILE, A_B, HTTP://X.EXAMPLE/FILE", None),
        ("1. OPEN: 100% OF THE FILE", "1. Open: 100% of the file"),
    ],
)
def test_capitals(text: str, model_text: str | None) -> None:
    model_text = model_text or "Open %s in {NAME}, %(COUNT)d, $HOME, /ETC/FILE, A_B, HTTP://X.EXAMPLE/FILE"
    assert recased(text) == Recased(model_text, shouted=True)


@pytest.mark.parametrize("text", ["USB", "I", "A", "42", "", "Open", "Open the File", "Tom Open", "e", "%S", "OK then"])
def test_what_is_not_shouted_or_titled_stays(text: str) -> None:
    assert recased(text) == Recased(text, shouted=False)


@pytest.mark.parametrize(
    ("text", "model_text"),
    [
        ("Open The File In The Window", "Open the file in the window"),
        ("Open the File in the Window", "Open the file in the window"),
        ("Open File With GNOME On An iPad", "Open file with GNOME on an iPad"),
        ("Open The File: Tom Is In", "Open the file: Tom is in"),
        ("and Open The File In The Window", "and open the file in the window"),
    ],
)
def test_title_case(text: str, model_text: str) -> None:
    assert recased(text) == Recased(model_text, shouted=False)


def test_german_nouns_keep_their_capitals() -> None:
    text = "Neue Datei Im Fenster Öffnen"
    assert recased(text, "de").text == text
    assert recased("DATEI ÖFFNEN", "de") == Recased("Datei öffnen", shouted=True)


def test_a_shout_is_answered_with_a_shout_of_the_same_length() -> None:
    shouted = Recased("", shouted=True)
    assert shouted.restore("öffne die Straße: %s, {name}, a_b, «файл».") == "ÖFFNE DIE STRAßE: %s, {name}, a_b, «ФАЙЛ»."
    assert Recased("", shouted=False).restore("Открыть") == "Открыть"


@settings(deadline=None)
@given(text=st.text(), language=st.sampled_from(["en", "de", "ru", "tr"]))
def test_nothing_changes_but_case_and_no_position_moves(text: str, language: str) -> None:
    found = recase(text, language, len)
    assert len(found.text) == len(text)
    assert found.text.casefold() == text.casefold()
    assert len(found.restore(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "large"),
    [
        ("hello world", "Hello world"),
        ("я иду", "Я иду"),
        ("ärger mit x", "Ärger mit x"),
        ("open LibreOffice", "Open LibreOffice"),
    ],
)
def test_what_begins_small_begins_large(text: str, large: str) -> None:
    for target in ("fr", "de-AT", "lb"):
        begun = begun_large(text, target, count_tokens)
        assert begun is not None
        assert begun.text == large


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "HELLO",
        "iPhone",
        "",
        "hello",
        " a b",
        "(see it)",
        "42 files",
        "%s is",
        "read_me it",
        "a.b c",
        "ßa b",
        "你 好",
    ],
)
def test_what_does_not_begin_with_a_small_word_is_left(text: str) -> None:
    assert begun_large(text, "fr", count_tokens) is None


@pytest.mark.parametrize(
    ("translation", "restored"),
    [
        ("Hallo Welt", "hallo Welt"),
        ("¡Hola!", "¡hola!"),
        ("Я тебя люблю", "я тебя люблю"),
        ("À demain", "à demain"),
        ("L'heure", "l'heure"),
        ("In", "in"),
        *(
            (kept, kept)
            for kept in ("I love you", "I'm here", "GNOME läuft", "LibreOffice", "X11 runs", "A4 paper", "C++ x")
        ),
        *(
            (kept, kept)
            for kept in ("Dir::Etc x", "E-Mail x", "O'Brien is", "Tom came", "schon klein", "42", "", "İyi")
        ),
    ],
)
def test_a_translation_begins_small_again(translation: str, restored: str) -> None:
    known = {"Tom"}  # and all else as well with a small letter as with a capital
    recased = Recased("X", small=lambda word: word.capitalize() not in known)
    assert recased.restore(translation) == restored


@pytest.mark.parametrize(
    ("target", "translation", "restored"),
    [
        ("fr", "Et voila", "et voila"),
        ("de", "Und das Haus", "und das Haus"),
        ("de-AT", "\u201eDie Maus\u201c kam", "\u201edie Maus\u201c kam"),
        ("de", "Haus und Hof", "Haus und Hof"),
        ("de", "Sie kommen", "Sie kommen"),
        ("de", "Undine kam", "Undine kam"),
        ("lb", "An do", "An do"),
    ],
)
def test_in_german_only_what_is_no_noun_begins_small(target: str, translation: str, restored: str) -> None:
    begun = begun_large("and the house", target, len)
    assert begun is not None
    assert begun.restore(translation) == restored
