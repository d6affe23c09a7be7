"""The TMX reader: units, languages, inline markup, and files that mean harm."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from training.corpora.errors import CorpusError
from training.corpora.pair import BadLine, SentencePair
from training.corpora.tmx import read_tmx


def tmx(body: str, *, doctype: str = '<!DOCTYPE tmx SYSTEM "tmx14.dtd">') -> str:
    return f'<?xml version="1.0"?>\n{doctype}<tmx version="1.4"><header srclang="en"/><body>{body}</body></tmx>'


def unit(left: str, right: str) -> str:
    return (
        f'<tu><prop>x</prop><tuv xml:lang="en-US"><note>n</note><seg>{left}</seg></tuv>'
        f'<tuv xml:lang="RU"><seg>{right}</seg></tuv></tu>\n'
    )


def read(tmp_path: Path, text: str) -> list[SentencePair | BadLine]:
    path = tmp_path / "x.tmx"
    path.write_text(text, encoding="utf-8")
    return list(read_tmx(path, "en", "ru"))


def test_reads_units_in_order(tmp_path: Path) -> None:
    assert read(tmp_path, tmx(unit("a &lt; b", "а") + unit("c", "ц"))) == [
        SentencePair("a < b", "а"),
        SentencePair("c", "ц"),
    ]


def test_the_old_lang_attribute_and_a_namespace_are_read(tmp_path: Path) -> None:
    pair = '<tu><tuv lang="EN"><seg>a</seg></tuv><tuv lang="ru"><seg>б</seg></tuv></tu>'
    text = f'<tmx xmlns="urn:x"><body>{pair}</body></tmx>'
    assert read(tmp_path, text) == [SentencePair("a", "б")]


def test_every_variant_pairs_with_every_other(tmp_path: Path) -> None:
    body = "".join(
        f'<tuv xml:lang="{code}"><seg>{text}</seg></tuv>'
        for code, text in [("en-GB", "colour"), ("ru", "цвет"), ("en-US", "color"), ("de", "Farbe")]
    )
    assert read(tmp_path, tmx(f"<tu>{body}</tu>")) == [SentencePair("colour", "цвет"), SentencePair("color", "цвет")]


def test_a_unit_without_a_language_is_a_bad_line(tmp_path: Path) -> None:
    found = read(tmp_path, tmx('<tu><tuv xml:lang="en"><seg>a</seg></tuv></tu>' + unit("b", "б")))
    assert found == [BadLine(f"{tmp_path / 'x.tmx'}:2 unit 1", "missing_language"), SentencePair("b", "б")]


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ("<bpt i='1'>&lt;b></bpt>W<ept i='1'>&lt;/b></ept>ord", "Word"),
        ("one <ph>{1}<sub>title</sub></ph> two", "one two"),
        ("one<ph type='lb'/>two", "one two"),
        ("a <hi>high<it pos='begin'>x</it>light</hi>ed", "a highlighted"),
        ("<!-- c -->a\n   b<?pi x?> c", "a b c"),
        ("<![CDATA[x < y & z]]>", "x < y & z"),
        (" a\u00a0b ", "a\u00a0b"),
        ("", ""),
    ],
)
def test_markup_is_left_out_and_text_kept(tmp_path: Path, segment: str, text: str) -> None:
    assert read(tmp_path, tmx(unit(segment, "x"))) == [SentencePair(text, "x")]


def test_packed_files_and_utf_16_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.tmx.gz").write_bytes(gzip.compress(tmx(unit("a", "б")).encode()))
    (tmp_path / "y.tmx").write_bytes(tmx(unit("a", "б")).replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16"))
    for name in ("x.tmx.gz", "y.tmx"):
        assert list(read_tmx(tmp_path / name, "en", "ru")) == [SentencePair("a", "б")]


def test_own_entities_are_neither_expanded_nor_loaded(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    doctype = f'<!DOCTYPE tmx [<!ENTITY own "text"><!ENTITY out SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
    found = read(tmp_path, tmx(unit("a &own; b", "x") + unit("&out;", "x") + unit("b", "б"), doctype=doctype))
    assert [item if isinstance(item, SentencePair) else item.reason for item in found] == [
        "undefined_entity",
        "undefined_entity",
        SentencePair("b", "б"),
    ]


def bomb() -> str:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 13))
    return f'<!DOCTYPE tmx [<!ENTITY e0 "boom boom boom">{levels}]>'


@pytest.mark.parametrize("body", [unit("&e12;", "x"), '<tu tuid="&e12;"></tu>'])
def test_an_entity_bomb_does_not_go_off(tmp_path: Path, body: str) -> None:
    with pytest.raises(CorpusError, match="entity"):
        read(tmp_path, tmx(body, doctype=bomb()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (tmx(unit("a", "б"))[:-20], "not well-formed"),
        ("", "not well-formed"),
        ("<html><tu/></html>", "is no TMX"),
    ],
)
def test_what_is_no_tmx_is_an_error_that_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=rf"x\.tmx: {message}"):
        read(tmp_path, text)
