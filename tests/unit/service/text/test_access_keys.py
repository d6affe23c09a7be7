"""What is the access key of a label, what is none, and where it goes in a translation."""

from __future__ import annotations

import pytest

from service.text.access_keys import access_key, place_of_key

KNOWN = {"Exit", "Open", "Cut", "Ein", "As", "Preferences", "Drag", "Max"} | {
    *("case", "All", "selection", "bb", "as", "password", "drop", "file", "name", "size", "user")
}


def count_tokens(word: str) -> int:
    """A word that is known is one token, any other as many as it has letters."""
    return 1 if word in KNOWN else len(word)


@pytest.mark.parametrize(
    ("text", "label", "letter"),
    [
        ("&File", "File", "F"),
        ("&open", "open", "o"),
        ("_Save As…", "Save As…", "S"),
        ("Save _As…", "Save As…", "A"),
        ("Save _as…", "Save as…", "a"),
        ("~Tabelle", "Tabelle", "T"),
        ("E_xit", "Exit", "x"),
        ("O&pen file", "Open file", "p"),
        ("Pre_ferences", "Preferences", "f"),
        ("Cu_t", "Cut", "t"),
        ("Ab_c", "Abc", "c"),
        ("Cut & &Paste", "Cut & Paste", "P"),
        ("Find && &Replace", "Find && Replace", "R"),
        ("&Undo %s", "Undo %s", "U"),
        ("(&Ok)", "(Ok)", "O"),
        ("&Файл", "Файл", "Ф"),
        ("_Copy\n", "Copy\n", "C"),
        ("&Datei speichern.", "Datei speichern.", "D"),
        ("&À propos", "À propos", "À"),
        ("Open &as a file.", "Open as a file.", "a"),
        ("Save &As...", "Save As...", "A"),
        ("Cu&t", "Cut", "t"),
        ("Match c&ase", "Match case", "a"),
        ("Select A&ll", "Select All", "l"),
        ("Set se&lection", "Set selection", "l"),
        ("<b>_File</b>:", "<b>File</b>:", "F"),
        ("&Enter your password:", "Enter your password:", "E"),
    ],
)
def test_a_sign_before_a_letter_is_an_access_key(text: str, label: str, letter: str) -> None:
    key = access_key(text, count_tokens)
    assert key is not None
    assert (key.label, key.letter) == (label, letter)
    assert key.label[: key.place] + key.sign + key.label[key.place :] == text


@pytest.mark.parametrize(
    "text",
    [
        "File",
        "R&D",
        "AT&T",
        "Q&A",
        "Q&a",
        "Abc_d",
        "Drag&drop",
        "drag&drop",
        "a b&b",
        "Cut & Paste",
        "Save && Close",
        "&One &Two",
        "_One_",
        "__init__",
        "_private",
        "Call _private now",
        "file_name",
        "Max_size",
        "MAX_SIZE",
        "user_name of the file",
        "~user",
        "~/file",
        "~5 minutes",
        "&amp; more",
        "&lt;File&gt;",
        "http://x.org/?a=1&Bc=2",
        "&5",
        "_",
        "&",
        "R &D",
        "&A &B",
        "(&F)",
        "&User&Name",
        "&Size1",
        "page?id=&Name",
        "obj._Private",
        "this->_Private",
        "@_Anna",
        "Call _Exit() now",
        "Dr.~Knuth",
        "E_in",
        "A_s",
        "T_max",
        "Open ~as",
        "Pass &str on",
        "to &open",
        "Open the file. _Cut it",
        "Open the _name of the file.",
        "Thanks! ~Anna",
        "Open _name? Cut it",
        "&File\n&Edit",
        "&File\nEdit",
        "&" + "A" * 100,
    ],
)
def test_other_signs_are_none(text: str) -> None:
    assert access_key(text, count_tokens) is None


@pytest.mark.parametrize(
    ("letter", "target", "near", "expected"),
    [
        ("F", "Файл", None, "&Файл"),
        ("a", "Сохранить как…", (10, 13), "Сохранить &как…"),
        ("s", "Speichern unter", (10, 15), "&Speichern unter"),
        ("U", "Datei Unter", None, "Datei &Unter"),
        ("d", "%d Dateien", None, "%d &Dateien"),
        ("n", "„Neu“ 1", None, "„&Neu“ 1"),
        ("n", "12 %s …", None, None),
    ],
)
def test_it_goes_before_its_letter_else_where_the_word_went(
    letter: str, target: str, near: tuple[int, int] | None, expected: str | None
) -> None:
    place = place_of_key(letter, target, near)
    assert (None if place is None else f"{target[:place]}&{target[place:]}") == expected
