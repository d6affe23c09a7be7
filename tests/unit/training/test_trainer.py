"""The training loop: resumed equals uninterrupted, what each update does, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from model_store.errors import ConfigError
from model_store.network.seq2seq import EMBEDDING_RANGE, Seq2Seq
from tests.unit.training.tiny import RecordingLog, examples, packed, recipe, same, tokenizer
from training.batching import plan_epoch
from training.checkpoint import Checkpoint, Position
from training.config import Recipe
from training.dataset import Examples
from training.distribution import precision_here
from training.progress import StepRecord
from training.trainer import Trainer, Validate


def trainer_of(
    run: Recipe, checkpoint: Path, *, log: RecordingLog | None = None, validate: Validate | None = None, pairs: int = 12
) -> Trainer:
    return Trainer(
        run,
        examples(pairs),
        examples(3, seed=1),
        checkpoint=checkpoint,
        log=log if log is not None else RecordingLog(),
        validate=validate,
    )


def without_time(checkpoint: Path) -> dict[str, Any]:
    """All that a checkpoint holds, but for the seconds it took."""
    saved = Checkpoint.load(checkpoint)
    position = saved.position
    return {**vars(saved), "position": (position.step, position.epoch, position.batch)}


NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "feed": {"cell": "gru", "decoder": {"input_feeding": True}, "attention": "additive"},
    "self_attention": {"encoder": {"kind": "self_attention", "heads": 2}, "tied_embeddings": False},
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
@pytest.mark.parametrize("stop_after", [(5,), (1, 3)], ids=str)
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, network: dict[str, Any], optimizer: str, stop_after: tuple[int, ...]
) -> None:
    """Bit for bit, dropout included, over the borders of epochs."""
    run = recipe(network=network, trainer={"optimizer": optimizer})
    whole, parts = RecordingLog(), RecordingLog()
    expected = trainer_of(run, tmp_path / "whole.pt", log=whole).run()
    assert expected.position.step == 12
    assert expected.position.epoch >= 1
    for steps in stop_after:
        trainer_of(run, tmp_path / "parts.pt", log=parts).run(max_steps=steps)
    torch.manual_seed(999)  # another process starts from other random numbers
    outcome = trainer_of(run, tmp_path / "parts.pt", log=parts).run()
    assert [each.step for each in parts.resumed_at] == [sum(stop_after[: i + 1]) for i in range(len(stop_after))]
    assert same(without_time(tmp_path / "parts.pt"), without_time(tmp_path / "whole.pt"))
    assert same(outcome.average.state_dict(), expected.average.state_dict())
    assert parts.losses == whole.losses


def test_validating_and_saving_on_the_way_changes_nothing(tmp_path: Path) -> None:
    trainer_of(recipe(), tmp_path / "plain.pt").run()
    often = recipe(trainer={"validate_every_steps": 2, "checkpoint_every_steps": 3})
    trainer_of(often, tmp_path / "often.pt", validate=lambda network: {"bleu": float(torch.rand(()) > 2)}).run()
    plain, checked = without_time(tmp_path / "plain.pt"), without_time(tmp_path / "often.pt")
    assert same(checked["network"], plain["network"]) is False  # since validate drew a random number: they do count
    trainer_of(often, tmp_path / "quiet.pt", validate=lambda network: {"bleu": 0.0}).run()
    assert same(without_time(tmp_path / "quiet.pt"), plain)


def test_a_finished_run_is_not_trained_further(tmp_path: Path) -> None:
    trainer_of(recipe(), tmp_path / "c.pt").run()
    before = without_time(tmp_path / "c.pt")
    log = RecordingLog()
    assert trainer_of(recipe(), tmp_path / "c.pt", log=log).run().position.step == 12
    assert log.records == []
    assert same(without_time(tmp_path / "c.pt"), before)


def test_the_seed_decides(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        trainer_of(recipe(trainer={"seed": seed}), tmp_path / name).run(max_steps=2)
    first, again, other = (without_time(tmp_path / name)["network"] for name in "abc")
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("tied", [True, False])
def test_embeddings_begin_in_their_range(tmp_path: Path, tied: bool) -> None:
    network = {"tied_embeddings": tied}
    plain, large = (
        trainer_of(recipe(network=network, trainer={"embedding_range": each}), tmp_path / "c").network.state_dict()
        for each in (EMBEDDING_RANGE, 5 * EMBEDDING_RANGE)
    )
    for name, weight in large.items():
        of_pieces = "embedding" in name or (tied and name == "projection.weight")
        torch.testing.assert_close(weight, plain[name] * (5 if of_pieces else 1))


def test_what_a_run_starts_from_keeps_its_embeddings(tmp_path: Path) -> None:
    run = recipe(trainer={"embedding_range": 0.5})
    start = Seq2Seq(run.network).state_dict()
    trainer = Trainer(run, examples(12), examples(3), checkpoint=tmp_path / "c", log=RecordingLog(), start=start)
    assert same(trainer.network.state_dict(), start)


def test_the_loss_goes_down(tmp_path: Path) -> None:
    log = RecordingLog()
    run = recipe(trainer={"max_steps": 60, "batch_tokens": 100}, network={"hidden": 24, "embedding": 24})
    trainer_of(run, tmp_path / "c.pt", log=log).run()
    assert sum(log.losses[-5:]) < 0.8 * sum(log.losses[:5])
    assert [step for step, _figures in log.figures] == [60]
    assert 0 < log.figures[0][1]["loss"] < 8


def test_the_learning_rate_follows_the_schedule(tmp_path: Path) -> None:
    log = RecordingLog()
    trainer_of(recipe(trainer={"decay": "constant", "warmup_steps": 4}), tmp_path / "c.pt", log=log).run()
    assert [each.learning_rate for each in log.records] == pytest.approx([2.5e-3, 5e-3, 7.5e-3] + [1e-2] * 9)


def test_ends_when_its_time_is_over(tmp_path: Path) -> None:
    run = recipe(trainer={"max_minutes": 1e-9})
    assert trainer_of(run, tmp_path / "c.pt").run().position.step == 1


@pytest.mark.parametrize("batches", [1, 3])
def test_an_update_follows_the_gradient_of_the_smoothed_loss_a_token(tmp_path: Path, batches: int) -> None:
    """The first one, against a pass over all its tokens at once, written out with torch's own loss."""
    log = RecordingLog()
    run = recipe(network={"dropout": 0.0}, trainer={"batches_per_step": batches})
    trainer = trainer_of(run, tmp_path / "c.pt", log=log)
    train = trainer.train_examples
    plan = plan_epoch(train.source_lengths, train.target_lengths, batch_tokens=60, seed=run.trainer.seed, epoch=0)
    batch = train.batch(np.concatenate(plan[:batches]))
    torch.manual_seed(run.trainer.seed)
    network = Seq2Seq(run.network)
    with torch.no_grad():
        network.source_embedding.weight.mul_(run.trainer.embedding_range / EMBEDDING_RANGE)
    logits = network.projection(network(batch.source, batch.source_lengths, batch.target_in))[batch.target_mask]
    labels = batch.target_out[batch.target_mask]
    torch.autograd.backward(F.cross_entropy(logits, labels, label_smoothing=run.trainer.label_smoothing))
    norm = torch.cat([each.grad.flatten() for each in network.parameters() if each.grad is not None]).norm()
    outcome = trainer.run(max_steps=1)
    (record,) = log.records
    assert (outcome.position.step, outcome.position.batch) == (1, batches)
    torch.testing.assert_close(record.gradient_norm, norm, rtol=1e-4, atol=0)
    assert log.losses == pytest.approx([F.cross_entropy(logits, labels).item()], rel=1e-5)
    assert (record.target_tokens, record.source_tokens) == (batch.target_tokens, batch.source_tokens)


def test_dropout_acts_in_every_update(tmp_path: Path) -> None:
    losses = []
    for dropout in (0.0, 0.5):
        log = RecordingLog()
        run = recipe(network={"dropout": dropout}, trainer={"learning_rate": 1e-9, "validate_every_steps": 1})
        trainer_of(run, tmp_path / str(dropout), log=log).run()
        losses.append(log.losses)
    assert all(without != with_dropout for without, with_dropout in zip(*losses, strict=True))


def test_each_epoch_has_its_own_order(tmp_path: Path) -> None:
    log = RecordingLog()
    trainer_of(recipe(trainer={"max_steps": 40}), tmp_path / "c.pt", log=log).run()
    epochs: dict[int, list[int]] = {}
    for position, record in zip(log.positions, log.records, strict=True):
        epochs.setdefault(position.epoch, []).append(record.target_tokens)
    assert len(epochs[0]) == len(epochs[1])
    assert sum(epochs[0]) == sum(epochs[1])
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("clip", [1e-3, 1e6])
def test_gradients_are_clipped_by_their_norm(tmp_path: Path, clip: float) -> None:
    """After one update, Adam's first moment is 0.1 of the gradient that it was given."""
    log = RecordingLog()
    trainer = trainer_of(recipe(trainer={"gradient_clip": clip}), tmp_path / "c.pt", log=log)
    trainer.run(max_steps=1)
    moments = [state["exp_avg"] for state in trainer.optimizer.state.values()]
    given = torch.cat([each.flatten() for each in moments]).norm() / 0.1
    before = log.records[0].gradient_norm
    assert 1e-2 < before < 1e3
    torch.testing.assert_close(given, before.clamp(max=clip), rtol=1e-3, atol=0)


class WeightLog(RecordingLog):
    """Copies the weights after each update."""

    def __init__(self) -> None:
        super().__init__()
        self.network: Seq2Seq | None = None
        self.weights: list[dict[str, Tensor]] = []

    def step(self, record: StepRecord, done: float, position: Position) -> None:
        assert self.network is not None
        self.weights.append({name: tensor.detach().clone() for name, tensor in self.network.named_parameters()})


@pytest.mark.parametrize("most", [0.3, 0.99])
def test_the_average_is_the_moving_average_of_the_weights(tmp_path: Path, most: float) -> None:
    """From the first weights on, by 1 - min(decay, (1 + n) / (10 + n)) of the way to the n-th after them."""
    log = WeightLog()
    trainer = trainer_of(recipe(trainer={"average_decay": most, "max_steps": 8}), tmp_path / "c.pt", log=log)
    log.network = trainer.network
    average = dict(trainer.run().average.named_parameters())
    assert len(log.weights) == 8
    for name, first in log.weights[0].items():
        expected = first.double()
        for n, weights in enumerate(log.weights[1:], start=1):
            decay = min(most, (1 + n) / (10 + n))
            expected = decay * expected + (1 - decay) * weights[name].double()
        torch.testing.assert_close(average[name].double(), expected, rtol=0, atol=1e-6)


def test_the_average_is_what_is_validated(tmp_path: Path) -> None:
    seen: list[tuple[bool, Seq2Seq]] = []

    def validate(network: Seq2Seq) -> dict[str, float]:
        seen.append((network.training, network))
        return {"bleu/words": 12.5}

    log = RecordingLog()
    run = recipe(trainer={"validate_every_steps": 5})
    outcome = trainer_of(run, tmp_path / "c.pt", log=log, validate=validate).run()
    assert [step for step, _figures in log.figures] == [5, 10, 12]
    assert all(figures.keys() == {"loss", "bleu/words"} for _step, figures in log.figures)
    assert seen == [(False, outcome.average)] * 3


@pytest.mark.skipif(
    precision_here("bf16-mixed") != "bf16-mixed", reason="this processor has no instructions for bfloat16"
)
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
def test_mixed_precision_stays_near_full_precision(tmp_path: Path, network: dict[str, Any]) -> None:
    losses = {}
    for precision in ("32-true", "bf16-mixed"):
        log = RecordingLog()
        run = recipe(network=network, trainer={"precision": precision})
        trainer = trainer_of(run, tmp_path / precision, log=log)
        trainer.run()
        assert {parameter.dtype for parameter in trainer.network.parameters()} == {torch.float32}
        losses[precision] = log.losses
    assert losses["bf16-mixed"] != losses["32-true"]
    assert losses["bf16-mixed"] == pytest.approx(losses["32-true"], rel=0.02)


def test_a_run_without_examples_is_refused(tmp_path: Path) -> None:
    none = Examples(packed([]), (("xx", "yy"),), tokenizer(), "translate")
    with pytest.raises(ConfigError, match="no training examples"):
        Trainer(recipe(), none, none, checkpoint=tmp_path / "c.pt", log=RecordingLog())


@pytest.mark.parametrize("network", [{"attention": "positional"}, {"encoder": {"kind": "self_attention", "heads": 2}}])
def test_examples_longer_than_the_table_of_positions_are_refused_before_anything_runs(
    tmp_path: Path, network: dict[str, Any]
) -> None:
    valid = recipe(network=network)
    run = valid.model_copy(update={"network": valid.network.model_copy(update={"positions": 6})})
    with pytest.raises(ConfigError, match=r"network\.positions: 6 .* examples of up to \d+ tokens"):
        trainer_of(run, tmp_path / "c.pt")


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    trainer_of(recipe(), tmp_path / "c.pt").run(max_steps=1)
    with pytest.raises(ConfigError, match=r"checkpoint: .* another network"):
        trainer_of(recipe(network={"hidden": 6, "embedding": 6}), tmp_path / "c.pt").run()


def test_a_run_that_diverges_says_where_and_what_to_change(tmp_path: Path) -> None:
    run = recipe(trainer={"learning_rate": 1e38, "warmup_steps": 0})
    with pytest.raises(ConfigError, match=r"trainer\.learning_rate: with \S+e\+3\d the gradient of update 2 is not"):
        trainer_of(run, tmp_path / "run.pt").run()
