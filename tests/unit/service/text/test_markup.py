"""HTML: tokens and runs that concatenate back, and tags that come out as they went in."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.html_tokens import HtmlToken, html_tokens
from service.text.markup import Run, _label_begins, parse_html, text_of
from service.text.tag_placement import place_tags
from tests.unit.service.text.tags import SOUP, tags_of, words_of


def runs(html: str) -> list[Run]:
    return [part for part in parse_html(html) if isinstance(part, Run)]


@given(st.lists(st.sampled_from(SOUP)).map("".join))
def test_nothing_is_lost_on_the_way_in(html: str) -> None:
    assert "".join(token.source for token in html_tokens(html)) == html
    assert "".join(part if isinstance(part, str) else part.source for part in parse_html(html)) == html


@pytest.mark.parametrize(
    ("html", "texts"),
    [
        ("<p>One <b>two</b>\n three.<p>Four", ["One two three.", "Four"]),
        ("a<br>b<hr>c", ["a", "b", "c"]),
        ("Tom &amp; Ann &lt;x&gt; &eacute;&nbsp;!", ["Tom & Ann <x> é\u00a0!"]),
        (
            "<title>T</title><style>p{}</style><script>if (a<b) c</script><pre>d</pre><textarea>e</textarea>f",
            ["T", "f"],
        ),
        ("<div translate=no>a <div>b</div></div> c", [" c"]),
        ('<p class="x notranslate">a</p><p>b</p>', ["b"]),
        ("Run <code>ls</code> or <span translate='no'>x</span>.", ["Run \ue000 or \ue001."]),
        ("a \ue000 <code>b</code>", ["a \ue000 \ue001"]),
        ("x <!-- c --> y", ["x y"]),
        ("one </b> two", ["one ", " two"]),
        ("<b><a>one</a><a>two</a>\n<a>three</a></b> four", ["one", "two ", "three", " four"]),
        ("<b><i>First name</i><i>Last</i><u>E-mail address</u></b>", ["First name", "Last", "E-mail address"]),
        ("<b>All is saved.</b><i><u>Go on</u></i> now", ["All is saved.", "Go on now"]),
        (
            "<b>Libre</b><i>Office</i> <b>in Mc</b><i>Donald</i> <b>an</b><i>other</i>",
            ["LibreOffice in McDonald another"],
        ),
        ("<b>First name</b> <i>Last name</i> of<wbr><i>One</i>", ["First name Last name ofOne"]),
        ("<label>one</label><input><label>two</label> three <input> four", ["one", "two", " three ", " four"]),
        ("<b>one <i>two</b> three</i>", ["one ", "two", " three"]),
        ("<ul><li>1<li>&mdash;</ul>", []),
        ("never <a href='closed>?", ["never "]),
        ("1 < 2 and 3 > 2", ["1 < 2 and 3 > 2"]),
    ],
)
def test_what_is_translated(html: str, texts: list[str]) -> None:
    assert [run.text for run in runs(html)] == texts
    assert text_of(html) == "\n".join(texts)


def placed(html: str, target: str, pairs: str) -> str:
    """pairs: "0-1 1-0": source word 0 is target word 1, and the other way round."""
    (run,) = runs(html)
    source, words = words_of(run.text), words_of(target)
    numbers = sorted((int(b), int(a)) for a, b in (pair.split("-") for pair in pairs.split()))
    return place_tags(run, target, [(source[a], words[b]) for b, a in numbers])


@pytest.mark.parametrize(
    ("html", "target", "pairs", "expected"),
    [
        ("a <b>b c</b> d", "D C B A", "0-3 1-2 2-1 3-0", "D <b>C B</b> A"),
        ("a <b>b <i>c</i></b> d", "C B D A", "0-3 1-1 2-0 3-2", "<b><i>C</i> B</b> D A"),
        ("<b>a</b> <i>b</i>", "B A", "0-1 1-0", "<i>B</i> <b>A</b>"),
        ("<b>a b</b> c", "A C B", "0-0 1-2 2-1", "<b>A</b> C B"),  # the stretch with most of its own words
        ("<b>a b c</b> d", "A B D C", "0-0 1-1 2-3 3-2", "<b>A B</b> D C"),
        ("a <img> b <b></b>", "B A", "0-1 1-0", "B <b></b> A <img>"),
        ("a <b>b</b> c", "A C", "0-0 2-1", "A <b>C</b>"),  # not translated: the next word, rather than none
        ("a <b>b</b>", "A", "0-0", "<b>A</b>"),  # and the one before, rather than an element of nothing
        ("a <b>b</b>.", "A C.", "0-0 0-1 2-2", "A <b>C</b>."),  # rather than a full stop
        ("a <b>b.</b>", "A C.", "0-0 0-1 2-2", "A <b>C</b>."),
        ("a<b>!</b>", "A!", "0-0 1-1", "A<b>!</b>"),
        ("<i>a</i> <b>b</b>.", "A.", "0-0 2-1", "<i>A</i><b>.</b>"),  # no word is left
        ("x &amp; <b>y</b>", "Y & <X>", "0-2 1-1 2-0", "<b>Y</b> &amp; &lt;X&gt;"),
        ("<a><img></a> a", " A", "0-0", "<a><img></a> A"),  # the space stays between them
        ("<img> <img> a", " A", "0-0", "<img> <img> A"),
        ("<img><img> a", " A", "0-0", "<img><img> A"),
        ("<b><img> a</b> b", "B A", "0-1 1-0", "B <b><img> A</b>"),
        ("H<sub>2</sub>O <b>a</b>", "A H2O", "0-1 1-0", "<b>A</b> H<sub>2</sub>O"),  # in a word that is copied
        ("b<i>a<b>c</b></i><wbr>d e", "E Bacd", "0-1 1-0", "E B<i>a<b>c</b></i><wbr>d"),
        ("Stra<b>ße</b>n a", "STRASSEN A", "0-0 1-1", "<b>STRASSEN</b> A"),  # copied, but longer: places do not tell
        ("<b>un</b>done", "AB", "0-0", "<b>AB</b>"),  # in one that is translated
        ("<a>a <code>b</code></a> c", "C \ue000 A", "0-2 1-1 2-0", "C <a><code>b</code> A</a>"),
    ],
)
def test_tags_go_with_their_words(html: str, target: str, pairs: str, expected: str) -> None:
    assert placed(html, target, pairs) == expected


@pytest.mark.parametrize(
    ("html", "target", "expected"),
    [
        ("Fish & chips", "Chips & fish", "Chips & fish"),
        ("Q&A", "A&Q;", "A&Q;"),
        ("I <3 a > b", "A > b <3", "A > b <3"),
        ("5\u00a0kg", "5\u00a0kg", "5\u00a0kg"),
        # What would be read as a tag or a reference is one in no case.
        ("a & b < c", "<b> & &lt; &copy &#60 </b> <", "&lt;b&gt; & &amp;lt; &amp;copy &amp;#60 &lt;/b&gt; <"),
        # With one reference in the source, its character is written as one.
        ("a &amp; b & c < d &#x3C; e > f", "A & B < C > D", "A &amp; B &lt; C > D"),
        ("5\u00a0kg&#160;!", "5\u00a0kg", "5&nbsp;kg"),
        # What the source has not.
        ("a &eacute; <a href='?a&b<c'>b</a>", "& < > \u00a0", "<a href='?a&b<c'></a>&amp; &lt; &gt; &nbsp;"),
    ],
)
def test_characters_are_written_as_the_source_writes_them(html: str, target: str, expected: str) -> None:
    (run,) = runs(html)
    assert place_tags(run, target, []) == expected


@given(st.text(alphabet="&<>;#/!?ampltx0123 \u00a0"))
def test_characters_come_back_as_they_were_however_they_are_written(text: str) -> None:
    for source in ("a & < > \u00a0", "a"):
        (run,) = runs(source)
        tokens = html_tokens(run.escape(text))
        assert {token.kind for token in tokens} <= {"text"}
        assert unescape("".join(token.source for token in tokens)) == text


@given(
    data=st.data(),
    html=st.recursive(
        st.sampled_from(["a", "b c", "x<img>y", "<i>x</i>y", "<img>", "", ". "]),
        lambda inner: st.builds(
            lambda before, tag, inside, after: f"{before} <{tag}>{inside}</{tag}> {after}",
            inner,
            st.sampled_from("bi"),
            inner,
            inner,
        ),
    ),
    target=st.lists(st.sampled_from(["x", "y,", "xy", "z"]), max_size=8).map(" ".join),
)
def test_whatever_the_alignment_no_tag_is_lost_doubled_or_crossed(data: st.DataObject, html: str, target: str) -> None:
    words = words_of(target)
    for run in runs(html):
        source = words_of(run.text)
        links = [(data.draw(st.sampled_from(source)), span) for span in words]
        answer = place_tags(run, target, links)
        assert sorted(tags_of(answer)) == sorted(tags_of(run.source))
        opened: list[str] = []
        for kind, name, _attributes in tags_of(answer):
            if kind == "StartTag" and name != "img":
                opened.append(name)
            elif kind == "EndTag":
                assert opened.pop() == name
        assert not opened


class _Counted(list[HtmlToken]):
    """How many of its items were read, one by one or in slices."""

    read = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self.read += len(found) if isinstance(key, slice) else 1
        return found


def test_a_label_is_found_without_reading_all_in_front_of_it() -> None:
    label = html_tokens("First name</b><i>")
    run = _Counted(html_tokens("<b>a</i>" * 1000) + label)
    assert _label_begins(run, HtmlToken("text", "Last name")) == len(run) - 1
    assert run.read < 20
