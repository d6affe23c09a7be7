"""Translating HTML, with an engine that reverses words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.catalogue import Catalogue
from service.errors import InvalidRequestError
from service.pipeline.translate import Translator
from service.pipeline.translation import TextTranslation, TranslationOptions, TranslationRequest
from tests.unit.service.fakes import model
from tests.unit.service.text.tags import ATTRIBUTES, SOUP, kind_and_name, tags_of


def translate(
    html: str, source: str = "en", target: str = "ru", *, attributes: bool = False, **options: Any
) -> TextTranslation:
    loaded = Catalogue((model("en-ru", "ru-en"), model("en-de", name="other")))
    request = TranslationRequest(
        (html,), source, target, options=TranslationOptions(**options), format="html", attributes=attributes
    )
    return asyncio.run(Translator(lambda: loaded).translate(request)).translations[0]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(SOUP), max_size=25).map("".join))
@example("one two<code></")
def test_tag_soup_keeps_every_tag(html: str) -> None:
    answer = translate(html).best.text
    assert sorted(tags_of(answer)) == sorted(tags_of(html))


def test_blocks_entities_and_code_stay_and_tags_go_with_their_words() -> None:
    html = "<ul>\n  <li>One <b>two</b> &amp; <code>x &lt; y</code></li>\n  <li>&mdash;</li>\n</ul><script>a<b</script>"
    assert translate(html).best.text == (
        "<ul>\n  <li><code>x &lt; y</code> &amp; <b>two</b> One</li>\n  <li>&mdash;</li>\n</ul><script>a<b</script>"
    )


def test_an_element_over_two_sentences_is_one_element() -> None:
    assert translate("<i>One two. Three</i> four.").best.text.count("<i>") == 1


def test_alternatives_warnings_and_the_pivot() -> None:
    answer = translate("<p>One <b>two</b></p>", n_best=2)
    assert (answer.best.text, answer.alternatives[0].text) == ("<p><b>two</b> One</p>", "<p><b>two</b> One!</p>")
    assert [segment.source for segment in answer.segments] == ["One <b>two</b>"]
    assert translate("<p>One <b>two</b></p>", max_length=1).warnings[0] == "truncated"
    assert translate("<p>one <b>two</b> &lt;x&gt;</p>", "ru", "de").best.text == "<p>one <b>two</b> &lt;x&gt;</p>"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            '<p><span class="h-card"><a href="https://a.b/@c" class="mention">@<span>c</span></a></span> One two</p>',
            '<p><span class="h-card"><a href="https://a.b/@c" class="mention">@<span>c</span></a></span> two One</p>',
        ),
        (
            '<p>one <a href="https://a.b/tags/Two" rel="tag">#<span>Two</span></a> three</p>',
            '<p>three <a href="https://a.b/tags/Two" rel="tag">#<span>Two</span></a> one</p>',
        ),
        (
            '<p>One two! <a href="/c" rel="tag">#<span>c</span></a> <a href="/d" rel="tag">#<span>d</span></a></p>',
            '<p>two! One <a href="/c" rel="tag">#<span>c</span></a> <a href="/d" rel="tag">#<span>d</span></a></p>',
        ),
    ],
)
def test_mentions_and_hashtags_of_a_post_stay_as_they_are(html: str, expected: str) -> None:
    assert translate(html).best.text == expected


def test_the_same_language_gives_the_html_back() -> None:
    assert translate("<p>a <b>b", target="en").best.text == "<p>a <b>b"


def test_the_language_is_that_of_the_text() -> None:
    html = '<p class="the quick brown fox jumps over the lazy dog">Съешь ещё этих мягких французских булок</p>'
    assert translate(html, "auto", "en").segments[0].language == "ru"


def test_what_was_escaped_stays_escaped() -> None:
    answer = translate("&lt;script&gt;alert(1)&lt;/script&gt; one <b>two</b>").best.text
    assert [name for _kind, name, _attributes in tags_of(answer)] == ["b", "b"]


def test_html_is_not_explained() -> None:
    with pytest.raises(InvalidRequestError, match=r"options\.explain"):
        translate("<p>one</p>", explain=True)


def test_attributes_that_people_read_are_translated_where_that_is_asked_for() -> None:
    html = '<p title="one two">a <b title="three &amp; four">b</b></p><img alt="no no" translate=no><hr title="7 x">'
    assert translate(html).best.text == html.replace("a <b", "<b").replace("</b>", "</b> a")
    answer = translate(html, attributes=True)
    assert answer.best.text == (
        '<p title="two one"><b title="four &amp; three">b</b> a</p><img alt="no no" translate=no><hr title="x 7">'
    )
    assert [(each.source, each.best.text) for each in answer.segments] == [
        ('<p title="one two">', '<p title="two one">'),
        ('a <b title="three &amp; four">b</b>', '<b title="four &amp; three">b</b> a'),
        ('<hr title="7 x">', '<hr title="x 7">'),
    ]
    assert translate(html, "ru", "de", attributes=True).best.text == html  # there and back, through a pivot
    assert translate('<img alt="quick brown fox jumps">', "auto", "ru", attributes=True).best.text == (
        '<img alt="jumps fox brown quick">'
    )


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from([*SOUP, *ATTRIBUTES]), max_size=20).map("".join))
def test_tag_soup_keeps_every_tag_with_attributes_too(html: str) -> None:
    answer = translate(html, attributes=True).best.text
    assert sorted(map(kind_and_name, tags_of(answer))) == sorted(map(kind_and_name, tags_of(html)))
