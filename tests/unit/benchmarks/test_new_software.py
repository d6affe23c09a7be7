"""Software text of a later release: what is read, and what is left out."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polib
import pytest

from benchmarks import new_software
from benchmarks.pairs import read_pairs

KNOWN = ("The tide table could not be opened for reading", "Таблица приливов не открывается для чтения")
STRINGS = {
    KNOWN[0]: KNOWN[1],
    "The tide table could not be opened for reading!": "Не удалось открыть таблицу",  # near what is known
    "Another way to say the same": "таблица приливов не открывается для чтения.",  # whose translation is known
    "Draw the moon above every harbour": "Рисовать луну над каждой гаванью",
    "Draw the moon above every harbour:": "Луна над гаванями:",  # like the one before
    "Draw %s above every harbour": "Рисовать %s над каждой гаванью",
    "Draw the _moon above this harbour": "Рисовать _луну над этой гаванью",
    "Use --moon to see the moon": "С --moon видна луна",
    "See <b>all</b> of the moon": "<b>Вся</b> луна целиком",
    "Tide Moon Harbour Ship Sea": "Tide Moon Harbour Ship Sea",
    "Moon in the sky at night": "Л",
    "The moon is\u200e above this harbour": "Луна\u200e над гаванью",
    "Too short a string": "Слишком короткая строка",
}


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "packages" / "tide" / "usr/share/locale/ru/LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Language": "ru"}
    catalogue.extend(polib.POEntry(msgid=left, msgstr=right) for left, right in STRINGS.items())
    catalogue.save_as_mofile(str(folder / "tide.mo"))
    return tmp_path / "packages"


@pytest.fixture
def indices(tmp_path: Path) -> tuple[Path, Path]:
    body = {
        "en": "tides of the whole world\n It reads the tides of harbours. It draws them beside the moon.",
        "ru": "приливы всего мира\n Читает приливы всех гаваней. Рисует их рядом с луной.",
    }
    paths = {code: tmp_path / f"Translation-{code}" for code in body}
    for code, path in paths.items():
        path.write_text(f"Package: tide\nDescription-md5: 00\nDescription-{code}: {body[code]}\n", encoding="utf-8")
    return paths["en"], paths["ru"]


def test_strings_are_plain_text_of_five_words_or_more(packages: Path) -> None:
    found = [left for left, _right in new_software.usable(new_software.strings(packages, "ru"))]
    assert sorted(found) == sorted(list(STRINGS)[:5])
    assert list(new_software.strings(packages, "de")) == []


def test_descriptions_are_cut_into_sentences(indices: tuple[Path, Path]) -> None:
    assert new_software.usable(new_software.descriptions(*indices, "ru")) == [
        ("tides of the whole world", "приливы всего мира"),
        ("It reads the tides of harbours.", "Читает приливы всех гаваней."),
        ("It draws them beside the moon.", "Рисует их рядом с луной."),
    ]


def test_a_paragraph_stays_whole_where_the_sides_have_not_as_many_sentences(indices: tuple[Path, Path]) -> None:
    russian = indices[1]
    russian.write_text(
        russian.read_text(encoding="utf-8").replace("гаваней. Рисует", "гаваней, рисует"), encoding="utf-8"
    )
    assert list(new_software.descriptions(*indices, "ru"))[1:] == [
        (
            "It reads the tides of harbours. It draws them beside the moon.",
            "Читает приливы всех гаваней, рисует их рядом с луной.",
        )
    ]


def test_what_is_known_is_left_out(
    packages: Path,
    indices: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known, out = tmp_path / "known.tsv", tmp_path / "out.tsv.xz"
    known.write_text("\t".join(KNOWN) + "\n", encoding="utf-8")
    arguments = [str(packages), *map(str, indices), "--right", "ru", "--files", str(known), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["new_software", *arguments])
    new_software.main()
    written = dict(read_pairs(out))
    assert len([left for left in written if left.startswith("Draw the moon above every harbour")]) == 1
    assert written.keys() - {"Draw the moon above every harbour", "Draw the moon above every harbour:"} == {
        "tides of the whole world",
        "It reads the tides of harbours.",
        "It draws them beside the moon.",
    }
    counts = json.loads(capsys.readouterr().out)
    assert counts["strings"] == {"usable": 5, "new": 2, "written": 1}
    assert counts["descriptions"] == {"usable": 3, "new": 3, "written": 3}
