"""Word's documents, made and read with python-docx."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from lxml import etree

from service.documents.formats.office import DOCX
from tests.unit.service.documents.turning import read, turn

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def saved(document: Any) -> bytes:
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def opened(content: bytes) -> Any:
    return docx.Document(io.BytesIO(content))


def paragraph(xml: str) -> Any:
    """A document of one paragraph with that inside, turned around, as its paragraph's element."""
    return opened(turn(DOCX, document_of(xml))).element.body.p_lst[0]


def document_of(xml: str) -> bytes:
    document = docx.Document()
    document.element.body.insert(0, parse_xml(f"<w:p {nsdecls('w', 'r', 'm')}>{xml}</w:p>"))
    return saved(document)


def run(text: str, properties: str = "") -> str:
    inside = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{inside}<w:t xml:space="preserve">{text}</w:t></w:r>'


def written(element: Any) -> str:
    """Text, and the names of all elements around and between it."""
    parts = []
    for child in element:
        name = etree.QName(child).localname
        if name == "t":
            parts.append(child.text or "")
        elif name in ("r", "rPr", "pPr"):
            parts.append(written(child) if name == "r" else "")
        else:
            own = child.text if name in ("instrText", "delText") else ""
            parts.append(f"<{name}>{own}{written(child)}</{name}>")
    return "".join(parts)


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_document_keeps_everything_but_its_words() -> None:
    document = docx.Document()
    document.core_properties.title = "not this"
    document.add_heading("one two", 1)
    text = document.add_paragraph("three ", style="List Bullet")
    text.add_run("four five").bold = True
    text.add_run(" six")
    document.add_paragraph("12 %")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "a b", "17"
    document.sections[0].header.paragraphs[0].text = "c d"
    document.sections[0].footer.paragraphs[0].text = "e f"
    content = saved(document)
    turned = turn(DOCX, content)
    after = opened(turned)
    assert [[(r.text, r.bold) for r in p.runs] for p in after.paragraphs] == [
        [("two one", None)],
        [("six ", None), ("five four", True), (" three", None)],
        [("12 %", None)],
    ]
    assert [p.style.name for p in after.paragraphs] == ["Heading 1", "List Bullet", "Normal"]
    assert [cell.text for cell in after.tables[0].rows[0].cells] == ["b a", "17"]
    section = after.sections[0]
    assert (section.header.paragraphs[0].text, section.footer.paragraphs[0].text) == ("d c", "f e")
    before, now = members(content), members(turned)
    assert list(before) == list(now)
    changed = {name for name in before if before[name] != now[name]}
    assert changed == {"word/document.xml", "word/header1.xml", "word/footer1.xml"}


def test_what_is_not_translated_is_the_same_tree() -> None:
    xml = run("one ", "<w:b/>") + "<w:r><w:tab/><w:t>2</w:t></w:r>" + run("two")
    content = document_of(xml)
    document = read(DOCX, content)
    same = document.write([segment.text for segment in document.segments], "ru")
    before, after = (written(opened(each).element.body) for each in (content, same))
    assert before == after


def test_runs_that_look_alike_are_one() -> None:
    xml = run("on", '<w:lang w:val="en"/>') + '<w:proofErr w:type="spellStart"/>' + run("e two") + run(" ", "<w:b/>")
    document = read(DOCX, document_of(xml + run("three")))
    assert [(segment.text, segment.format) for segment in document.segments] == [("one two three", "text")]


def test_breaks_and_tabs_stay_between_what_they_stood_between() -> None:
    element = paragraph(
        "<w:pPr><w:jc w:val='left'/></w:pPr><w:r><w:t>a b</w:t><w:br/><w:t>c d</w:t><w:tab/></w:r>" + run("e f")
    )
    assert written(element) == "b a<br></br>d c<tab></tab>f e"
    assert etree.QName(element[0]).localname == "pPr"


def test_links_notes_and_pictures_go_with_their_words() -> None:
    link = f'<w:hyperlink r:id="rId1">{run("two ")}{run("three", "<w:i/>")}</w:hyperlink>'
    note = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    element = paragraph(run("one ") + link + note + run(" four"))
    assert written(element) == "four <hyperlink>three two</hyperlink><footnoteReference></footnoteReference> one"
    assert [each.text for each in element.iter(f"{W}t")] == ["four ", "three", " two", " one"]


def test_fields_keep_their_order() -> None:
    def field(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    def named(name: str, result: str) -> str:
        code = f"<w:r><w:instrText>{name}</w:instrText></w:r>"
        return field("begin") + code + field("separate") + run(result) + field("end")

    element = paragraph(run("page ") + named("PAGE", "3") + run(" of ") + named("REF x", "some text") + run(" here"))
    kinds = [each.get(f"{W}fldCharType") for each in element.iter(f"{W}fldChar")]
    assert kinds == ["begin", "separate", "end"] * 2
    assert written(element).index("REF x") < written(element).index("text some") < written(element).index("PAGE")
    contents = field("begin") + "<w:r><w:instrText>TOC</w:instrText></w:r>" + field("separate") + run("one two")
    assert written(paragraph(contents)).endswith("two one")
    # A field that ends in another paragraph, and one whose beginning is elsewhere
    assert written(paragraph(run("a b") + field("end") + run("c d"))) == "b a<fldChar></fldChar>d c"


def test_an_entry_for_an_index_is_no_word() -> None:
    def field(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    for code, mark in (("XE &quot;a b&quot;", '<wbr id="0">'), ("PAGE", '<var id="0"></var>')):
        xml = (
            run("one ") + field("begin") + f"<w:r><w:instrText> {code} </w:instrText></w:r>" + field("end") + run("two")
        )
        assert [segment.text for segment in read(DOCX, document_of(xml)).segments] == [f"one {mark}two"]


def test_an_entry_of_a_table_of_contents_keeps_its_page_at_the_end() -> None:
    def field(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    page = (
        field("begin") + "<w:r><w:instrText>PAGEREF</w:instrText></w:r>" + field("separate") + run("5") + field("end")
    )
    tab = "<w:r><w:tab/></w:r>"
    link = f'<w:hyperlink w:anchor="x">{run("1.")}{tab}{run("one ")}{run("two", "<w:b/>")}{tab}{page}</w:hyperlink>'
    entry = f'<w:bookmarkStart w:id="1"/>{link}<w:bookmarkEnd w:id="1"/>'
    # What would be beside the tab is no part of the sentence.
    assert [segment.plain for segment in read(DOCX, document_of(entry)).segments] == ["one two"]
    text = written(paragraph(entry))
    assert text.startswith("<bookmarkStart></bookmarkStart><hyperlink>1.<tab></tab>two one<tab></tab><fldChar>")
    assert text.endswith("5<fldChar></fldChar></hyperlink><bookmarkEnd></bookmarkEnd>")


def test_ranges_never_end_before_they_begin() -> None:
    def mark(kind: str, number: int, name: str = "") -> str:
        return f'<w:{kind} w:id="{number}"' + (f' w:name="{name}"' if name else "") + "/>"

    xml = mark("bookmarkStart", 1, "a") + run("one two") + mark("commentRangeStart", 1) + run(" three")
    xml += mark("bookmarkEnd", 1) + run(" four") + mark("commentRangeEnd", 1) + run(" five") + mark("bookmarkEnd", 7)
    element = paragraph(xml)
    names = [etree.QName(each).localname for each in element if etree.QName(each).localname not in ("r", "pPr")]
    assert sorted(names) == ["bookmarkEnd", "bookmarkEnd", "bookmarkStart", "commentRangeEnd", "commentRangeStart"]
    text = written(element)
    for kind in ("bookmark", "commentRange"):
        assert text.index(f"<{kind}Start") < text.index(f"<{kind}End")
    nested = paragraph(run("one ") + mark("bookmarkStart", 1, "a") + run("two three") + mark("bookmarkEnd", 1))
    assert written(nested) == "<bookmarkStart></bookmarkStart>three two<bookmarkEnd></bookmarkEnd> one"


def test_what_was_deleted_stays_so_and_controls_are_kept() -> None:
    deleted = '<w:del w:id="1" w:author="x"><w:r><w:delText>gone now</w:delText></w:r></w:del>'
    control = f"<w:sdt><w:sdtPr><w:id w:val='5'/></w:sdtPr><w:sdtContent>{run('two three')}</w:sdtContent></w:sdt>"
    inserted = f'<w:ins w:id="2" w:author="x">{run("new words")}</w:ins>'
    text = written(paragraph(run("one ") + deleted + control + run(" four ") + inserted))
    assert "<del><delText>gone now</delText></del>" in text
    assert "<sdtContent>three two</sdtContent></sdt>" in text
    assert "<ins>words new</ins>" in text


def test_a_paragraph_whose_text_was_moved_away_or_is_in_a_code_stays() -> None:
    def field(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    moved = f'<w:moveFrom w:id="1" w:author="x">{run("gone now")}</w:moveFrom>'
    inner = field("begin") + field("separate") + run("some text") + field("end")
    code = field("begin") + inner + field("separate") + run("7") + field("end")
    for xml in (moved, code):
        assert written(paragraph(xml)) == written(opened(document_of(xml)).element.body.p_lst[0])
    assert written(paragraph(moved + run("one two"))).endswith("two one")


def test_a_text_box_is_a_text_of_its_own() -> None:
    box = f"<w:r><w:pict><w:txbxContent><w:p>{run('in side')}</w:p></w:txbxContent></w:pict></w:r>"
    content = document_of(run("one ") + box + run("two"))
    assert [segment.plain for segment in read(DOCX, content).segments] == ["one two", "in side"]
    assert "side in" in written(opened(turn(DOCX, content)).element.body)


@pytest.mark.parametrize(
    ("begin", "end"),
    [('<w:ins w:id="2" w:author="x">', "</w:ins>"), ('<w:hyperlink w:anchor="x">', "</w:hyperlink>")],
)
def test_spaces_stay_in_what_is_no_formatting(begin: str, end: str) -> None:
    """Whoever rejects an insertion rejects its spaces, and a link is as long as it was."""
    for content in (f"{begin}{run('   one two   ')}{end}", run("one two") + f"{begin}{run(' three ')}{end}"):
        outside = paragraph(content).xpath("./w:r/w:t/text()")
        assert not any(text.isspace() for text in outside)


def test_a_line_to_fill_in_keeps_its_line() -> None:
    underlined = '<w:u w:val="single"/>'
    for content in (run("one two ") + run("      ", underlined), run("      ", underlined) + run("one two ")):
        found = paragraph(content).xpath(".//w:r[w:rPr/w:u]/w:t/text()")
        assert found == ["      "]


def test_spaces_stay_as_many_as_they_are() -> None:
    """A first line that is indented by spaces, in whatever formatting, and columns that are set by them; not the lines
    of the file."""
    assert written(paragraph(run("     one two"))) == "     two one"
    assert written(paragraph(run("   one ") + run("two", "<w:b/>") + run("  "))) == "   two one  "
    assert (
        written(paragraph(run("    one", "<w:b/>") + run(" two three") + run("   ", "<w:b/>")))
        == "    three two one   "
    )
    assert written(paragraph(run("    ", "<w:i/>") + run("one ", "<w:b/>") + run("two three"))) == "    three two one"
    segments = read(DOCX, document_of(run("Name:          Date:"))).segments
    assert [each.text for each in segments] == ["Name:          Date:"]
    assert written(paragraph(run("one two ") + run("three   ", "<w:b/>"))) == "three two one   "
    assert written(paragraph(run("one two ") + run("   ", "<w:i/>") + run("three   ", "<w:b/>"))).endswith("one   ")
    assert written(paragraph(run("one\n    two"))) == "two one"
    columns = document_of(run("Name:", "<w:b/>") + run(" " * 40) + run("Date:", "<w:b/>"))
    assert [each.format for each in read(DOCX, columns).segments] == ["text"]
    filled = document_of(run("Name: ") + run("\u00a0" * 4, '<w:u w:val="single"/>') + run(" Date"))
    assert "<span" in read(DOCX, filled).segments[0].text
