"""Stand-ins: they go in for placeholders and come out as them, whatever a model does to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.edits import Edit, EditedText
from service.text.shield import find_atoms, shield

WORDS = ("7", "USB", "42")


def test_spans_follow_the_edits() -> None:
    edited = EditedText("ab cd ef", [Edit(0, 2, "x"), Edit(3, 5, "long"), Edit(8, 8, "!")])
    assert edited.text == "x long ef!"
    assert edited.moved == ((0, 1), (2, 6), (9, 10))
    assert [edited.text[slice(*edited.span(span))] for span in ((0, 2), (0, 1), (4, 5), (3, 8), (6, 8), (2, 3))] == [
        "x",
        "x",
        "long",
        "long ef",
        "ef",
        " ",
    ]


def test_edits_must_not_overlap() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        EditedText("abc", [Edit(0, 2, ""), Edit(1, 3, "")])


@pytest.mark.parametrize(
    ("text", "atoms"),
    [
        ("%d file%s in {0}/{1}", ["%d", "file%s", "{0}/{1}"]),
        ("AT&amp;T, %s:%d and %s %s", ["AT&amp;T", "%s:%d", "%s", "%s"]),
        ("a <b>bold</b> `c`word", ["`c`"]),
    ],
)
def test_what_is_written_together_stays_together(text: str, atoms: list[str]) -> None:
    assert [text[slice(*atom)] for atom in find_atoms(text)] == atoms


def test_a_stand_in_is_none_that_the_text_has() -> None:
    text = "Open 7 usb %s and %d"
    shielded = shield(text, find_atoms(text), (*WORDS, "X"))
    assert shielded.edited.text == "Open 7 usb 42 and X"
    assert shielded.unshielded().text == text


@pytest.mark.parametrize(
    ("target", "expected", "lost"),
    [
        ("USB и 7 файлов", "{1} и {0} файлов", 0),  # turned round
        ("7 и usb", "{0} и {1}", 0),  # the case of a heading
        ("7 и USB 7", "{0} и {1}", 0),  # written twice
        ("Сохранить 17 USB", "Сохранить {0} 17 {1}", 1),  # part of another number
        ("Сохранить", "Сохранить {0} {1}", 2),
    ],
)
def test_every_placeholder_comes_back_once(target: str, expected: str, lost: int) -> None:
    text = "Save {0} and {1}"
    links = [((0, 4), (0, 9))] if target.startswith("С") else []
    restored = shield(text, find_atoms(text), WORDS).restore(target, links)
    assert (restored.edited.text, restored.lost) == (expected, lost)


def test_without_an_alignment_the_end_of_the_sentence_is_the_place() -> None:
    text = "Save %s."
    assert shield(text, find_atoms(text), WORDS).restore("Сохранить.", []).edited.text == "Сохранить %s."


@given(
    order=st.permutations(range(5)),
    words=st.lists(st.sampled_from(["да", "7", "USB", "42", "usb.", "77", "«7»"]), max_size=8),
    links=st.lists(
        st.tuples(st.sampled_from([(0, 2), (6, 9), (12, 14)]), st.sampled_from([(0, 1), (1, 3), (0, 4)])), max_size=4
    ),
)
def test_none_is_lost_or_doubled(
    order: list[int], words: list[str], links: list[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    """More placeholders than stand-ins, and a target that has nothing to do with the source."""
    text = " ".join(f"слово {{{index}}}" for index in order)
    target = " ".join(words)
    links = [link for link in links if link[1][1] <= len(target)]
    restored = shield(text, find_atoms(text), WORDS).restore(target, links).edited.text
    assert [restored.count(f"{{{index}}}") for index in range(5)] == [1] * 5


def test_a_placeholder_is_linked_to_itself_and_to_nothing_else() -> None:
    text = "es ist %s, ja"
    shielded = shield(text, find_atoms(text), WORDS)
    target = f"that is {shielded.stand_ins[0]}, yes"
    back = shielded.restore(target, [])
    # Attention says that "is" comes from the placeholder, and that this comes from "ist".
    links = [((0, 2), (0, 4)), ((7, 9), (5, 7)), ((3, 6), (8, 10)), ((11, 13), (12, 15))]
    assert back.edited.text == "that is %s, yes"
    assert back.linked(links) == [((0, 2), (0, 4)), ((7, 9), (8, 10)), ((11, 13), (12, 15))]


def test_a_word_that_has_a_placeholder_inside_keeps_its_link() -> None:
    text = "die {x}+Datei"
    shielded = shield(text, find_atoms(text), WORDS)
    back = shielded.restore(f"the {shielded.stand_ins[0]}+file", [])
    assert back.linked([((0, 3), (0, 3)), ((4, 13), (4, 12))]) == [((0, 3), (0, 3)), ((4, 13), (4, 12))]
