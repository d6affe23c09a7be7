"""XML that strangers send: parsed without entities, network and document types, and written as it came."""

from __future__ import annotations

import contextlib
import re
from xml.parsers import expat

from lxml import etree
from lxml.etree import _Element as Element
from lxml.etree import _ElementTree as Tree

from service.documents.encoding import decode_exactly
from service.errors import InvalidRequestError

__all__ = ["Element", "Tree", "XmlFrame", "parse_xml", "write_xml"]

# All in front of the root.
_PROLOG = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
# How a file begins that declares UTF-16 and has no mark.
_UTF_16 = {"<".encode(name): name for name in ("utf-16-le", "utf-16-be")}
# How what may stand behind it begins and ends.
_MISC = (("<!--", "-->"), ("<?", "?>"))


class _DoctypeError(Exception):
    pass


class _PrologDoneError(Exception):
    pass


def parse_xml(content: bytes, what: str) -> Tree:
    """The tree. what: the file or the member that it is, for the message.

    Raises:
        InvalidRequestError: not well formed, nested too deeply, or with a document type, which may declare entities.
    """
    try:
        _refuse_doctype(content)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, strip_cdata=False)
        tree: Tree = etree.ElementTree(etree.fromstring(content, parser))
        return tree
    except _DoctypeError:
        raise InvalidRequestError("file", f"{what} has a document type, which is not allowed") from None
    except (etree.XMLSyntaxError, expat.ExpatError, ValueError, LookupError) as error:
        raise InvalidRequestError("file", f"{what} is no well-formed XML: {str(error)[:200]}") from error


def write_xml(tree: Tree) -> bytes:
    """The tree as XML, in the encoding that it came in."""
    info = tree.docinfo
    alone = info.standalone or None  # it is False where a declaration does not say so, too
    written = etree.tostring(tree, encoding=info.encoding or "UTF-8", xml_declaration=True, standalone=alone)
    assert isinstance(written, bytes)
    return written


class XmlFrame:
    """What a file of XML has around its root, and how its lines end: a parser does not keep that."""

    def __init__(self, content: bytes, tree: Tree) -> None:
        """tree: what was parsed of `content`. Raises InvalidRequestError where Python does not know its encoding."""
        declared = _UTF_16.get(content[:2], tree.docinfo.encoding)
        text, self._encoding = decode_exactly(content, declared, errors="xmlcharrefreplace")
        start = _PROLOG.match(text)
        assert start is not None
        self._before, self._after = start[0], text[_end_of_root(text) :]
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def written(self, tree: Tree) -> bytes:
        """The tree as a file, with what `content` had around it."""
        body = etree.tostring(tree.getroot(), encoding="unicode", with_tail=False)
        return self._encoding.encode(self._before + body.replace("\n", self._newline) + self._after)


def _end_of_root(text: str) -> int:
    """Where all of a file is done but space, comments and instructions."""
    end = len(text)
    while True:
        while text[end - 1].isspace():
            end -= 1
        # The text of a comment has no "--" in it.
        start = next((text.rfind(mark, 0, end) for mark, last in _MISC if text.endswith(last, 0, end)), None)
        if start is None:
            return end
        end = start


def _refuse_doctype(content: bytes) -> None:
    """By a parser that says so before it reads what is declared."""
    parser = expat.ParserCreate()

    def doctype(*_declared: object) -> None:
        raise _DoctypeError

    def element(*_element: object) -> None:
        raise _PrologDoneError

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    with contextlib.suppress(_PrologDoneError):
        parser.Parse(content, True)
