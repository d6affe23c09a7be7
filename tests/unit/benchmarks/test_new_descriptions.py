"""Descriptions of a newer Debian: how an index is read, and what is left out."""

from __future__ import annotations

import bz2
import lzma
import sys
from pathlib import Path

import pytest

from benchmarks import new_descriptions
from benchmarks.pairs import read_pairs

LONG = "reads the tides of every harbour and draws them beside the phases of the moon"
INDEX = f"""Package: tide
Description-md5: 00
Description-de: Gezeiten
 Das Programm {LONG}.
 .
  * Es kann
  * drucken.

Package: tide-dev
Description-de: Köpfe
 Anderes Paket, das niemand braucht, der nicht selbst Programme schreibt und übersetzt, {LONG}.

Package: old
Description-de: Altes
 Dieses war schon immer da und beschreibt, wie man in zwölf Schritten einen Kuchen backt.

Package: short
Description-de: Kurzes
 Zu kurz.

Package: other
Description-en: not this language
 at all
"""


def test_an_index_is_read_paragraph_by_paragraph(tmp_path: Path) -> None:
    path = tmp_path / "Translation-de.bz2"
    path.write_bytes(bz2.compress(INDEX.encode()))
    found = list(new_descriptions.described(path, "de"))
    assert [package for package, _text, _synopsis in found] == ["tide", "tide-dev", "old", "short"]
    assert found[0][1:] == (f"Das Programm {LONG}. Es kann drucken.", "Gezeiten")


def test_what_is_known_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, known, out = (tmp_path / name for name in ("Translation-de.xz", "known.tsv", "out.tsv.xz"))
    index.write_bytes(lzma.compress(INDEX.encode()))
    known.write_text("Dieses war schon immer da und beschreibt, wie man in zwölf Schritten einen Kuchen backt!\tAlt\n")
    arguments = [str(index), "--language", "de", "--files", str(known), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["new_descriptions", *arguments])
    new_descriptions.main()
    assert read_pairs(out) == [(f"Das Programm {LONG}. Es kann drucken.", "Gezeiten")]
    known.write_text("Something else\tGEZEITEN!\n")
    new_descriptions.main()
    assert [synopsis for _text, synopsis in read_pairs(out)] == ["Altes"]


def test_of_texts_that_are_alike_the_first_stays() -> None:
    pairs = [
        (LONG, "one"),
        (f"{LONG} too", "two"),
        ("something that is not alike in any of its words", "One"),
        ("x", "y"),
    ]
    assert new_descriptions.unlike(pairs) == [pairs[0], pairs[3]]
