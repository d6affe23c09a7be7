"""The mean of several networks' weights: of runs that went on from one bundle, each in its own way.

Wortsman et al. 2022 ("Model soups", arXiv:2203.05482): networks that were fine-tuned from the same weights lie close
enough for their mean to be one, often better than each. Of networks that share no start it is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

from torch import Tensor

from model_store.errors import ConfigError, ModelStoreError
from model_store.manifest import DataSource
from model_store.tokenizer import Tokenizer
from training.averaging import mean_of
from training.checkpoint import Checkpoint, averaged_state, averaged_weights
from training.run_folder import RunFolder, read_json
from training.start import learned_before, load_start


def average_with(folder: RunFolder, tokenizer: Tokenizer, others: Sequence[str], own_count: int = 1) -> None:
    """Make the run's averaged weights the mean of its own and those of `others`; its scores are forgotten.

    others: folders of runs, or bundles as find_bundle takes them; each counts once.
    own_count: how many times its own do.

    Raises ConfigError if nothing was trained yet, or one is neither a run nor a bundle, is of another network or has
    another tokenizer.
    """
    own = averaged_weights(folder.checkpoint)
    members = [own] * own_count + [_weights(each, tokenizer, own) for each in others]
    saved = Checkpoint.load(folder.checkpoint)
    average = averaged_state(mean_of(members), saved.average["n_averaged"])
    averaged_with = [*saved.averaged_with, *(_source(each, len(members)).model_dump(mode="json") for each in others)]
    replace(saved, average=average, best=None, best_score=-inf, averaged_with=averaged_with).save(folder.checkpoint)
    folder.scores.unlink(missing_ok=True)


def _source(other: str, members: int) -> DataSource:
    """What one of the others had learned from, for the card."""
    run = RunFolder(Path(other))
    if not run.checkpoint.exists():
        return learned_before(other, f"a bundle that its weights are averaged with, as one of {members}")
    return DataSource(
        name=run.root.name,
        licence="of the sources of that run",
        pairs=sum(counts["kept"] for counts in read_json(run.report).values()),
        origin=f"another run that its weights are averaged with, as one of {members}",
    )


def _weights(other: str, tokenizer: Tokenizer, own: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    run = RunFolder(Path(other))
    weights: Mapping[str, Tensor]
    if run.checkpoint.exists():
        weights, of_other = averaged_weights(run.checkpoint), run.load_tokenizer()
    else:
        try:
            bundle = load_start(other)
        except ModelStoreError as error:
            raise ConfigError(
                f"--with: {other!r} is no run that was trained and no bundle that can be read ({error}); allowed: the "
                "folder of a run, that of a bundle, or name[@version] of one that ships"
            ) from error
        weights, of_other = bundle.weights, bundle.tokenizer
    if of_other.serialized != tokenizer.serialized:
        raise ConfigError(f"--with: {other} has another tokenizer than the run; allowed: what began from one bundle")
    if {name: each.shape for name, each in weights.items()} != {name: each.shape for name, each in own.items()}:
        raise ConfigError(f"--with: {other} is of another network than the run; allowed: what began from one bundle")
    return weights
