"""Presentations, OpenDocument and EPUB, made with their libraries where there are some."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from typing import Any

import pptx
import pytest
from lxml import etree
from odf import dc, draw, office, text
from odf.opendocument import OpenDocumentText, load
from odf.style import Style, TextProperties
from odf.teletype import extractText
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from service.documents.formats.epub import EPUB
from service.documents.formats.office import PPTX
from service.documents.formats.opendocument import ODT
from service.errors import InvalidRequestError
from tests.unit.service.documents.test_docx import members, saved
from tests.unit.service.documents.turning import read, turn

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def test_a_presentation_keeps_everything_but_its_words() -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "one two"
    frame = slide.placeholders[1].text_frame
    frame.text = "three and more "
    run = frame.paragraphs[0].add_run()
    run.text, run.font.bold = "four five", True
    frame.paragraphs[0].add_line_break()
    frame.paragraphs[0].add_run().text = "six seven"
    table = slide.shapes.add_table(1, 2, 0, 0, Inches(1), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "a b", "17"
    make_data: Any = CategoryChartData
    data = make_data()
    data.categories = ["not these"]
    data.add_series("nor this", (1,))
    chart = slide.shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, Inches(1), Inches(1), data).chart
    chart.has_title, chart.chart_title.text_frame.text = True, "c d"
    slide.notes_slide.notes_text_frame.text = "e f"
    content = saved(deck)
    turned = turn(PPTX, content)
    after: Any = pptx.Presentation(io.BytesIO(turned)).slides[0]
    assert after.shapes.title.text == "two one"
    paragraph = after.placeholders[1].text_frame.paragraphs[0]
    runs = [("five four", True), (" more and three", None), ("seven six", None)]
    assert [(r.text, r.font.bold) for r in paragraph.runs] == runs
    assert paragraph.text == "five four more and three\vseven six"
    cells = next(shape for shape in after.shapes if shape.has_table).table
    assert [cells.cell(0, column).text for column in (0, 1)] == ["b a", "17"]
    shown = next(shape for shape in after.shapes if shape.has_chart).chart
    assert shown.chart_title.text_frame.text == "d c"
    assert list(shown.plots[0].categories) == ["not these"]
    assert after.notes_slide.notes_text_frame.text == "f e"
    before, now = members(content), members(turned)
    assert list(before) == list(now)
    kinds = {name.split("/")[1] for name in before if before[name] != now[name]}
    assert kinds == {"slides", "notesSlides", "charts"}


def open_document() -> Any:
    document = OpenDocumentText()
    bold = Style(name="B", family="text")
    bold.addElement(TextProperties(fontweight="bold"))
    document.automaticstyles.addElement(bold)
    document.text.addElement(text.H(outlinelevel=1, text="one two"))
    paragraph = text.P(text="three ")
    paragraph.addElement(text.Span(stylename=bold, text="four five"))
    paragraph.addText(" six")
    note = text.Note(id="n", noteclass="footnote")
    note.addElement(text.NoteCitation(text="1"))
    body = text.NoteBody()
    body.addElement(text.P(text="a note"))
    note.addElement(body)
    paragraph.addElement(note)
    paragraph.addElement(text.LineBreak())
    paragraph.addText("seven eight")
    paragraph.addElement(text.Tab())
    paragraph.addElement(text.PageNumber(text="3"))
    document.text.addElement(paragraph)
    spaced = text.P()
    spaced.addElement(text.S(c=4))
    spaced.addText("nine")
    spaced.addElement(text.S(c=3))
    spaced.addText("ten")
    spaced.addElement(text.BookmarkStart(name="m"))
    spaced.addText(" eleven")
    spaced.addElement(text.BookmarkEnd(name="m"))
    document.text.addElement(spaced)
    frame = text.P()
    box = draw.TextBox()
    box.addElement(text.P(text="in side"))
    holder = draw.Frame(width="1cm", height="1cm")
    holder.addElement(box)
    frame.addElement(holder)
    document.text.addElement(frame)
    remark = office.Annotation()
    remark.addElement(dc.Creator(text="not her"))
    remark.addElement(text.P(text="re mark"))
    last = text.P(text="the end")
    last.addElement(remark)
    document.text.addElement(last)
    return document


def test_an_open_document_keeps_everything_but_its_words() -> None:
    content = saved(open_document())
    turned = turn(ODT, content)
    before, now = members(content), members(turned)
    assert list(before) == list(now)
    assert {name for name in before if before[name] != now[name]} == {"content.xml"}
    with zipfile.ZipFile(io.BytesIO(turned)) as archive:
        assert (archive.infolist()[0].filename, archive.infolist()[0].compress_type) == ("mimetype", zipfile.ZIP_STORED)
    after = load(io.BytesIO(turned)).text
    [heading], paragraphs = after.getElementsByType(text.H), after.getElementsByType(text.P)
    assert extractText(heading) == "two one"
    assert [extractText(each) for each in paragraphs][1:2] == ["note a"]
    spans = [(extractText(each), each.getAttribute("stylename")) for each in after.getElementsByType(text.Span)]
    assert spans == [("five four", "B")]
    [main] = (each for each in paragraphs if "three" in extractText(each))
    assert extractText(main).replace("1note a", "") == "six five four three\neight seven\t3"
    [spaced] = (each for each in paragraphs if "nine" in extractText(each))
    assert extractText(spaced) == "    eleven ten nine"
    assert {"side in", "mark re", "end thenot hermark re"} <= {extractText(each) for each in paragraphs}
    kinds = [Counter(each.tag for each in etree.fromstring(part["content.xml"]).iter()) for part in (before, now)]
    assert kinds[0] - kinds[1] == Counter({f"{TEXT}s": 1})  # three spaces between two words are one
    assert kinds[1] - kinds[0] == Counter()


@pytest.mark.parametrize("name", ["content.xml", "styles.xml"])
def test_an_open_document_that_is_not_translated_is_the_same_tree(name: str) -> None:
    content = saved(open_document())
    document = read(ODT, content)
    same = document.write([segment.text for segment in document.segments], "ru")
    before, now = (etree.tostring(etree.fromstring(members(each)[name]), method="c14n") for each in (content, same))
    assert now == before.replace(b'nine<text:s text:c="3">', b'nine <text:s text:c="2">')


@pytest.mark.parametrize(
    ("inside", "segments", "expected"),
    [
        (  # an entry of a table of contents
            "<text:a><text:span>1.</text:span><text:tab/>one <text:span>two</text:span><text:tab/>3</text:a>",
            ["one two"],
            "<text:a><text:span>1.</text:span><text:tab/><text:span>two</text:span> one<text:tab/>3</text:a>",
        ),
        (
            '<text:span text:style-name="b">one two<text:line-break/>three four</text:span> five',
            ["one two", "three four five"],
            '<text:span text:style-name="b">two one</text:span>'
            '<text:span text:style-name="b"><text:line-break/></text:span>'
            'five <text:span text:style-name="b">four three</text:span>',
        ),
        (  # a line to write on
            '<text:span text:style-name="u"><text:tab/></text:span>one two',
            ["one two"],
            '<text:span text:style-name="u"><text:tab/></text:span>two one',
        ),
    ],
)
def test_breaks_divide_texts_of_an_open_document_in_spans_too(inside: str, segments: list[str], expected: str) -> None:
    content = written_odt(inside)
    assert [segment.plain for segment in read(ODT, content).segments] == segments
    assert members(turn(ODT, content))["content.xml"].decode().endswith(f"<text:p>{expected}</text:p></text:x>")


@pytest.mark.parametrize("mark", ["change", "alphabetical-index-mark", "toc-mark", "user-index-mark"])
def test_marks_of_an_open_document_that_show_nothing_are_no_words(mark: str) -> None:
    (segment,) = read(ODT, written_odt(f"one <text:{mark}/>two")).segments
    assert segment.text == 'one <wbr id="0">two'


def test_texts_for_pictures_are_translated() -> None:
    svg = 'xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"'
    frame = f"<frame {svg}><svg:title>{{}}</svg:title><svg:desc>{{}}</svg:desc></frame>"
    turned = members(turn(ODT, written_odt("one two " + frame.format("a cat", "on a mat"))))["content.xml"].decode()
    assert frame.format("cat a", "mat a on") in turned
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    named = slide.shapes.add_shape(1, 0, 0, 9, 9)._element.nvSpPr.cNvPr
    named.set("descr", "a cat on\na mat")
    named.set("title", "12")
    (shape,) = pptx.Presentation(io.BytesIO(turn(PPTX, saved(deck)))).slides[0].shapes
    assert (shape._element.nvSpPr.cNvPr.get("descr"), shape._element.nvSpPr.cNvPr.get("title")) == (
        "mat a on cat a",
        "12",
    )
    assert shape.name == named.get("name")


def written_odt(paragraph: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        root = '<text:x xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
        archive.writestr("content.xml", f"{root}<text:p>{paragraph}</text:p></text:x>")
    return content.getvalue()


CHAPTER = """\
<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><head><title>one two</title><script src="x.js"/>
<style>p { color: red }</style></head><body>
<p id="p"><a id="a1"/>three <em>four five</em>&#160;six<br/>a &amp; b <img src="i.png" alt="a &quot;b&quot;"/></p>
<svg xmlns="http://www.w3.org/2000/svg"><text>not this</text></svg><hr/>
</body></html>
"""
CONTENTS = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><head><meta name="x" content="y"/></head>
<docTitle><text>a book</text></docTitle><docAuthor><text>Not Her</text></docAuthor>
<navMap><navPoint id="n"><navLabel><text>one two</text></navLabel><content src="c 1.xhtml"/></navPoint></navMap></ncx>
"""
PACKAGE = """\
<package xmlns="http://www.idpf.org/2007/opf"><metadata><dc:title xmlns:dc="http://purl.org/dc/elements/1.1/">not
this</dc:title></metadata><manifest><item href="c%201.xhtml" media-type="application/xhtml+xml" id="c"/>
<item href="toc.ncx" media-type="application/x-dtbncx+xml" id="t"/><item href="i.png" media-type="image/png" id="i"/>
</manifest></package>
"""
CONTAINER = """\
<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/x.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"""


@pytest.mark.parametrize(
    ("names", "message"), [(set(), "there is no mimetype in it"), ({"mimetype"}, "its mimetype says")]
)
def test_an_archive_that_is_no_open_document_is_refused(names: set[str], message: str) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "application/zip")
    with pytest.raises(InvalidRequestError, match=f"file: not an OpenDocument text or presentation: {message}"):
        read(ODT, content.getvalue())


def epub(**more: str) -> bytes:
    parts = {"META-INF/container.xml": CONTAINER, "OEBPS/x.opf": PACKAGE, "OEBPS/toc.ncx": CONTENTS}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        for name, part in {**parts, "OEBPS/c 1.xhtml": CHAPTER, **more}.items():
            archive.writestr(name, part, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def test_a_book_keeps_everything_but_its_words() -> None:
    content = epub()
    turned = turn(EPUB, content, lambda word: word.replace("six", "six\u00a0x"))
    before, now = members(content), members(turned)
    assert list(before) == list(now)
    assert {name for name in before if before[name] != now[name]} == {"OEBPS/c 1.xhtml", "OEBPS/toc.ncx"}
    chapter = now["OEBPS/c 1.xhtml"].decode()
    assert '<p id="p"><a id="a1"></a>' in chapter
    assert "<em>five four</em> three<br/>b &amp; a" in chapter
    assert "<text>not this</text>" in chapter
    assert '<img src="i.png" alt="&quot;b&quot; a"/>' in chapter
    shapes = []
    for part in (before, now):
        tree = etree.fromstring(part["OEBPS/c 1.xhtml"])
        shapes.append([(each.tag, {**each.attrib, "alt": ""}) for each in tree.iter()])
    assert shapes[0] == shapes[1]
    labels = [each.text for each in etree.fromstring(now["OEBPS/toc.ncx"]).iter("{*}text")]
    assert labels == ["book a", "Not Her", "two one"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"META-INF/encryption.xml": '<x><CipherReference URI="OEBPS/c%201.xhtml"/></x>'}, "protected against copying"),
        ({"META-INF/container.xml": "<container"}, "META-INF/container.xml is no well-formed XML"),
        ({"OEBPS/c 1.xhtml": '<!DOCTYPE html [<!ENTITY a "b">]><html/>'}, "declares entities"),
        ({"OEBPS/x.opf": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}, "OEBPS/x.opf has a document type"),
        ({"OEBPS/c 1.xhtml": "<?xml version='1.0' encoding='hex'?><p/>"}, "its encoding 'hex' is not known"),
    ],
)
def test_a_book_that_cannot_be_read_is_refused(more: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"file: .*{message}"):
        read(EPUB, epub(**more))


def test_a_book_with_encrypted_fonts_is_read() -> None:
    fonts = {"META-INF/encryption.xml": '<x><CipherReference URI="OEBPS/font.otf"/></x>'}
    assert len(read(EPUB, epub(**fonts)).segments) == 6
