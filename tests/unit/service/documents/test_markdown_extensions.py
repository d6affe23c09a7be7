"""What Markdown is written with beside CommonMark: formulas stay, and blocks that a paragraph would run together."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from service.documents.formats.markdown import MARKDOWN
from tests.unit.service.documents.turning import read, turn_text

_PARSER = (
    MarkdownIt("commonmark")
    .enable(["table", "strikethrough"])
    .use(dollarmath_plugin, allow_space=False, allow_digits=False, allow_blank_lines=False, double_inline=True)
    .use(deflist_plugin)
    .use(admon_plugin)
    .use(container_plugin, "container", validate=lambda *_: True)
)


def structure(text: str) -> list[tuple[str, str]]:
    """Every block, and what is in those that are no text."""
    return [(token.type, "" if token.type == "inline" else token.content) for token in _titled(_PARSER.parse(text))]


def _titled(tokens: list[Token]) -> list[Token]:
    for token in tokens:
        if token.type == "admonition_open":
            token.content = ""
    return tokens


def formulas(text: str) -> Counter[str]:
    children = [child for token in _PARSER.parse(text) for child in token.children or ()]
    return Counter(child.content for child in children if child.type.startswith("math"))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("one $a b$ two", "two $a b$ one"),
        ("one $$a b$$ two", "two $$a b$$ one"),
        ("$$\na b\nc d\n$$\n\none two", "$$\na b\nc d\n$$\n\ntwo one"),
        ("$$a b$$ (one)\n\none two", "$$a b$$ (one)\n\ntwo one"),
        ("one two\n: three four\n: five six\n", "two one\n: four three\n: six five\n"),
        ("one two\n\n:   three\n    four\n\n    five six\n", "two one\n\n:   four\n    three\n\n    six five\n"),
        (":::note one two\nthree four\n:::\n", ":::note one two\nfour three\n:::\n"),
        (":::: a\n::: b\none two\n:::\nthree four\n::::\n", ":::: a\n::: b\ntwo one\n:::\nfour three\n::::\n"),
        ("::: a\none two\n\nthree four", "::: a\ntwo one\n\nfour three"),
        ('!!! note "one two"\n    three four\n\nfive six', '!!! note "two one"\n    four three\n\nsix five'),
        ("!!! Note\n    one two\n", "!!! Note\n    two one\n"),
        ('??? tip "Tip"\n    one two\n', '??? tip "Tip"\n    two one\n'),
        ('??? tip ""\n    one two\n', '??? tip ""\n    two one\n'),
        ("> [!NOTE]\n> one two\n", "> [!NOTE]\n> two one\n"),
        ("> [!NOTE]\n>\n> one two\n", "> [!NOTE]\n>\n> two one\n"),
        ("> [!NOTE]\n", "> [!NOTE]\n"),
        ('+++\ntitle = "a b"\n+++\n\none two\n', '+++\ntitle = "a b"\n+++\n\ntwo one\n'),
    ],
)
def test_formulas_and_blocks_of_other_dialects_stay(text: str, written: str) -> None:
    assert turn_text(MARKDOWN, text) == written


@pytest.mark.parametrize("text", ["one $5 and $10 two", "one $ a $ two", "$HOME two $PATH", "$$ one two", "one: two"])
def test_what_only_looks_like_them_is_text(text: str) -> None:
    assert turn_text(MARKDOWN, text) == " ".join(reversed(text.split()))


@pytest.mark.parametrize(
    ("change", "text", "written"),
    [
        ("$x$", "one", "\\$x\\$"),
        ("$5", "one", "$5"),
        (":::", "one", "\\:::"),
        ("!!! x", "one", "\\!!! x"),
        ("???", "one", "???"),
        ("??? x", "one", "\\??? x"),
        (':"x"', '!!! note "one"\n    two', '!!! note ":\'x\'"\n    :"x"'),
        ("$$", "one\\\ntwo", "\\$\\$\\\n\\$\\$"),
        (":", "one\ntwo three", "\\: : :"),
        (":", "one\n: two", ":\n: :"),
    ],
)
def test_what_a_translation_says_is_none_of_them(change: str, text: str, written: str) -> None:
    assert turn_text(MARKDOWN, text, lambda _word: change) == written


PIECES = [
    *'*`[ \n#|\\$"',
    "$$",
    ":::",
    "\n:::",
    "\n: ",
    "\n:   ",
    "\n~ ",
    "!!! ",
    "\n??? ",
    '"one"',
    "one ",
    "two",
    "    ",
]
PIECES += ["> ", "- ", "\n\n"]


@settings(deadline=None, max_examples=500, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_any_soup_of_them_keeps_its_structure(text: str) -> None:
    turned = turn_text(MARKDOWN, text)
    assert structure(turned) == structure(text)
    assert formulas(turned) == formulas(text)


def test_many_that_are_not_closed_end() -> None:
    for text in ("::: a\n" * 20_000, "$$ a\n\n" * 5_000, "$$ a\n" * 3_900, "a $b " * 3_900, "!!! a\n    " * 5000):
        read(MARKDOWN, text)
    for text in ("a\n: b\n" * 2000, "!!! a\n\n" * 5_000, "a\n\n: " * 2000):
        read(MARKDOWN, text)
