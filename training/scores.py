"""scores.json of a run: what `evaluate` measured and by which command, read again by `export`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model_store.errors import ConfigError
from model_store.manifest import Score
from training.evaluation import Evaluation
from training.writing import replacing


@dataclass(frozen=True)
class Measured:
    """What of a bundle its figures depend on beside the weights of the run. bundle: what it is called."""

    bundle: str
    storage: str
    decoding: dict[str, Any]


def write_scores(
    path: Path, evaluations: Sequence[Evaluation], command: str, *, measured: Measured | None = None
) -> None:
    """Keep evaluations with the command that made them, in place of what the same command gave before.

    What is there was read by `read_scores`, or is not there yet. Raises ConfigError if it cannot be written; what was
    there is left. measured: of the bundle that they are for, where they are for one.
    """
    how = {} if measured is None else {"measured": asdict(measured)}
    content = _read(path) | {command: [{**_figures(each), **how} for each in evaluations]}
    with replacing(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def read_scores(path: Path, bundle: Measured | None = None) -> tuple[Score, ...]:
    """Every metric of each evaluation, as the manifest wants them; none if nothing was evaluated.

    bundle: only those that are its figures, too, by commands that name it. Raises ConfigError if the file is something
    else.
    """
    try:
        return tuple(
            Score(
                test_set=each["test_set"],
                direction=each["direction"],
                metric=metric["name"],
                value=round(metric["value"], 2),
                command=command if bundle is None else _naming(bundle, command, each),
            )
            for command, each in _evaluations(path)
            if bundle is None or _are_of(bundle, each)
            for metric in each["metrics"]
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: is no file of figures ({type(error).__name__}); allowed: a new file, or one that `evaluate` wrote"
        ) from error


def not_of(path: Path, bundle: Measured) -> list[str]:
    """The test sets whose figures `read_scores` leaves out for that bundle, since they were measured with other storage
    or another decoding."""
    return list(dict.fromkeys(each["test_set"] for _command, each in _evaluations(path) if not _are_of(bundle, each)))


def _evaluations(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((command, each) for command, evaluations in _read(path).items() for each in evaluations)


def _are_of(bundle: Measured, evaluation: dict[str, Any]) -> bool:
    """Earlier runs kept no `measured`."""
    measured = evaluation.get("measured", asdict(bundle))
    return (measured["storage"], measured["decoding"]) == (bundle.storage, bundle.decoding)


def _naming(bundle: Measured, command: str, evaluation: dict[str, Any]) -> str:
    """The command for the bundle as it is called now; its version may have been raised."""
    called = evaluation.get("measured", asdict(bundle))["bundle"]
    return command.replace(f" --bundle {called} ", f" --bundle {bundle.bundle} ")


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation without its texts, as JSON has it; comparisons if it was compared."""
    figures = {
        "test_set": evaluation.test_set,
        "direction": evaluation.direction,
        "segments": len(evaluation.outputs),
        "metrics": [asdict(metric) for metric in evaluation.metrics],
        "unfinished": evaluation.unfinished,
        "duration_s": round(evaluation.duration_s, 3),
    }
    if evaluation.comparisons:
        figures["comparisons"] = [
            {**asdict(each), "difference": each.value - each.other} for each in evaluation.comparisons
        ]
    return figures


def _read(path: Path) -> dict[str, list[dict[str, Any]]]:
    if not path.exists():
        return {}
    content: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return content
