"""Pictures in text that was deleted with tracked changes, whose texts nobody reads, and ids of what is divided."""

from __future__ import annotations

import pytest

from service.documents.formats.office import DOCX
from service.documents.formats.opendocument import ODT
from tests.unit.service.documents.test_docx import document_of, members, run
from tests.unit.service.documents.test_packages import written_odt
from tests.unit.service.documents.turning import read, turn

SVG = "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"
DRAWING = '<w:r><w:drawing><d:docPr xmlns:d="urn:d" id="1" name="x" descr="a cat" title="one mat"/></w:drawing></w:r>'


@pytest.mark.parametrize(
    ("change", "texts"),
    [("w:del", ["one two"]), ("w:moveFrom", ["one two"]), ("w:ins", ["one two", "one mat", "a cat"])],
)
def test_texts_for_pictures_that_were_deleted_from_word_stay(change: str, texts: list[str]) -> None:
    content = document_of(run("one two") + f'<{change} w:id="1">{DRAWING}</{change}>')
    assert [segment.text for segment in read(DOCX, content).segments] == texts


def test_texts_for_pictures_that_were_deleted_from_an_open_document_stay() -> None:
    frame = f'<frame xmlns:svg="{SVG}"><svg:title>{{}}</svg:title><svg:desc>a cat</svg:desc></frame>'
    deleted = "<text:tracked-changes><text:p>{}</text:p></text:tracked-changes>"
    content = written_odt(f"one two</text:p>{deleted.format(frame.format('a mat'))}<text:p>{frame.format('on it')}")
    assert [segment.text for segment in read(ODT, content).segments] == ["one two", "on it", "a cat"]


def test_of_the_parts_of_what_a_break_divides_one_has_its_id() -> None:
    content = written_odt('<text:meta xml:id="m">one two<text:line-break/>three four</text:meta> five')
    assert members(turn(ODT, content))["content.xml"].count(b'xml:id="m"') == 1
