"""Encodings that a file declares or shows: it is read as other programs read it, and what comes out is in the same."""

from __future__ import annotations

import pytest

from service.documents.formats.html import HTML
from service.documents.formats.subtitles import SRT
from service.documents.formats.text import TEXT
from service.errors import InvalidRequestError
from tests.unit.service.documents.turning import read, turn


def test_what_declares_latin_1_and_means_windows_1252_is_read_so() -> None:
    html = '<meta charset="iso-8859-1"><p>“one” two – café</p><pre>’x</pre>'
    assert [segment.plain for segment in read(HTML, html.encode("cp1252")).segments] == ["“one” two – café"]
    turned = turn(HTML, html.encode("cp1252"), lambda word: word + "ש").decode("cp1252")
    assert turned == html.replace("“one” two – café", "café&#1513; –&#1513; two&#1513; “one”&#1513;")
    # A byte that Windows-1252 does not have either.
    assert (
        turn(HTML, b'<meta charset="latin1"><p>one\x81 caf\xe9</p>') == b'<meta charset="latin1"><p>caf\xe9 one\x81</p>'
    )


def test_html_may_declare_its_encoding_as_xml_does() -> None:
    xhtml = '<?xml version="1.0" encoding="windows-1251"?>\n<html><p>раз два</p></html>'
    assert turn(HTML, xhtml.encode("cp1251")).decode("cp1251") == xhtml.replace("раз два", "два раз")
    both = xhtml.replace("<p>", "<meta charset='koi8-r'><p>").encode("koi8-r")
    assert [segment.text for segment in read(HTML, both).segments] == ["раз два"]
    assert turn(HTML, both) == both.replace("раз два".encode("koi8-r"), "два раз".encode("koi8-r"))


@pytest.mark.parametrize("long", [0, 1100])
def test_what_is_declared_in_a_comment_of_html_is_not(long: int) -> None:
    """Nor in one that goes on where no browser looks for a declaration any more."""
    html = f'<!-- <meta\ncharset="koi8-r"> {"x" * long}--><p>café two</p>'
    assert [segment.text for segment in read(HTML, html).segments] == ["café two"]
    assert turn(HTML, html).decode() == html.replace("café two", "two café")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_its_zeros(encoding: str) -> None:
    cue = "1\r\n00:00:01,000 --> 00:00:02,000\r\n"
    for text in ("one two\r\n", "раз два три четыре\r\n"):
        turned = " ".join(reversed(text.split())) + "\r\n"
        assert turn(TEXT, text.encode(encoding)).decode(encoding) == turned
        assert turn(SRT, (cue + text).encode(encoding)).decode(encoding) == cue + turned
    assert turn(TEXT, "one\0two three") == b"three one\0two"


@pytest.mark.parametrize(("mark", "encoding"), [(b"\xff\xfe\0\0", "utf-32-le"), (b"\0\0\xfe\xff", "utf-32-be")])
def test_utf_32_is_refused(mark: bytes, encoding: str) -> None:
    with pytest.raises(
        InvalidRequestError, match=f"file: its encoding '{encoding}' is not known; allowed: UTF-8, UTF-16"
    ):
        read(TEXT, mark + "one two".encode(encoding))
