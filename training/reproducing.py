"""The command that gives figures again: as it was given, or as a model card has it for anyone with the bundle."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from training.export import bundle_reference
from training.run import Run

Option = tuple[str, str | Path | None]

CORPORA = "CORPORA"  # as docs/training.md calls the folder
SERVER = "http://127.0.0.1:5000"  # where `make serve` listens


def command_line(run: Run, options: Iterable[Option]) -> str:
    """`verso-train evaluate` of the run's recipe with those options that have a value, for a shell."""
    given = (word for name, value in options if value is not None for word in (name, str(value)))
    return shlex.join(["verso-train", "evaluate", run.argument, *given])


def command_of_card(run: Run, data: Path | None, test_set: str, backend: str | None, *, by_server: bool) -> str:
    """What whoever has the bundle that the run exports, but not the run, gets the figures of one set by.

    It names the set: a recipe may have others by then. data: where the corpora were; None for the recipe's own folder,
    which then is everyone's.
    """
    system = ("--server", SERVER) if by_server else ("--bundle", bundle_reference(run.recipe))
    places = [("--data", CORPORA if data is not None else None), ("--from", run.recipe.start_from)]
    return command_line(run, [*places, system, ("--only", test_set), ("--backend", backend)])
