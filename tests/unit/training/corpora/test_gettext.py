"""The gettext reader: what gives pairs, what does not and why, plurals, contexts, both file kinds."""

from __future__ import annotations

from pathlib import Path

import polib
import pytest

from training.corpora.errors import CorpusError
from training.corpora.gettext import read_gettext
from training.corpora.pair import BadLine, SentencePair

RUSSIAN = "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);"
ARABIC = "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5;"


def write(path: Path, *entries: polib.POEntry, language: str = "ru", plural: str = RUSSIAN) -> Path:
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Language": language, "Plural-Forms": plural}
    catalogue.extend(entries)
    if path.suffix == ".mo":
        catalogue.save_as_mofile(str(path))
    else:
        catalogue.save(str(path))
    return path


def reasons(path: Path) -> list[str]:
    return [item.reason for item in read_gettext(path, "ru") if isinstance(item, BadLine)]


@pytest.mark.parametrize("name", ["x.po", "x.mo"])
def test_reads_entries_without_their_context(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path / name,
        polib.POEntry(msgid="Open", msgstr="Открыть", msgctxt="verb"),
        polib.POEntry(msgid="Open", msgstr="Открыт", msgctxt="adjective"),
        polib.POEntry(msgid="Close", msgstr="Закрыть"),
    )
    assert set(read_gettext(path, "ru")) == {
        SentencePair("Open", "Открыть"),
        SentencePair("Open", "Открыт"),
        SentencePair("Close", "Закрыть"),
    }


def test_useless_entries_are_bad_lines_at_their_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.po",
        polib.POEntry(msgid="a", msgstr="а", flags=["fuzzy"]),
        polib.POEntry(msgid="b", msgstr=""),
        polib.POEntry(msgid="c", msgid_plural="cs", msgstr_plural={0: "ц", 1: "", 2: "ц"}),
        polib.POEntry(msgid="d", msgstr="д", obsolete=True),
        polib.POEntry(msgid="e", msgstr="е"),
    )
    assert [item for item in read_gettext(path, "ru") if isinstance(item, SentencePair)] == [SentencePair("e", "е")]
    assert sorted(reasons(path)) == ["fuzzy", "obsolete", "untranslated", "untranslated"]
    first = next(item for item in read_gettext(path, "ru") if isinstance(item, BadLine))
    line = int(first.where.removeprefix(f"{path}:").removesuffix(" 'a'"))
    assert path.read_text(encoding="utf-8").splitlines()[line - 1 : line + 1] == ["#, fuzzy", 'msgid "a"']


@pytest.mark.parametrize("name", ["x.po", "x.mo"])
def test_the_form_for_one_is_the_singulars_and_the_others_are_the_plurals(tmp_path: Path, name: str) -> None:
    forms = {0: "%d файл", 1: "%d файла", 2: "%d файлов"}
    path = write(tmp_path / name, polib.POEntry(msgid="%d file", msgid_plural="%d files", msgstr_plural=forms))
    assert list(read_gettext(path, "ru")) == [
        SentencePair("%d file", "%d файл"),
        SentencePair("%d files", "%d файла"),
        SentencePair("%d files", "%d файлов"),
    ]


def test_the_header_says_which_form_is_for_one(tmp_path: Path) -> None:
    forms = {number: f"form {number}" for number in range(6)}
    entry = polib.POEntry(msgid="one", msgid_plural="many", msgstr_plural=forms)
    pairs = list(read_gettext(write(tmp_path / "x.po", entry, plural=ARABIC), "ru"))
    assert pairs[0] == SentencePair("one", "form 1")
    assert pairs[1:] == [SentencePair("many", f"form {number}") for number in (0, 2, 3, 4, 5)]


@pytest.mark.parametrize(
    "plural", ["", "nplurals=3; plural=n/0", "nplurals=3; plural=import os", "nplurals=2; plural=n!=1"]
)
def test_plurals_under_a_useless_header_are_bad_lines(tmp_path: Path, plural: str) -> None:
    entry = polib.POEntry(msgid="a", msgid_plural="as", msgstr_plural={0: "x", 1: "y", 2: "z"})
    assert reasons(write(tmp_path / "x.po", entry, plural=plural)) == ["unknown_plural"]


def test_paragraphs_pair_where_both_sides_have_as_many(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.po",
        polib.POEntry(msgid="First\nline.\n \nSecond.\n", msgstr="Первая \n  строка.\n\n\nВторая.\n"),
        polib.POEntry(msgid="a\n\nb", msgstr="а"),
    )
    assert list(read_gettext(path, "ru"))[:2] == [
        SentencePair("First line.", "Первая строка."),
        SentencePair("Second.", "Вторая."),
    ]
    assert reasons(path) == ["paragraphs_differ"]


@pytest.mark.parametrize(
    ("language", "expected"), [("de_DE", ["other_language"]), ("ru_RU", []), ("", []), ("Russian", [])]
)
def test_a_catalogue_in_another_language_gives_bad_lines(tmp_path: Path, language: str, expected: list[str]) -> None:
    assert reasons(write(tmp_path / "x.po", polib.POEntry(msgid="a", msgstr="b"), language=language)) == expected


@pytest.mark.parametrize("name", ["x.po", "x.mo", "x.mo.cut", "x.txt"])
def test_what_is_no_catalogue_is_an_error_that_names_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name.removesuffix(".cut")
    if name.endswith(".cut"):
        path.write_bytes(write(path, polib.POEntry(msgid="a", msgstr="b")).read_bytes()[:31])
    else:
        path.write_bytes(b'msgid "a\nmsgstr b\n\xff\xfe')
    with pytest.raises(CorpusError, match=path.name):
        list(read_gettext(path, "ru"))


@pytest.mark.parametrize("line", ['msgid "Open', 'msgid Open"', 'msgid ""\n"Open', 'msgid "'])
def test_a_string_that_lacks_a_quote_is_refused_and_loses_no_letter(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.po"
    path.write_text(f'msgid "Close"\nmsgstr "Закрыть"\n\n{line}\nmsgstr "Открыть"\n', encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"x\.po: not a gettext catalogue: line {4 + line.count(chr(10))}: a string"):
        list(read_gettext(path, "ru"))


def test_quotes_within_a_string_and_strings_on_lines_of_their_own_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.po"
    path.write_bytes(b'\xef\xbb\xbfmsgid ""\r\n\t"Press \\"Save\\""\r\nmsgstr "x \\"y\\""\r\n#~ msgid "old\r\n')
    assert SentencePair('Press "Save"', 'x "y"') in list(read_gettext(path, "ru"))
