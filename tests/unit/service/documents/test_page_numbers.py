"""Numbers of pages in Roman numerals, which are no words: a model makes "силы" of "viii"."""

from __future__ import annotations

import pytest

from service.documents.formats.office import DOCX
from service.documents.formats.opendocument import ODT
from tests.unit.service.documents.test_docx import document_of, paragraph, run, written
from tests.unit.service.documents.test_packages import written_odt
from tests.unit.service.documents.turning import read


def field(code: str, shown: str) -> str:
    begin, separate, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end"))
    return f"{begin}<w:r><w:instrText> {code} </w:instrText></w:r>{separate}{run(shown)}{end}"


@pytest.mark.parametrize("code", ["PAGEREF _Toc1 \\h", "PAGE", "NUMPAGES"])
def test_what_a_field_of_word_shows_is_one(code: str) -> None:
    entry = f'<w:hyperlink w:anchor="x">{run("one two")}<w:r><w:tab/></w:r>{field(code, "viii")}</w:hyperlink>'
    assert [segment.text for segment in read(DOCX, document_of(entry)).segments] == ["one two"]
    assert written(paragraph(entry)).endswith("viii<fldChar></fldChar></hyperlink>")
    (sentence,) = read(DOCX, document_of(run("page ") + field(code, "iv") + run(" of two"))).segments
    assert sentence.text == 'page <var id="0"></var> of two'


def test_what_another_field_of_word_shows_is_text() -> None:
    (sentence,) = read(DOCX, document_of(run("page ") + field("REF x", "iv"))).segments
    assert sentence.plain == "page iv"


@pytest.mark.parametrize(("page", "texts"), [("viii", []), ("IX", []), ("viii a", ["viii a"]), ("word", ["word"])])
def test_what_ends_an_entry_of_an_open_document_is_one(page: str, texts: list[str]) -> None:
    entry = f"<text:a>one two<text:tab/>{page}</text:a>"
    body = f"</text:p><text:index-body><text:p>{entry}</text:p></text:index-body><text:p>"
    assert [segment.text for segment in read(ODT, written_odt(body)).segments] == ["one two", *texts]
    assert [segment.text for segment in read(ODT, written_odt(entry)).segments] == ["one two", page]
