"""Layout: whatever stands around the words of a line comes back exactly where it was."""

from __future__ import annotations

import asyncio

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from service.catalogue import Catalogue
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationRequest
from tests.unit.service.fakes import model

LINE_END = regex.compile(r"(\r\n|[\n\r\t\v\f\x00\u2028\u2029])")
WORDS = st.lists(st.sampled_from(["one", "two", "hello", "world", "lazy", "dog"]), min_size=1, max_size=5).map(" ".join)
INDENT = st.sampled_from(["", " ", "  ", "    ", "\u00a0", "\u3000 "])
MARKER = st.sampled_from(["", "- ", "* ", "1. ", "12) ", "(a) ", "> ", ">  - ", "## ", "\u2022 ", "- [ ] ", "\u2014 "])
TAIL = st.sampled_from(["", " ", "   ", "\u00a0"])
LINE = st.tuples(INDENT, MARKER, WORDS | st.just(""), TAIL)
END = st.sampled_from(["\n", "\r\n", "\n\n\n", "\t", "\t\t", "\r", "\x00", "\u2028", "\v\f"])


@settings(deadline=None, max_examples=60)
@given(lines=st.lists(st.tuples(LINE, END), min_size=1, max_size=8))
def test_indents_markers_tails_and_line_ends_stay(lines: list[tuple[tuple[str, str, str, str], str]]) -> None:
    text = "".join(indent + marker + words + tail + end for (indent, marker, words, tail), end in lines)
    expected = "".join(
        indent + marker + " ".join(reversed(words.split())) + tail + end for (indent, marker, words, tail), end in lines
    )
    loaded = Catalogue((model("en-ru"),))
    request = TranslationRequest((text,), "en", "ru")
    (translation,) = asyncio.run(Translator(lambda: loaded).translate(request)).translations
    assert translation.best.text == expected
    assert LINE_END.findall(translation.best.text) == LINE_END.findall(text)
