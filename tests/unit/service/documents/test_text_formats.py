"""Formats that are one text: everything but the text stays, to the byte or to what a library makes of it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import srt
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from service.documents.document import DocumentFormat
from service.documents.formats.html import HTML
from service.documents.formats.json import JSON
from service.documents.formats.markdown import MARKDOWN
from service.documents.formats.subtitles import SRT, VTT
from service.documents.formats.text import TEXT
from service.documents.reading import DOCUMENT_FORMATS
from service.errors import InvalidRequestError
from tests.unit.service.documents.turning import read, translate, turn, turn_text
from tests.unit.service.text.tags import SOUP, tags_of


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\ufeff")))
def test_what_is_not_translated_comes_back_to_the_byte(text: str) -> None:
    for format in (TEXT, HTML, MARKDOWN):
        document = read(format, text)
        if format is not MARKDOWN or not document.segments:
            texts = [segment.text for segment in document.segments]
            assert document.write(texts, "ru").decode() == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_text_comes_back_in_its_encoding(encoding: str) -> None:
    content = "one two.\r\n\r\n\tthree four\r\n12\n".encode(encoding)
    assert turn(TEXT, content).decode(encoding) == "two. one\r\n\r\n\tfour three\r\n12\n"
    assert turn(TEXT, content)[:2] == content[:2]


@pytest.mark.parametrize("format", [each for each in DOCUMENT_FORMATS if each.name in ("text", "markdown", "json")])
def test_bytes_that_are_no_text_are_refused_with_their_place(format: DocumentFormat) -> None:
    with pytest.raises(InvalidRequestError, match="file: not utf-8, at byte 4; allowed: UTF-8"):
        read(format, b"one \xff two")


CYRILLIC = "Съешь ещё этих мягких французских булок, да выпей же чаю."
LATIN = "Voix ambiguë d’un cœur qui, au zéphyr, préfère les jattes de kiwis; dès Noël où un zéphyr haï me vêt."


@pytest.mark.parametrize(
    ("encoding", "text"),
    [(each, CYRILLIC) for each in ("cp1251", "koi8-r", "cp866", "iso8859-5")]
    + [("cp1252", LATIN), ("latin-1", LATIN.replace("’", "'").replace("œ", "oe"))],
)
def test_an_old_encoding_is_told_and_utf_8_comes_out(encoding: str, text: str) -> None:
    for format, before in ((TEXT, ""), (SRT, "1\n0:0:0 --> 0:0:1\n"), (VTT, "WEBVTT\n\n00:01.000 --> 00:02.000\n")):
        turned = turn(format, (before + text).encode(encoding)).decode("utf-8")
        assert turned == before + " ".join(reversed(text.split()))


@pytest.mark.parametrize(
    "content",
    [
        "café é".encode("latin-1"),  # too little to tell
        CYRILLIC.encode()[:30] + b"\xff" + CYRILLIC.encode()[30:],  # damaged
        bytes(range(256)),
        b"\xff\xfe\x00",
    ],
)
def test_what_cannot_be_told_is_refused(content: bytes) -> None:
    for format in (TEXT, SRT, VTT):
        with pytest.raises(
            InvalidRequestError, match=r"file: not utf-.*; allowed: UTF-8.* or enough text in an old enc"
        ):
            read(format, content)


def test_attributes_of_html_are_translated_wherever_they_are() -> None:
    html = (
        '<meta name="description" content="one two"><body title=\'a "b"\'><p><img alt="c d" src="e f"> one '
        '<a title="g h" href="/i">two</a></p><input placeholder="j k" value="l m">'
        '<p translate="no" title="n o">p q</p>'
    )
    assert turn_text(HTML, html) == (
        '<meta name="description" content="two one"><body title="&quot;b&quot; a"><p><img alt="d c" src="e f"> '
        '<a title="h g" href="/i">two</a> one</p><input placeholder="k j" value="l m">'
        '<p translate="no" title="n o">p q</p>'
    )


def test_html_in_another_encoding_says_so() -> None:
    html = '<html lang="en"><meta charset="windows-1251"><title>one два</title><p id=x>one <b>two</b> три<br>&nbsp;a b'
    turned = turn(HTML, html.encode("cp1251"), lambda word: word + "ש").decode("cp1251")
    assert turned == (
        '<html lang="en"><meta charset="windows-1251"><title>два&#1513; one&#1513;</title><p id=x>три&#1513; '
        "<b>two&#1513;</b> one&#1513;<br>&nbsp;b&#1513; a&#1513;"
    )
    for name in ("punycode", "nonsense", "zip"):
        with pytest.raises(InvalidRequestError, match=f"file: its encoding '{name}' is not known"):
            read(HTML, f'<meta charset="{name}"><p>one')


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(SOUP), max_size=25).map("".join))
def test_html_keeps_every_tag(html: str) -> None:
    assert sorted(tags_of(turn_text(HTML, html))) == sorted(tags_of(html))


def test_json_keeps_its_bytes_but_for_values() -> None:
    text = (
        '{ "a b": "one two",\n\t"list": ["three four", 1e3, null, "17%"], "n": {"x":"\\u0430 b\\n"}, "u": "\\ud800 x"}'
    )
    turned = turn_text(JSON, text)
    assert turned == (
        '{ "a b": "two one",\n\t"list": ["four three", 1e3, null, "17%"], "n": {"x":"b \\u0430\\n"}, "u": "\\ud800 x"}'
    )


def test_json_of_flutter_and_chrome_keeps_its_notes() -> None:
    arb = {"@@locale": "en us", "hi": "one two", "@hi": {"description": "a b", "x": {"y": ["c d"]}}, "z": "e f"}
    assert json.loads(turn_text(JSON, json.dumps(arb))) == {**arb, "hi": "two one", "z": "f e"}
    chrome: dict[str, Any] = {
        "hi": {"message": "one $X$", "description": "a b", "placeholders": {"x": {"message": "c d", "content": "$1 y"}}}
    }
    turned = json.loads(turn_text(JSON, json.dumps(chrome)))
    assert turned == {"hi": {**chrome["hi"], "message": "$X$ one"}}


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "[" * 100_000, '"\n"'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"file: (not valid JSON|JSON nested too deeply)"):
        read(JSON, text)


SUBTITLES = """\
1
00:00:01,000 --> 00:00:02,500 X1:1
<i>one two three
four</i>

2
00:00:03,000 --> 00:00:04,000
{\\an8}- five six
- <font color="#ff0000">seven</font> <b>eight nine

ten eleven

3
00:00:05,000 --> 00:00:06,000
12%

"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_srt_keeps_times_lines_and_tags(newline: str) -> None:
    turned = turn_text(SRT, SUBTITLES.replace("\n", newline))
    texts = ["<i>four three\ntwo one</i>", '{\\an8}six five -\n<b>nine eight <font color="#ff0000">seven</font> -']
    before, after = list(srt.parse(SUBTITLES)), list(srt.parse(turned.replace("\r\n", "\n")))
    assert [(a.index, a.start, a.end, a.proprietary) for a in after] == [
        (b.index, b.start, b.end, b.proprietary) for b in before
    ]
    assert after[0].content == texts[0]
    assert turned.count(newline) == turned.count("\n") == SUBTITLES.count("\n")


def test_webvtt_keeps_all_but_the_text_of_cues() -> None:
    text = (
        "WEBVTT - a title\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnot this one\n\nintro\n"
        "00:01.000 --> 00:02.000 align:left position:10%\n<v Ann B>one &amp; <c.red>two</c> <00:01.500>three\n\n"
        "00:03.000 --> 00:04.000\n"
    )
    turned = turn_text(VTT, text)
    assert turned == text.replace(
        "<v Ann B>one &amp; <c.red>two</c> <00:01.500>three", "<v Ann B>three <c.red>two</c> <00:01.500> &amp; one"
    )
    before, after = (webvtt.from_buffer(io.StringIO(each))[0] for each in (text, turned))
    assert (after.start, after.end, after.identifier) == (before.start, before.end, before.identifier)


@pytest.mark.parametrize(
    "cue", ["<i>One.\n</i>\n- Two.", "<i>\nOne two.\n</i>", "<v Fred> Hello there", "<i>One </i>\n<b> two</b>"]
)
def test_a_cue_has_no_empty_line_which_would_end_it(cue: str) -> None:
    text = f"WEBVTT\n\n00:01.000 --> 00:02.000\n{cue}\n\n"
    document = read(VTT, text)
    for translated in ([each.text for each in document.segments], translate(document.segments)):
        lines = document.write(translated, "ru").decode().split("\n")
        assert all(line.strip() for line in lines[2:-2])
        assert lines[-2:] == ["", ""]


@pytest.mark.parametrize(("format", "text"), [(SRT, "one two\n"), (SRT, ""), (VTT, "1\n00:01.000 --> 00:02.000\nx\n")])
def test_what_is_no_subtitle_file_is_refused(format: DocumentFormat, text: str) -> None:
    with pytest.raises(InvalidRequestError, match="file: "):
        read(format, text)
