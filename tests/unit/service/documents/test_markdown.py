"""Markdown: the library's own parser says that nothing but words has changed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from service.documents.formats.markdown import MARKDOWN
from tests.unit.service.documents.turning import read, turn_text

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_BREAKS = ("softbreak", "text", "text_special")


def blocks(text: str) -> list[tuple[str, str, str, dict[str, object]]]:
    """Every block, without what is in it."""
    tokens = _PARSER.parse(text)
    return [
        (token.type, token.tag, "" if token.type in ("inline", "html_block") else token.content, dict(token.attrs))
        for token in tokens
    ]


# Emphasis and breaks that cannot stand where they have come to are written so, and mean the same.
_IN_HTML = {"<br>": "hardbreak"} | {
    f"<{slash}{name}>": f"{kind}_{edge}"
    for name, kind in (("em", "em"), ("strong", "strong"), ("del", "s"))
    for slash, edge in (("", "open"), ("/", "close"))
}


def inlines(text: str) -> Counter[tuple[str, str, str]]:
    """Everything in blocks that is no text, and of images what is none."""
    children = [child for token in _PARSER.parse(text) for child in token.children or ()]
    found: Counter[tuple[str, str, str]] = Counter()
    for child in children:
        kind = _IN_HTML.get(child.content, child.type) if child.type == "html_inline" else child.type
        if kind not in _BREAKS:
            content = "" if kind in _IN_HTML.values() or kind == "image" else child.content
            found[kind, content, str(sorted(child.attrs.items()))] += 1
    return found


def words(text: str) -> Counter[str]:
    children = [child for token in _PARSER.parse(text) for child in token.children or ()]
    return Counter("".join("".join(_text(child) for child in children).split()))


def _text(token: Token) -> str:
    if token.type == "image":
        return " ".join(map(_text, token.children or ()))
    return token.content if token.type in ("text", "text_special") else " "


SPACES = "  "
DOCUMENT = f"""\
---
title: not this
---

# one *two* three

A paragraph of **bold words** and [a link](http://x.y/a_b "title"),
which goes on; with `code *x*` and ![an image](i.png).

> quoted [text][ref] and
> more of it

1. first ~~gone~~
   - [ ] second <kbd>Ctrl</kbd>
   - [x] third\\
     line

| left | right \\| wrong |
|:-----|-------:|
| a *b* | `c` |
| <http://z.w> | d e |

```python
not = "this"
```

    nor this

<div class="x">
html <em>text here</em>
</div>

Two{SPACES}
lines 2 \\* 3[^n] and 4 * 5 & &lt;b>

[ref]: http://r.s "T"
[^n]: a note
***
Title here
==========
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_document_keeps_its_structure_and_its_formatting(newline: str) -> None:
    turned = turn_text(MARKDOWN, DOCUMENT.replace("\n", newline))
    assert blocks(turned) == blocks(DOCUMENT)
    assert inlines(turned) == inlines(DOCUMENT)
    assert "three *two* one" in turned
    assert f'which{newline}[link](http://x.y/a_b "title"), a and' in turned
    assert f'<div class="x">{newline}<em>here text</em> html{newline}' in turned
    assert "| wrong \\| right |" in turned
    assert "title: not this" in turned
    assert "[^n]: note a" in turned
    assert "![image an](i.png)" in turned
    assert ("\r\n" in turned) == (newline == "\r\n")


@pytest.mark.parametrize(
    ("change", "text", "written"),
    [
        ("# x", "one", "\\# x"),
        ("1. x", "one", "1\\. x"),
        ("- x", "one", "\\- x"),
        ("*x*", "one **two**", "**\\*x\\*** \\*x\\*"),
        ("a_b c*d*", "one", "a\\_b c\\*d\\*"),
        ("<b>", "one", "\\<b\\>"),
        ("[x](y)", "one", "\\[x\\](y)"),
        ("2 * 3", "one", "2 * 3"),
    ],
)
def test_what_a_translation_says_is_no_markup(change: str, text: str, written: str) -> None:
    assert turn_text(MARKDOWN, text, lambda _word: change) == written


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("one two three\nfour five\n", "five four\nthree two one\n"),
        ("> one two three\n> four five\n", "> five four\n> three two one\n"),
        ("- one `two three`\n  four *five\n  six*\n", "- *six five* four\n  `two three` one\n"),
        ("one 1. -\ntwo three\n", "three two - 1.\none\n"),  # neither a list nor a heading
        ("one two\n# three", "two one\n# three"),
        ("A first one is here.\nB two.\nC.\n", "C.\ntwo.\nB here.\nis one first A\n"),
        ("one two three four five six\n", "six five four three two one\n"),
    ],
)
def test_a_paragraph_is_broken_into_lines_as_the_file_has_them(text: str, written: str, newline: str) -> None:
    turned = turn_text(MARKDOWN, text.replace("\n", newline))
    assert turned == written.replace("\n", newline)


def test_a_link_whose_text_names_its_target_keeps_it() -> None:
    text = "see [the docs] and [`code` here][] or [x][The Docs]\n\n[the docs]: http://a\n[`code` here]: http://b\n"
    turned = turn_text(MARKDOWN, text)
    assert "[docs the][the docs]" in turned
    assert "[here `code`][`code` here]" in turned
    assert inlines(turned) == inlines(text)


def test_the_text_of_images_is_translated_and_all_else_of_them_is_as_it_was() -> None:
    for text, written in {
        "![one two](a_b.png 'one two')": "![two one](a_b.png 'one two')",
        "[![one two](i)](j) ![three\nfour][r]\n\n[r]: k": "[![two one](i)](j)\n![four three][r]\n\n[r]: k",
        "![the logo] one two ![The logo][]\n\n[the logo]: i": (
            "![logo the][the logo] two one ![logo The][The logo]\n\n[the logo]: i"
        ),
        "![one *two* &amp; \\*](i)": "![* & two one](i)",
        "![`one` two](i) ![](j) ![17](k)": "![`one` two](i) ![](j) ![17](k)",
        "| ![one \\| two](i) |\n|-|": "| ![two \\| one](i) |\n|-|",
    }.items():
        assert turn_text(MARKDOWN, text) == written
    assert turn_text(MARKDOWN, "![one](i) x", lambda word: "](j) <b> &lt;" if word == "one" else word) == (
        "![\\](j) \\<b\\> \\&lt;](i) x"
    )


def test_emphasis_that_cannot_stand_there_becomes_html() -> None:
    assert turn_text(MARKDOWN, "one *two*three", lambda word: "«two»three" if word == "twothree" else word)
    turned = turn_text(MARKDOWN, "one **two** three", lambda word: f" {word} ")
    assert "<strong>" in turned or "**two**" in turned


PIECES = [*"*_`[ \n#|\\", "**", "![", "](u)", "<b>", "</b>", "one ", "two", "&amp;", "- ", "1. ", "> ", "  \n", "\n\n"]


@settings(deadline=None, max_examples=300, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_any_soup_keeps_its_formatting_and_its_words(text: str) -> None:
    turned = turn_text(MARKDOWN, text)
    assert inlines(turned) == inlines(text)
    assert words(turned) == words(text)
    assert [kind for kind, *_ in blocks(turned)] == [kind for kind, *_ in blocks(text)]


def test_deep_nesting_ends() -> None:
    for text in ("*a " * 5000, "[" * 5000, "> " * 2000 + "one", "**a" * 3000 + "**" * 3000, "- " * 3000 + "x"):
        read(MARKDOWN, text)
