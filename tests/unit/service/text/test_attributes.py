"""Attributes that people read: which are found, and that nothing else of the HTML changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.attributes import readable_attributes, with_attributes
from service.text.markup import Run, parse_html
from tests.unit.service.text.tags import ATTRIBUTES, SOUP, kind_and_name, tags_of


@pytest.mark.parametrize(
    ("html", "texts"),
    [
        ('<img src="x.png" alt="A cat"> <a href=y title=Home>z</a>', ["A cat", "Home"]),
        ("<input placeholder='Your &amp; name' value=v>", ["Your & name"]),
        ("<textarea placeholder=Text title='T'><b title=no></textarea>", ["Text", "T"]),
        ('<p aria-label="Close" alt="no" placeholder="no" class="title">', ["Close"]),
        ('<meta name="Description" content="A page"><meta name="keywords" content="a">', ["A page"]),
        ('<p translate="no" title="a"><b title="b">x</b></p><img class="x notranslate" alt="c"><i title="d">', ["d"]),
        ('<code title="in">ls <b title="no">x</b></code><pre><b title="no">x</b></pre>', ["in"]),
        ('<!-- <img alt="no"> --><script title="no"></script><style title="no"></style><link title="no">', []),
        ('<img alt=":smile:" title="42"><img alt=""><img alt>', []),
        ('<img alt="a &lt; b &copy &copycat &copy=1 &#39;">', ["a < b © &copycat &copy=1 '"]),
        ("<img alt='never ends", []),
        ("<img title=a href=\"never ends alt='no'>", ["a"]),
    ],
)
def test_which_are_read(html: str, texts: list[str]) -> None:
    assert [each.text for each in readable_attributes(html)] == texts


def test_what_stays_is_not_touched_and_what_comes_is_escaped() -> None:
    html = "<a title='It&#39;s' href=x>y</a> <img alt=cat>"
    first, second = readable_attributes(html)
    assert with_attributes(html, [(first, "It's"), (second, 'a "b" <c> & d\u00a0e')]) == (
        "<a title='It&#39;s' href=x>y</a> <img alt=\"a &quot;b&quot; &lt;c&gt; &amp; d&nbsp;e\">"
    )


def test_what_would_end_a_value_that_never_ended_stays_as_it_is() -> None:
    html = "<b ' =' <p>a <img alt=cat>"
    (found,) = readable_attributes(html)
    assert with_attributes(html, [(found, 'it\'s "new"')]) == html


@given(
    html=st.lists(st.sampled_from([*SOUP, *ATTRIBUTES]), max_size=15).map("".join),
    text=st.text("ab\"'<>&= /", max_size=9),
)
def test_in_tag_soup_nothing_but_their_values_changes(html: str, text: str) -> None:
    found = readable_attributes(html)
    written = with_attributes(html, [(each, text) for each in found])
    assert [kind_and_name(tag) for tag in tags_of(written)] == [kind_and_name(tag) for tag in tags_of(html)]
    before, after = parse_html(html), parse_html(written)
    assert [part.text if isinstance(part, Run) else None for part in before] == [
        part.text if isinstance(part, Run) else None for part in after
    ]
    new = found if any(map(str.isalpha, text)) else []
    assert len(readable_attributes(written)) == len(found if written == html else new)
