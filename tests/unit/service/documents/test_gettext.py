"""PO files: messages without a translation get one, and every other line stays."""

from __future__ import annotations

from pathlib import Path

import polib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.documents.formats.gettext import GETTEXT
from service.documents.formats.po_lines import lines_of, messages_of
from service.errors import InvalidRequestError
from tests.unit.service.documents.turning import read, turn, turn_text

PO = """\
# A translator's comment
msgid ""
msgstr ""
"Project-Id-Version: x\\n"
"Content-Type: text/plain; charset=ISO-8859-1\\n"

#. note
#: a.c:1
#, c-format
msgctxt "menu"
msgid "open %s"
msgstr ""

msgid "one caf\xe9\\n"
msgstr ""

#, fuzzy
msgid "two three"
msgstr "x"

msgid "done"
msgstr "ready"

msgid "%d file here"
msgid_plural "%d files here"
msgstr[0] ""
msgstr[1] ""

#~ msgid "old"
#~ msgstr ""
"""


def test_gettext_gets_the_messages_that_are_missing(tmp_path: Path) -> None:
    turned = turn(GETTEXT, PO.encode("latin-1"), lambda word: word.replace("open", "открыть"))
    (tmp_path / "a.po").write_bytes(turned)
    before, after = polib.pofile(PO), polib.pofile(str(tmp_path / "a.po"))
    assert [entry.msgstr for entry in after] == ["%s открыть", "café one\n", "x", "ready", "", ""]
    assert dict(after[4].msgstr_plural) == {0: "here file %d", 1: "here files %d", 2: "here files %d"}
    kept = ("msgid", "msgctxt", "comment", "occurrences", "flags", "obsolete")
    assert [[getattr(e, name) for name in kept] for e in after] == [[getattr(e, name) for name in kept] for e in before]
    assert after.header == before.header
    assert (after.metadata["Language"], after.metadata["Content-Type"]) == ("ru", "text/plain; charset=UTF-8")
    assert after.metadata["Plural-Forms"].startswith("nplurals=3")
    assert b"\r\n" not in turned
    assert turn(GETTEXT, PO.replace("\n", "\r\n").encode("latin-1")).count(b"\r\n") > 30


def test_gettext_keeps_every_line_but_those_of_missing_translations() -> None:
    long = "word " * 30
    text = (
        '# top\nmsgid ""\nmsgstr ""\n"Language: ru\\n"\n"Plural-Forms: nplurals=2; plural=0;\\n"\n\n#~ msgid "gone"\n'
        f'#~ msgstr "weg"\n\nmsgid "{long}end\\n\\"more\\""\nmsgstr  ""\n\n\nmsgid "a"\nmsgid_plural "b c"\n'
        'msgstr[0] ""\nmsgid "open"\nmsgstr ""\n#~| msgid "older"\n#~ msgid "old"\n#~ msgstr ""\n# the end'
    )
    assert turn_text(GETTEXT, text).split("\n") == [
        *text.split("\n")[:10],
        'msgstr ""',
        '"\\"more\\" end' + " word" * 13 + ' "',
        '"' + "word " * 15 + '"',
        '"word word"',
        *text.split("\n")[11:15],
        'msgstr[0] "a"',
        'msgstr[1] "c b"',
        'msgid "open"',
        'msgstr "open"',
        *text.split("\n")[18:],
    ]


def test_a_fuzzy_message_that_is_obsolete_says_nothing_of_the_next() -> None:
    old = '#~ msgctxt "menu"\n#~ msgid "old"\n#~ msgstr "x"\n\n'
    new = 'msgid "one two"\nmsgstr ""\n\nmsgid "three"\nmsgstr ""\n'
    for flags in ("#, fuzzy", "#, fuzzy, c-format", '#, fuzzy\n#~| msgid "older"'):
        assert [segment.text for segment in read(GETTEXT, f"{flags}\n{old}{new}").segments] == ["one two", "three"]
        assert [segment.text for segment in read(GETTEXT, f"{old}#, fuzzy\n\n# of it\n{new}").segments] == ["three"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('msgid "a"\nmsgid "b"\nmsgstr ""', 2),
        ('msgid "a"\nmsgstr ""\nmsgstr ""', 3),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr ""', 3),
        ('msgid "a"\nmsgstr[0] ""', 2),
        ('msgctxt "a"\nmsgstr ""', 2),
        ('msgid "a"', 1),
        ('msgid "a"\n# b\n"c"\nmsgstr ""', 3),
    ],
)
def test_gettext_messages_that_are_not_whole_are_refused(text: str, line: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"file: not a PO file, at line {line}: "):
        read(GETTEXT, text)


def test_a_template_says_its_encoding_when_it_has_a_translation(tmp_path: Path) -> None:
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=CHARSET\\n"\n'
    (tmp_path / "a.po").write_bytes(turn(GETTEXT, header + '\nmsgid "a b"\nmsgstr ""\n', lambda word: "ш" + word))
    after = polib.pofile(str(tmp_path / "a.po"))
    assert after.metadata == {"Content-Type": "text/plain; charset=UTF-8", "Language": "ru"}
    assert after[0].msgstr == "шb шa"


def test_a_header_in_one_line_declares_the_encoding() -> None:
    header = 'msgid ""\nmsgstr "Language: ru\\nContent-Type: text/plain; charset=ISO-8859-1\\n"\n\n'
    turned = turn(GETTEXT, (header + 'msgid "a café"\nmsgstr ""\n').encode("latin-1")).decode()
    assert turned.endswith('"Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "a café"\nmsgstr "café a"\n')


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("field", ["", '"Content-Type: text/plain; charset=UTF-8\\n"\n'])
def test_only_a_header_declares_an_encoding(field: str, newline: str) -> None:
    header = f'# Content-Type: charset=koi8-r\nmsgid ""\nmsgstr ""\n{field}"Language: ru\\n"\n\n'
    text = header + 'msgid "a café"\nmsgstr ""\n\nmsgid "Content-Type: charset=iso-8859-1"\nmsgstr ""\n'
    turned = turn(GETTEXT, text.replace("\n", newline)).decode()
    assert f'msgid "a café"{newline}msgstr "café a"{newline}' in turned


def test_the_names_of_translators_are_left_to_them() -> None:
    text = 'msgid "translator-credits"\nmsgstr ""\n\nmsgctxt "NAME OF TRANSLATORS"\nmsgid "Your names"\nmsgstr ""\n\n'
    assert [segment.text for segment in read(GETTEXT, text + 'msgid "Your names"\nmsgstr ""\n').segments] == [
        "Your names"
    ]


def test_a_gettext_file_without_a_header_gets_one() -> None:
    assert turn_text(GETTEXT, 'msgid "a b"\nmsgstr ""\n') == (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Language: ru\\n"\n\n'
        'msgid "a b"\nmsgstr "b a"\n'
    )


def test_a_gettext_file_is_never_taken_for_the_name_of_one(tmp_path: Path) -> None:
    secret = tmp_path / "secret.po"
    secret.write_text('msgid "very secret"\nmsgstr ""\n')
    for content in (str(secret), f"{secret}\n", "msgid x", 'msgid "a\n', "\0", 'msgstr "b"'):
        with pytest.raises(InvalidRequestError, match="file: not a PO file") as caught:
            read(GETTEXT, content)
        assert "very" not in str(caught.value)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])) | st.text(alphabet='ab \n\t\\"', max_size=300))
def test_a_string_is_read_as_it_was_written(text: str) -> None:
    lines = "\n".join(['msgid "x"', *lines_of("msgstr", text)]).split("\n")
    (message,) = messages_of(lines)
    assert message.texts["msgstr"] == text
