"""The model card says what the manifest says."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

from tests.unit.model_store.tiny_bundle import DESCRIPTION, save_tiny


def card(tmp_path: Path) -> str:
    save_tiny(tmp_path / "1")
    return (tmp_path / "1" / "README.md").read_text(encoding="utf-8")


def test_names_what_it_is(tmp_path: Path) -> None:
    text = card(tmp_path)
    assert text.startswith("# tiny 1\n\nKnows nothing.\n")
    assert "- Directions: en-ru, ru-en\n" in text
    assert "- Licence: Apache-2.0\n" in text


def test_tables_escape_their_cells(tmp_path: Path) -> None:
    text = card(tmp_path)
    assert "| made up | en-ru | chrF | 12.25 | `verso-train score` |" in text
    assert "| made \\| up | CC0-1.0 | 1,234 | this test |" in text


def test_curl_command_can_be_pasted(tmp_path: Path) -> None:
    command = card(tmp_path).split("```sh\n")[1].split("```")[0].replace("\\\n", "")
    arguments = shlex.split(command)
    assert arguments[0] == "curl"
    assert json.loads(arguments[arguments.index("-d") + 1]) == {
        "text": "…",
        "source": "en",
        "target": "ru",
        "model": "tiny",
    }


def test_nothing_measured_is_said(tmp_path: Path) -> None:
    save_tiny(tmp_path / "2", replace(DESCRIPTION, scores=(), data=(), task="summarize", directions=(("en", "en"),)))
    text = (tmp_path / "2" / "README.md").read_text(encoding="utf-8")
    assert "Not measured." in text
    assert "Not stated." in text
    assert "curl" not in text
