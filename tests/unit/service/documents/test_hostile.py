"""Documents that are made to harm: each is refused with what is wrong, before it costs much."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from service.documents.document import Document
from service.documents.limits import DocumentLimits
from service.documents.reading import DOCUMENT_FORMATS, read_document
from service.errors import InvalidRequestError, RequestTooLargeError
from tests.unit.service.documents.turning import translate

TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override '
    'PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/></Types>'
)
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
DOCUMENT = f"<w:document {W}><w:body><w:p><w:r><w:t>one two</w:t></w:r></w:p></w:body></w:document>"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + f"]><w:document {W}><w:body><w:p><w:r><w:t>&j;</w:t></w:r></w:p></w:body></w:document>"
)
OUTSIDE = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><w:document {W}><w:t>&a;</w:t></w:document>'
SMALL = DocumentLimits(members=20, unpacked_bytes=3_000_000, part_bytes=1_000_000)


def docx(document: str = DOCUMENT, more: Mapping[str, bytes] | None = None) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("word/document.xml", document)
        for name, part in (more or {}).items():
            archive.writestr(name, part)
    return content.getvalue()


def read(content: bytes, name: str = "a.docx", limits: DocumentLimits = SMALL) -> Document:
    return read_document(name, content, limits)


def refused(content: bytes, name: str) -> str:
    """Why; empty if it was translated."""
    try:
        document = read(content, name)
        document.write(translate(document.segments), "ru")
    except (InvalidRequestError, RequestTooLargeError) as error:
        return str(error)
    return ""


def flagged(content: bytes, flag: int) -> bytes:
    """With a flag set in the directory's entry of the second member."""
    place = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4) + 8
    return content[:place] + struct.pack("<H", flag) + content[place + 2 :]


def lying(content: bytes, size: int) -> bytes:
    """With another unpacked size in the directory's entry of the second member."""
    place = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4) + 24
    return content[:place] + struct.pack("<I", size) + content[place + 4 :]


def test_what_is_attacked_below_is_read_otherwise() -> None:
    assert [segment.text for segment in read(docx()).segments] == ["one two"]


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    zeros = docx(more={"bomb": bytes(2_500_000)})
    with pytest.raises(RequestTooLargeError, match=r"file: .* times its size is what 'bomb' unpacks to"):
        read(zeros)
    with pytest.raises(RequestTooLargeError, match=r"file: .* bytes when unpacked; allowed: at most 3000000"):
        read(docx(more={f"part{n}": bytes(range(256)) * 3000 for n in range(5)}))
    with pytest.raises(RequestTooLargeError, match=r"file: 32 members in the archive; allowed: at most 20"):
        read(docx(more={f"part{n}": b"" for n in range(30)}))
    with pytest.raises(RequestTooLargeError, match=r"file: .* bytes in 'word/document\.xml'; allowed: at most 1000000"):
        read(docx(DOCUMENT + " " * 1_000_000), limits=replace(SMALL, ratio=100_000))


def test_an_archive_that_lies_about_its_size_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"file: (not a whole ZIP archive|damaged)"):
        read(lying(docx(), 1))


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "C:/x", "..\\x"])
def test_a_member_whose_name_leads_out_of_the_archive_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"file: the name of .* leads out of the archive"):
        read(docx(more={name: b""}))


def test_a_document_that_is_encrypted_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"file: 'word/document\.xml' in it is encrypted"):
        read(flagged(docx(), 1))
    office = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(5000)
    for name in ("a.docx", "a.pptx", "a.odt"):
        with pytest.raises(InvalidRequestError, match=r"file: encrypted, or of an old Office format"):
            read(office, name)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("META-INF/manifest.xml", "<m:manifest xmlns:m='x'><m:encryption-data/></m:manifest>")
        archive.writestr("content.xml", b"\x00\x01")
    with pytest.raises(InvalidRequestError, match=r"file: encrypted; allowed: without a password"):
        read(content.getvalue(), "a.odt")


def test_a_document_type_is_refused_before_its_entities_are_read() -> None:
    started = time.monotonic()
    for document in (LAUGHS, OUTSIDE, LAUGHS.encode("utf-16").decode("latin-1")):
        with pytest.raises(
            InvalidRequestError, match=r"file: word/document\.xml (has a document type|is no well-formed)"
        ):
            read(docx(document))
    for name, content in (("a.xlf", LAUGHS), ("a.xliff", OUTSIDE)):
        with pytest.raises(InvalidRequestError, match=r"file: the file has a document type"):
            read(content.encode(), name)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("name", [suffix for each in DOCUMENT_FORMATS for suffix in each.suffixes])
def test_what_is_broken_is_refused_or_read_and_never_an_error_of_ours(name: str) -> None:
    whole = docx()
    cut = [whole[: len(whole) * part // 7] for part in range(8)]
    changed = [whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :] for at in range(0, len(whole), 37)]
    for content in [*cut, *changed, b"", b"\0" * 100, b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\xff\xfe\x00", b"<"]:
        problem = refused(content, f"a{name}")
        assert problem.startswith("file: ") or not problem


def nested(start: str, end: str, depth: int) -> str:
    return start * depth + "one two" + end * depth


LINK = "<w:hyperlink><w:r><w:t>a b</w:t></w:r>"
DEEP: dict[str, Callable[[int], bytes]] = {
    "a.html": lambda depth: nested("<b>", "</b>", depth).encode(),
    "b.html": lambda depth: nested("<div><i>x ", "</i></div>", depth).encode(),
    "a.md": lambda depth: nested("> ", "", depth).encode(),
    "b.md": lambda depth: nested("*x **y", "** z*", depth).encode(),
    "c.md": lambda depth: nested("[", "](u)", depth).encode(),
    "a.srt": lambda depth: ("0:0:0 --> 0:0:1\n" + nested("<b>", "</b>", depth)).encode(),
    "a.json": lambda depth: nested('["a b",', "", depth).replace("one two", '"x y"' + "]" * depth).encode(),
    "a.docx": lambda depth: docx(f"<w:document {W}><w:p>{LINK * depth}{'</w:hyperlink>' * depth}</w:p></w:document>"),
    "a.xlf": lambda depth: (
        '<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2"><file><trans-unit><source>'
        + nested("<g>a b", "</g>", depth)
        + "</source></trans-unit></file></xliff>"
    ).encode(),
}


@pytest.mark.parametrize("name", DEEP)
@pytest.mark.parametrize("depth", [20, 240, 3000])
def test_what_is_nested_deeply_is_refused_or_kept(name: str, depth: int) -> None:
    problem = refused(DEEP[name](depth), name)
    assert problem.startswith("file: ") or not problem


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"a\n" * 60_000),
        ("a.json", b"[" + b'"a",' * 60_000 + b"1]"),
        ("a.srt", b"0:0:0 --> 0:0:1\na\n\n" * 60_000),
        ("a.xlf", f'<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2"><s>{"<a/>" * 300_000}</s></xliff>'.encode()),
        ("a.html", b"<b>" * 1_000_000),
        ("a.md", b"*a " * 10_000),
        ("a.docx", docx(f"<w:document {W}><w:p>{'<w:r><w:t>a</w:t></w:r>' * 25_000}</w:p></w:document>")),
        ("a.txt", b"a" * 100_001),
    ],
)
def test_too_much_of_anything_is_refused_with_what_is_allowed(name: str, content: bytes) -> None:
    with pytest.raises(RequestTooLargeError, match=r"file: \d+ .*; allowed: at most \d+"):
        read(content, name, DocumentLimits(part_bytes=1_000_000))
