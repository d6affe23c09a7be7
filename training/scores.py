"""scores.json of a run: what `evaluate` measured and by which command, read again by `export`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from model_store.errors import ConfigError
from model_store.manifest import Score
from training.evaluation import Evaluation
from training.writing import replacing


def write_scores(path: Path, evaluations: Sequence[Evaluation], command: str) -> None:
    """Keep evaluations with the command that made them, in place of what the same command gave before.

    What is there was read by `read_scores`, or is not there yet. Raises ConfigError if it cannot be written; what was
    there is left.
    """
    content = _read(path) | {command: [_figures(each) for each in evaluations]}
    with replacing(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def read_scores(path: Path) -> tuple[Score, ...]:
    """Every metric of each evaluation, as the manifest wants them; none if nothing was evaluated.

    Raises ConfigError if the file is something else.
    """
    try:
        return tuple(
            Score(
                test_set=each["test_set"],
                direction=each["direction"],
                metric=metric["name"],
                value=round(metric["value"], 2),
                command=command,
            )
            for command, evaluations in _read(path).items()
            for each in evaluations
            for metric in each["metrics"]
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: is no file of figures ({type(error).__name__}); allowed: a new file, or one that `evaluate` wrote"
        ) from error


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
