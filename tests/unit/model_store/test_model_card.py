"""The model card says what the manifest says."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

from model_store.bundle import BundleDescription
from tests.unit.model_store.tiny_bundle import DESCRIPTION, save_tiny


def card(tmp_path: Path, description: BundleDescription = DESCRIPTION) -> str:
    save_tiny(tmp_path / "1", description)
    return (tmp_path / "1" / "README.md").read_text(encoding="utf-8")


def curl(text: str) -> tuple[str, dict[str, str]]:
    """The address and the body of the card's command, as a shell reads it."""
    arguments = shlex.split(text.split("```sh\n")[1].split("```")[0].replace("\\\n", ""))
    assert arguments[:2] == ["curl", "-s"]
    body: dict[str, str] = json.loads(arguments[arguments.index("-d") + 1])
    return arguments[2], body


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
    text = card(tmp_path)
    url, body = curl(text)
    assert url.endswith("/v1/translate")
    assert body == {"text": "…", "source": "en", "target": "ru", "model": "tiny"}
    assert "has to be split into sentences first" in text


def test_nothing_measured_is_said(tmp_path: Path) -> None:
    text = card(tmp_path, replace(DESCRIPTION, scores=(), data=()))
    assert "Not measured." in text
    assert "Not stated." in text


def test_a_summarizer_is_asked_at_its_own_address_and_reads_long_text_in_parts(tmp_path: Path) -> None:
    text = card(tmp_path, replace(DESCRIPTION, task="summarize", directions=(("en", "en"),)))
    url, body = curl(text)
    assert url.endswith("/v1/summarize")
    assert body == {"text": "…", "language": "en", "model": "tiny"}
    assert "in parts of whole sentences" in text
    assert "has to be split" not in text


def test_other_tasks_are_asked_where_texts_have_to_fit(tmp_path: Path) -> None:
    text = card(tmp_path, replace(DESCRIPTION, task="style", directions=(("en", "en"),)))
    url, body = curl(text)
    assert url.endswith("/v1/generate")
    assert body == {"text": "…", "language": "en", "model": "tiny"}
    assert "longer text is refused" in text
