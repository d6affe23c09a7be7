"""XML that strangers send: parsed without entities, network and document types, and written as it came."""

from __future__ import annotations

import contextlib
from xml.parsers import expat

from lxml import etree
from lxml.etree import _Element as Element
from lxml.etree import _ElementTree as Tree

from service.errors import InvalidRequestError

__all__ = ["Element", "Tree", "parse_xml", "write_xml"]


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
