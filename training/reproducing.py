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


def command_of_card(run: Run, data: Path | None, how: Iterable[Option], *, by_server: bool) -> str:
    """What whoever has the bundle that the run exports, but not the run, gets the same figures by.

    data: where the corpora were; None for the recipe's own folder, which then is everyone's. how: --only, --backend.
    """
    system = ("--server", SERVER) if by_server else ("--bundle", bundle_reference(run.recipe))
    corpora = CORPORA if data is not None else None
    return command_line(run, [("--data", corpora), ("--from", run.recipe.start_from), *how, system])
