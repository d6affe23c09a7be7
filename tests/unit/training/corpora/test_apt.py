"""Fetching through apt: what the command is told, and what becomes of its failures; a script stands for apt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from training.corpora.apt import apt_language, fetch_translations
from training.corpora.errors import CorpusError

SCRIPT = """\
#!/bin/sh
for argument; do
  case "$argument" in
    Dir::State::lists=*) lists="${argument#*=}" ;;
    *apt.conf) cp "$argument" "$(dirname "$0")/seen.conf" ;;
  esac
done
echo "$@" > "$(dirname "$0")/seen.arguments"
%s
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def install(tools: Path, body: str) -> None:
    script = tools / "apt-get"
    script.write_text(SCRIPT % body, encoding="utf-8")
    script.chmod(0o755)


def folder(tmp_path: Path) -> Path:
    path = tmp_path / "private"
    path.mkdir()
    return path


def test_finds_the_indices_of_every_source(tmp_path: Path, tools: Path) -> None:
    install(tools, 'for name in a_Translation-en b_Translation-en a_Translation-pt_BR; do : > "$lists/$name"; done')
    found = fetch_translations(["en", "pt_BR"], folder(tmp_path))
    names = [[path.name for path in paths] for paths in found]
    assert names == [["a_Translation-en", "b_Translation-en"], ["a_Translation-pt_BR"]]


def test_keeps_away_from_the_machines_own_state(tmp_path: Path, tools: Path) -> None:
    install(tools, ': > "$lists/a_Translation-en"')
    private = folder(tmp_path)
    fetch_translations(["en"], private)
    arguments = (tools / "seen.arguments").read_text(encoding="utf-8").split()
    places = [argument.split("=")[1] for argument in arguments if argument.startswith("Dir::")]
    assert len(places) == 3
    assert all(Path(place).is_relative_to(private) for place in places)
    settings = (tools / "seen.conf").read_text(encoding="utf-8").splitlines()
    assert {f"#clear APT::Update::{hook};" for hook in ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success")} <= {
        *settings
    }
    assert 'Acquire::Languages { "en"; };' in settings
    assert "://" not in "".join(settings)


def test_a_failure_of_apt_is_told_in_its_words(tmp_path: Path, tools: Path) -> None:
    install(tools, "echo 'E: could not resolve host' >&2; exit 100")
    with pytest.raises(CorpusError, match=r"failed \(100\): E: could not resolve host"):
        fetch_translations(["en"], folder(tmp_path))


def test_a_language_that_no_source_has_is_named(tmp_path: Path, tools: Path) -> None:
    install(tools, ': > "$lists/a_Translation-en"')
    with pytest.raises(CorpusError, match="descriptions in 'xx'"):
        fetch_translations(["en", "xx"], folder(tmp_path))


def test_a_machine_without_apt_is_told_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CorpusError, match="apt-get is not on the PATH"):
        fetch_translations(["en"], folder(tmp_path))


def test_language_codes_are_written_as_the_indices_are() -> None:
    assert [apt_language(code) for code in ("ru", "pt-BR", "pt_BR")] == ["ru", "pt_BR", "pt_BR"]
