"""Names of programs and the like, by how they are written; and which of them a translation has lost."""

from __future__ import annotations

from collections import Counter

import pytest

from service.text.identifiers import identifiers, lost_identifiers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the option Aptitude::Purge-Unused.", ["aptitude::purge-unused"]),
        ("std::vector, ::global and a::", ["std::vector"]),
        ("LibreOffice, depType, SQLite, XMLHttpRequest", ["libreoffice", "deptype", "sqlite", "xmlhttprequest"]),
        ("i386, an MP3-player, IPv6", ["i386", "mp3", "ipv6"]),
        ("DHCP/TFTP over HTTP", ["dhcp", "tftp", "http"]),
        ("d'XMLHttp und Größe3", ["xmlhttp", "grösse3"]),
        # What is translated, is a number with something beside it, or is a placeholder already.
        ("Rules-Requires-Root, Built-In", []),
        ("10 GHz, 5 GB, 1st, 10MB, TV, v1.2.3, 2D", []),
        ("PDFs of BenutzerInnen and a TeilnehmerIn, XIXe", []),
        ("NOTE: DO NOT", []),
        ("Hello, how are you?", []),
        ("Объекты Static и PopUp, в XXI веке, а это буква a", ["static", "popup"]),
        ("Это SQLite", ["sqlite"]),
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
        ("PopUpDownKey and PopUpDownLinked", "PopUpDownKey und PopUpDownLink", ["popupdownlinked"]),
        ("amd64 and i386", "amd64 und z386", ["i386"]),
        ("LibreOffice", "libreoffice-Datei", []),
        ("one MP3", "des MP3s", []),
        ("one MP3", "XMP3", ["mp3"]),
        ("HTTP and HTTP", "nichts", ["http", "http"]),
        ("HTTP and HTTP", "einmal HTTP", []),
        ("LibreOffice", "с LibreOfficeом", []),
        ("no name", "", []),
    ],
)
def test_what_is_lost(source: str, target: str, lost: list[str]) -> None:
    assert lost_identifiers(source, target) == Counter(lost)
