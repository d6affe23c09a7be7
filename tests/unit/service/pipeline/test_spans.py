"""Token spans: they cover what the tokens spell."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from service.pipeline.spans import token_spans
from tests.unit.service.fakes import tiny_tokenizer


def test_spans_leave_the_space_in_front_out() -> None:
    assert token_spans(["▁Hel", "lo", "▁", "wor", "ld"], "Hello world") == [(0, 3), (3, 5), None, (6, 9), (9, 11)]


def test_bytes_cover_the_character_that_they_are_a_part_of() -> None:
    assert token_spans(["▁a", "<0xD0>", "<0xB6>", "b"], "aжb") == [(0, 1), (1, 2), (1, 2), (2, 3)]


def test_pieces_that_do_not_spell_the_text_have_no_spans() -> None:
    assert token_spans(["▁a"], "b") is None
    assert token_spans(["<0xFF>"], "\ufffd") is None


@settings(deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x1b\u2581"), min_size=1))
def test_spans_of_real_pieces_cover_all_but_spaces(text: str) -> None:
    tokenizer = tiny_tokenizer()
    spans = token_spans(tokenizer.pieces(tokenizer.encode(text)), text)
    assert spans is not None
    covered = {index for span in spans if span for index in range(*span)}
    assert {index for index, character in enumerate(text) if character != " "} <= covered
