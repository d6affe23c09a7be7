"""Which averaged weights a run keeps: the last ones, or those that validated best."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

from model_store.network.seq2seq import Seq2Seq
from tests.unit.training.test_trainer import trainer_of
from tests.unit.training.tiny import RecordingLog, recipe, same
from training.checkpoint import Checkpoint, averaged_weights
from training.choice import mean_score
from training.trainer import Trainer


class Scores:
    """A validator that gives one score after the other, of two sets, and keeps the weights that it saw."""

    def __init__(self, *scores: float) -> None:
        self.left = list(scores)
        self.weights: list[dict[str, Tensor]] = []

    def __call__(self, network: Seq2Seq) -> dict[str, float]:
        self.weights.append({name: weight.clone() for name, weight in network.state_dict().items()})
        score = self.left.pop(0)
        return {"BLEU/a xx-yy": -score, "chrF2/a xx-yy": score - 1, "chrF2/b xx-yy": score + 1}


def trainer(path: Path, scores: Scores, keep: str, log: RecordingLog | None = None, **options: int) -> Trainer:
    return trainer_of(
        recipe(
            validation=({"name": "a", "left": "xx", "right": "yy", "path": "a.tsv"},),
            trainer={"keep": keep, "validate_every_steps": 5, **options},
        ),
        path,
        log=log,
        validate=scores,
    )


@pytest.mark.parametrize(
    ("keep", "given", "kept"),
    [
        ("best", (3.0, 9.0, 4.0), 1),
        ("best", (9.0, 3.0, 4.0), 0),
        ("best", (3.0, 4.0, 9.0), 2),  # of the last update, which was saved before it was validated
        ("last", (3.0, 9.0, 4.0), 2),
    ],
)
def test_what_validated_best_is_kept_if_the_recipe_says_so(
    tmp_path: Path, keep: str, given: tuple[float, ...], kept: int
) -> None:
    scores, log = Scores(*given), RecordingLog()
    trainer(tmp_path / "c.pt", scores, keep, log).run()
    assert len(scores.weights) == 3
    assert not any(same(*pair) for pair in zip(scores.weights, scores.weights[1:], strict=False))
    assert same(averaged_weights(tmp_path / "c.pt"), scores.weights[kept])
    assert [figures["mean chrF2"] for _step, figures in log.figures] == list(given)


def test_a_resumed_run_remembers_what_was_best(tmp_path: Path) -> None:
    path, first = tmp_path / "c.pt", Scores(3.0, 9.0, 2.0)
    trainer(path, first, "best").run(max_steps=11)
    trainer(path, Scores(4.0), "best").run()
    assert same(averaged_weights(path), first.weights[1])
    later = Scores(10.0, 8.0)
    trainer(path, later, "best", max_steps=16).run()
    assert same(averaged_weights(path), later.weights[0])


def test_a_stop_between_two_validations_decides_nothing(tmp_path: Path) -> None:
    stopped, whole = tmp_path / "stopped.pt", tmp_path / "whole.pt"
    trainer(stopped, Scores(3.0, 10.0), "best").run(max_steps=7)
    assert Checkpoint.load(stopped).best_score == 3.0
    trainer(stopped, Scores(9.0, 4.0), "best").run()
    trainer(whole, Scores(3.0, 9.0, 4.0), "best").run()
    assert same(averaged_weights(stopped), averaged_weights(whole))


def test_keeping_the_best_changes_nothing_else(tmp_path: Path) -> None:
    for keep in ("best", "last"):
        trainer(tmp_path / keep, Scores(9.0, 3.0, 4.0), keep).run()
    best, last = (Checkpoint.load(tmp_path / keep) for keep in ("best", "last"))
    assert last.best is None
    for name in ("network", "average", "optimizer", "random_state"):
        assert same(getattr(best, name), getattr(last, name))


def test_the_mean_is_of_the_measure_of_the_task() -> None:
    figures = {"loss": 1.0, "BLEU/a": 10.0, "chrF2/a": 30.0, "chrF2/b": 40.0, "ROUGE-1/a": 5.0, "ROUGE-L/a": 7.0}
    assert mean_score(figures, "translate") == {"mean chrF2": 35.0}
    assert mean_score(figures, "summarize") == {"mean ROUGE-L": 7.0}
    assert mean_score({"loss": 1.0}, "translate") == {}
