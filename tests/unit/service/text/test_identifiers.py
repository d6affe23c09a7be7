"""Names of programs and the like, by how they are written; and which of them a translation has lost."""

from __future__ import annotations

from collections import Counter

import pytest

from service.text.identifiers import identifiers, lost_identifiers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the option Aptitude::Purge-Unused.", ["Aptitude::Purge-Unused"]),
        ("std::vector, ::global and a::", ["std::vector"]),
        ("LibreOffice, depType, SQLite, XMLHttpRequest", ["LibreOffice", "depType", "SQLite", "XMLHttpRequest"]),
        ("i386, an MP3-player, IPv6", ["i386", "MP3", "IPv6"]),
        ("DHCP/TFTP over HTTP", ["DHCP", "TFTP", "HTTP"]),
        ("AT&T has an R&D; Q&A", ["AT&T", "R&D", "Q&A"]),
        ("Работа в AT&T", ["AT&T"]),
        ("A&B&C, &C, Tom&Mary, TOMS&MARYS, cut & paste, a&b", []),
        ("d'XMLHttp und Größe3", ["XMLHttp", "Größe3"]),
        # What is translated, is a number with something beside it, or is a placeholder already.
        ("Rules-Requires-Root, Built-In", []),
        ("10 GHz, 5 GB, 1st, 10MB, TV, v1.2.3, 2D", []),
        ("PDFs of BenutzerInnen and a TeilnehmerIn, XIXe", []),
        ("NOTE: DO NOT", []),
        ("Hello, how are you?", []),
        ("Объекты Static и PopUp, в XXI веке, а это буква a", ["Static", "PopUp"]),
        ("Это SQLite", ["SQLite"]),
        ("Включите 2FA на сервере", []),
        ("a" + "1" * 30000 + "_", []),
        ("The word Привет", []),
        ("", []),
    ],
)
def test_names(text: str, found: list[str]) -> None:
    assert [name for name, _span in identifiers(text)] == found


def test_spans_are_of_the_names() -> None:
    text = "Установите пакет dpkg и LibreOffice."
    assert [text[slice(*span)] for _name, span in identifiers(text)] == ["dpkg", "LibreOffice"]


@pytest.mark.parametrize(
    ("source", "target", "lost"),
    [
        ("PopUpDownKey and PopUpDownLinked", "PopUpDownKey und PopUpDownLink", ["PopUpDownLinked"]),
        ("amd64 and i386", "amd64 und z386", ["i386"]),
        ("LibreOffice", "LibreOffice-Datei", []),
        ("LibreOffice", "LibreoffiCe", ["LibreOffice"]),
        ("Ein i386", "I386", []),
        ("one MP3", "des MP3s", []),
        ("one MP3", "XMP3", ["MP3"]),
        ("HTTP and HTTP", "nichts", ["HTTP", "HTTP"]),
        ("HTTP and HTTP", "einmal HTTP", []),
        ("LibreOffice", "с LibreOfficeом", []),
        ("AT&T", "ACHT", ["AT&T"]),
        ("no name", "", []),
    ],
)
def test_what_is_lost(source: str, target: str, lost: list[str]) -> None:
    assert lost_identifiers(source, target) == Counter(lost)
