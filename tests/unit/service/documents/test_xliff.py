"""XLIFF: units without a translation get one; inline codes are paired as their sources were."""

from __future__ import annotations

import pytest
from lxml import etree

from service.documents.formats.xliff import XLIFF
from service.errors import InvalidRequestError
from tests.unit.service.documents.turning import read, turn

ONE = """\
<?xml version="1.0" encoding="UTF-8"?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
 <file original="a" source-language="en" datatype="html">
  <body>
   <trans-unit id="plain"><source>one two</source><note>not this</note></trans-unit>
   <trans-unit id="g"><source>three <g id="1">four five</g> <x id="2"/></source><target/></trans-unit>
   <trans-unit id="pair"><source>a <bpt id="1">&lt;b&gt;</bpt>b c<ept id="1">&lt;/b&gt;</ept> d</source></trans-unit>
   <trans-unit id="angular"><source><x id="START_B"/>e f<x id="CLOSE_B"/> <x id="INTERPOLATION"/></source></trans-unit>
   <trans-unit id="new"><source>g h</source><target state="new">g h</target></trans-unit>
   <trans-unit id="cut"><source>i j. k l.</source><seg-source><mrk mtype="seg" mid="1">i j.</mrk> <mrk mtype="seg"
     mid="2">k l.</mrk></seg-source></trans-unit>
   <trans-unit id="places"><source>o p. q.</source><seg-source><mrk mtype="seg" mid="1">o p.</mrk> <mrk mtype="seg"
     mid="2">q.</mrk></seg-source><target><mrk mtype="seg" mid="1"/> <mrk mtype="seg" mid="2"/></target></trans-unit>
   <trans-unit id="code"><source>{0}</source></trans-unit>
   <trans-unit id="done"><source>m n</source><target state="translated">ready</target></trans-unit>
   <trans-unit id="approved" approved="yes"><source>m n</source><target/></trans-unit>
   <group translate="no"><trans-unit id="no"><source>m n</source></trans-unit></group>
  </body>
 </file>
</xliff>
"""
TWO = """\
<xliff version="2.0" srcLang="en" xmlns="urn:oasis:names:tc:xliff:document:2.0"><file id="f">
<unit id="u"><segment id="s"><source>one <pc id="1">two three</pc> <ph id="2"/></source></segment>
<ignorable><source> </source></ignorable>
<segment state="final"><source>a b</source><target>ready</target></segment>
<segment><source>c <sc id="3"/>d e<ec startRef="3"/> f</source></segment></unit>
<unit id="n" translate="no"><segment><source>g h</source></segment></unit>
</file></xliff>
"""


def targets(content: bytes) -> dict[str, str]:
    """What is in each target, as XML, by the id of its unit."""
    found = {}
    for target in etree.fromstring(content).iter("{*}target"):
        unit = next(each for each in target.iterancestors() if each.get("id"))
        xml = etree.tostring(target, encoding="unicode", with_tail=False)
        found[unit.get("id")] = (
            xml.partition(">")[2].removesuffix("</target>").replace(f' xmlns="{target.nsmap[None]}"', "")
        )
    return found


def test_version_1() -> None:
    turned = turn(XLIFF, ONE)
    assert targets(turned) == {
        "plain": "two one",
        "g": '<x id="2"/> <g id="1">five four</g> three',
        "pair": 'd <bpt id="1">&lt;b&gt;</bpt>c b<ept id="1">&lt;/b&gt;</ept> a',
        "angular": '<x id="INTERPOLATION"/> <x id="START_B"/>f e<x id="CLOSE_B"/>',
        "new": "h g",
        "cut": '<mrk mtype="seg" mid="1">j. i</mrk> <mrk mtype="seg" mid="2">l. k</mrk>',
        "places": '<mrk mtype="seg" mid="1">p. o</mrk> <mrk mtype="seg" mid="2">q.</mrk>',
        "code": "{0}",
        "done": "ready",
        "approved": "",
    }
    assert turned.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<xliff ')
    before, after = etree.fromstring(ONE.encode()), etree.fromstring(turned)
    assert after.find("{*}file").get("target-language") == "ru"
    for name in ("source", "seg-source", "note"):
        kept = [[etree.tostring(each, method="c14n") for each in tree.iter(f"{{*}}{name}")] for tree in (before, after)]
        assert kept[0] == kept[1]
    states = [each.get("state") for each in after.iter("{*}target")]
    assert states == ["needs-review-translation"] * 8 + ["translated", None]


def test_version_2() -> None:
    turned = turn(XLIFF, TWO)
    tree = etree.fromstring(turned)
    assert tree.get("trgLang") == "ru"
    found = [etree.tostring(each, method="c14n", with_tail=False).decode() for each in tree.iter("{*}target")]
    inside = [each.partition(">")[2].replace("</target>", "") for each in found]
    assert inside == [
        '<ph id="2"></ph> <pc id="1">three two</pc> one',
        "ready",
        'f <sc id="3"></sc>e d<ec startRef="3"></ec> c',
    ]
    assert [each.get("state") for each in tree.iter("{*}segment")] == ["translated", "final", "translated", None]


@pytest.mark.parametrize(
    ("encoding", "declaration"),
    [
        ("utf-8", '<?xml version="1.0"?>\n\n<!-- <xliff> -->\n'),
        ("utf-8-sig", "<?xml version='1.0'  encoding=\"utf-8\"?>"),
        ("utf-16", '<?xml version="1.0" encoding="UTF-16" ?>\n'),
        ("cp1251", '<?xml version="1.0" encoding="windows-1251"?>\n<?note x?>\n'),
        ("utf-8", ""),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_is_around_the_root_stays_and_lines_end_as_they_did(encoding: str, declaration: str, newline: str) -> None:
    before = declaration + ONE.partition("?>\n")[2].replace("one two", "раз два") + "\n\n"
    turned = turn(XLIFF, before.replace("\n", newline).encode(encoding))
    text = turned.decode(encoding).replace(newline, "\n")
    assert targets(turned)["plain"] == "два раз"
    assert text.startswith(declaration + "<xliff ")
    assert text.endswith("</xliff>\n\n\n")
    assert turned[:2] == before.encode(encoding)[:2]
    assert turned.decode(encoding).count("\n") == turned.decode(encoding).count(newline) > 15


UNIT = '<trans-unit id="1"><source>one two{}</source></trans-unit>'
FILE = f'<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2"><file>{UNIT}</file></xliff>'


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_needs_no_mark(encoding: str) -> None:
    declaration = '<?xml version="1.0" encoding="UTF-16"?>\n'
    turned = turn(XLIFF, (declaration + FILE.format("") + "\n").encode(encoding)).decode(encoding)
    assert turned.startswith(f"{declaration}<xliff ")
    assert turned.endswith("two one</target></trans-unit></file></xliff>\n")


def test_controls_of_latin_1_are_no_letters_of_windows_1252() -> None:
    """As parsers of XML read them; HTML is read otherwise."""
    declaration = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    turned = turn(XLIFF, (declaration + FILE.format("\x85")).encode("latin-1"), lambda word: word + "’")
    target = etree.fromstring(turned).find(".//{*}target")
    assert target is not None
    assert target.text == "two’ one’\x85"


@pytest.mark.parametrize(("encoding", "word"), [("TIS-620", "สอง"), ("ISO-2022-JP", "二")])
def test_old_encodings_of_asia_are_read(encoding: str, word: str) -> None:
    turned = turn(XLIFF, f'<?xml version="1.0" encoding="{encoding}"?>{FILE.format(f" {word}")}'.encode(encoding))
    assert f"{word} two one</target>" in turned.decode(encoding)


def test_what_is_behind_the_root_stays_as_it_is() -> None:
    behind = "\n\n<!-- </xliff> <? > -->\n  <?note x -->?> <!--a-->\n"
    turned = turn(XLIFF, FILE.format("") + behind).decode()
    assert turned.endswith(f"two one</target></trans-unit></file></xliff>{behind}")


def test_a_new_target_is_as_far_indented_as_its_source() -> None:
    unit = '\n  <trans-unit id="1">\n    <source>one two</source>{}\n  </trans-unit>\n  '
    note = "\n    <note/>"
    file = '<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2"><file>{}</file></xliff>'
    target = '\n    <target state="needs-review-translation">two one</target>'
    before, after = file.format(unit.format("") + unit.format(note)), unit.format(target) + unit.format(target + note)
    assert turn(XLIFF, before).decode() == file.format(after).replace("<file>", '<file target-language="ru">')


def test_the_language_of_a_file_is_kept() -> None:
    stated = ONE.replace('source-language="en"', 'source-language="en" target-language="ru-RU"')
    assert read(XLIFF, stated).language == "ru-RU"
    assert b'target-language="ru-RU"' in turn(XLIFF, stated)
    assert read(XLIFF, TWO).language is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<a/>", "not XLIFF: its root is 'a'"),
        ('<xliff version="1.0"/>', "not XLIFF: its root is 'xliff'; allowed: versions 1.2"),
        ("<xliff", "no well-formed XML"),
        ("", "no well-formed XML"),
        ('<!DOCTYPE xliff SYSTEM "http://127.0.0.1/x.dtd"><xliff/>', "has a document type"),
        ("<a>" * 10_000, "no well-formed XML"),
        (
            '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file target-language="de"/>'
            '<file target-language="fr"/><file target-language="de-AT"/></xliff>',
            "its targets are to be in de, fr, de-AT; allowed: one language",
        ),
    ],
)
def test_what_is_no_xliff_is_refused(content: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"file: .*{message}"):
        read(XLIFF, content)
