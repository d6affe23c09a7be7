"""The command lines of README and docs that take too long to be run, or need what is not here: what they name is there,
and has the options that they are shown with."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from service import cli
from tests.e2e.documents import DOCUMENTS, ROOT
from training import commands


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of each document, with the lines joined that a backslash continues."""
    for document in DOCUMENTS:
        yield document.name, document.read_text(encoding="utf-8").replace("\\\n", "")


def commands_of(program: str) -> Iterator[tuple[str, list[str]]]:
    """Where it is shown, and its arguments: in every block of code that is not run, indented ones too."""
    shown = re.compile(rf"^(?: {{4}})?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?{program} ([a-z][^\n]*)$", re.MULTILINE)
    for name, text in texts():
        for arguments in shown.findall(text):
            for each in re.split(rf"; {program} ", arguments):
                words = shlex.split(each, comments=True)
                yield name, [word for word in words if word not in ("...", "|")]


@pytest.mark.parametrize(("program", "app"), [("verso", cli.app), ("verso-train", commands.app)])
def test_verso_has_the_options_it_is_shown_with(program: str, app: typer.Typer) -> None:
    shown = list(commands_of(program))
    assert shown
    for place, arguments in shown:
        parse(app, place, arguments)


def test_torchrun_is_shown_with_what_the_trainer_takes() -> None:
    shown = re.compile(r"^torchrun .* -m training\.cli (.*)$", re.MULTILINE)
    launched = [(name, arguments) for name, text in texts() for arguments in shown.findall(text)]
    assert launched
    for place, arguments in launched:
        parse(commands.app, place, shlex.split(arguments))


def parse(app: typer.Typer, place: str, arguments: list[str]) -> None:
    """Raises for a command or an option that the program has not got."""
    command: Any = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        found = command.get_command(typer.Context(command), arguments[0])
        assert found is not None, (place, arguments)
        command, arguments = found, arguments[1:]
    command.make_parser(typer.Context(command)).parse_args(arguments)


def modules() -> dict[str, set[str]]:
    """Of each module that is run with `python -m`, the options that it is shown with, in blocks and within a line."""
    options: dict[str, set[str]] = {}
    for _name, text in texts():
        for module, rest in re.findall(r"python -m ((?:benchmarks|tests)\.[\w.]+\w)([^`]*?)(?=`|\n(?! *--)|$)", text):
            options.setdefault(module, set()).update(re.findall(r"(?<=[\s\[])--[a-z][a-z0-9-]*", rest.split("#")[0]))
    return options


MODULES = modules()


def test_options_of_modules_are_found() -> None:
    assert MODULES["benchmarks.step_profile"] >= {"--backend", "--threads", "--in-flight"}
    assert MODULES["tests.load.capacity"] == {"--requests-per-s", "--p97"}


@pytest.mark.parametrize("module", MODULES)
def test_modules_have_the_options_they_are_shown_with(module: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    assert MODULES[module] <= set(re.findall(r"--[a-z][a-z0-9-]*", result.stdout))


def test_make_has_the_targets_and_variables_it_is_shown_with() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = [
        shlex.split(line, comments=True)
        for _name, text in texts()
        for line in re.findall(r"(?:^(?: {4})?(?:[A-Z_]+=\S+ )*|`)make ([a-z][^\n`]*)", text, re.MULTILINE)
    ]
    assert {words[0] for words in shown} >= {"serve", "test", "train", "load", "fuzz"}
    for target, *rest in shown:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for variable in (word.partition("=")[0] for word in rest if "=" in word):
            assert f"$({variable})" in makefile, (target, variable)


def test_files_that_other_programs_are_shown_with_are_there() -> None:
    """What is in them is read by tests/integration/operations."""
    applied = [path for _name, text in texts() for path in re.findall(r"kubectl apply -f (\S+)", text)]
    assert applied
    assert all((ROOT / path).exists() for path in applied)
    assert any("docker compose up" in text for _name, text in texts())
    assert (ROOT / "docker-compose.yml").exists()


def test_links_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / Path(target)).exists(), (document.name, target)
