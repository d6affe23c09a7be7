"""Terms from TSV, CSV and TBX; what is wrong with a file is said with its line."""

from __future__ import annotations

import pytest

from service.errors import InvalidRequestError
from service.text.glossary_files import read_terms

TBX = """<?xml version="1.0"?>
<!-- ours -->
<tbx type="TBX-Basic" xml:lang="en" xmlns="urn:iso:std:iso:30042:ed-2"><text><body>
  <conceptEntry id="1">
    <langSec xml:lang="en-GB"><termSec><term>hard
      disk</term></termSec><termSec><term>HDD</term></termSec></langSec>
    <langSec xml:lang="ru"><termSec><term>жёсткий диск</term></termSec>
      <termSec><term>винчестер</term></termSec></langSec>
  </conceptEntry>
  <conceptEntry id="2"><langSec xml:lang="en"><termSec><term>lonely</term></termSec></langSec></conceptEntry>
</body></text></tbx>"""
MARTIF = """<martif type="TBX"><text><body><termEntry><langSet xml:lang="en"><tig><term>file</term></tig></langSet>
<langSet xml:lang="ru"><ntig><termGrp><term>файл*</term></termGrp></ntig></langSet></termEntry>
</body></text></martif>"""


def pairs(content: str | bytes, kind: str) -> list[tuple[str, str]]:
    data = content.encode() if isinstance(content, str) else content
    return [(term.source, term.target) for term in read_terms(data, kind, "en", "ru")]


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (
            "\ufefffile\tфайл\r\nhard disk\tжёсткий диск\tignored\r\n\r\n",
            "tsv",
            ["file=файл", "hard disk=жёсткий диск"],
        ),
        ("source\ttarget\nfile\tфайл", "tsv", ["file=файл"]),
        ("EN\tRU\nfile\tфайл", "tsv", ["file=файл"]),
        ('say "hi"\tскажи', "tsv", ['say "hi"=скажи']),
        ('"Smith, J.","Смит, Дж."\nfile,файл', "csv", ["Smith, J.=Смит, Дж.", "file=файл"]),
        (TBX, "tbx", ["hard disk=жёсткий диск|винчестер", "HDD=жёсткий диск|винчестер"]),
        (MARTIF, "tbx", ["file=файл*"]),
    ],
)
def test_what_is_read(content: str, kind: str, expected: list[str]) -> None:
    assert ["=".join(pair) for pair in pairs(content, kind)] == expected


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("file\tфайл\nalone", "tsv", "line 2: 'alone' has one column; allowed: source and target"),
        ("file\t\n", "tsv", "line 1: glossary.target: '' is no term"),
        ("%s files\tx", "tsv", "line 1: glossary.source: '%s files' has the placeholder '%s'"),
        (b"\xff\xfe", "tsv", "is not UTF-8: .* at byte 0"),
        ('a,"b', "csv", "line 1: unexpected end of data"),
        ("<tbx>", "tbx", "is not well-formed XML"),
        ("<html/>", "tbx", "its root element is 'html'; allowed: 'tbx', 'martif'"),
    ],
)
def test_what_is_wrong_is_said(content: str | bytes, kind: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        pairs(content, kind)


def test_entities_are_neither_expanded_nor_fetched() -> None:
    bomb = '<!DOCTYPE tbx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + TBX.partition("?>")[2].replace(
        "HDD", "&b;"
    ).replace("hard\n", "&b;\n")
    assert all("aaa" not in source for source, _target in pairs(bomb, "tbx"))
