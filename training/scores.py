"""scores.json of a run: what `evaluate` measured, read again by `export`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from model_store.manifest import Score
from training.evaluation import Evaluation


def write_scores(path: Path, evaluations: Sequence[Evaluation], command: str) -> None:
    """Keep evaluations together with the command that made them."""
    content = {"command": command, "evaluations": [asdict(each) for each in evaluations]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_scores(path: Path) -> tuple[Score, ...]:
    """BLEU and chrF of each evaluation, as the manifest wants them; none if nothing was evaluated."""
    if not path.exists():
        return ()
    content = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Score(
            test_set=each["test_set"],
            direction=each["direction"],
            metric=metric,
            value=round(each[field], 2),
            command=content["command"],
        )
        for each in content["evaluations"]
        for field, metric in (("bleu", "BLEU"), ("chrf", "chrF2"))
    )
