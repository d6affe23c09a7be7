"""checkpoint -> bundle: the averaged weights with everything a reader or a service wants to know of them."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from model_store.bundle import BundleDescription, save_bundle
from model_store.errors import ConfigError
from model_store.manifest import DataSource
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from model_store.translations import Translations
from model_store.weights import pack_weights, unpack_weights
from training.checkpoint import Checkpoint, averaged_weights
from training.config import Recipe
from training.dataset import PackedPairs
from training.run_folder import RunFolder, read_json
from training.scores import Measured, read_scores
from training.shortlist import learn_translations
from training.source_config import SourceConfig
from training.start import learned_before
from training.writing import naming


def stored_network(recipe: Recipe, weights: dict[str, Tensor]) -> Seq2Seq:
    """The network with `weights` as a bundle would give them back, rounding included: what is scored is what ships."""
    network = Seq2Seq(recipe.network)
    network.load_state_dict(weights)
    untied = {name: weights[name] for name, _parameter in network.named_parameters()}
    network.load_state_dict(unpack_weights(pack_weights(untied, recipe.export.storage).items()), strict=False)
    return network.eval()


def trained_weights(recipe: Recipe, checkpoint: Path) -> dict[str, Tensor]:
    """The averaged weights of a run. Raises ConfigError if they are not those of the recipe's network."""
    weights = averaged_weights(checkpoint)
    with torch.device("meta"):
        own = Seq2Seq(recipe.network).state_dict()
    if {name: each.shape for name, each in weights.items()} != {name: each.shape for name, each in own.items()}:
        raise ConfigError(
            f"checkpoint: {checkpoint} is of another network than the recipe's; allowed: the recipe, and the "
            "--from, that it was trained with"
        )
    return weights


def bundle_folder(recipe: Recipe, store: Path) -> Path:
    """Where the recipe's bundle lies in `store`. Raises ConfigError if that is the URL of one somewhere else."""
    if url := re.match(r"([a-z][a-z0-9+.-]+):/", str(store)):
        raise ConfigError(f"--out: {str(store)!r} is in {url[1]}; allowed: a folder here, which can be copied there")
    return store / recipe.export.name / recipe.export.version


def bundle_reference(recipe: Recipe) -> str:
    """The recipe's bundle as name@version."""
    return f"{recipe.export.name}@{recipe.export.version}"


def measured(recipe: Recipe) -> Measured:
    """What the figures of the recipe's bundle depend on beside the weights."""
    return Measured(bundle_reference(recipe), recipe.export.storage, recipe.decoding.model_dump(mode="json"))


def export(recipe: Recipe, folder: RunFolder, store: Path) -> Path:
    """Write the run's bundle into `store` and return its folder.

    Raises BundleError if that name and version exist already: bundles are immutable, so raise export.version; and
    ConfigError if it cannot be written.
    """
    target = bundle_folder(recipe, store)
    description = BundleDescription(
        name=recipe.export.name,
        version=recipe.export.version,
        task=recipe.data.task,
        directions=recipe.data.pairs,
        description=recipe.export.description,
        licence=recipe.export.licence,
        network=recipe.network,
        decoding=recipe.decoding,
        storage=recipe.export.storage,
        formality=recipe.data.formality,
        scores=read_scores(folder.scores, measured(recipe)),
        data=_data(recipe, folder),
    )
    weights, tokenizer = trained_weights(recipe, folder.checkpoint), Tokenizer.load(folder.tokenizer)
    translations = _translations(recipe, folder)
    with naming(f"bundle: {target}"):
        save_bundle(target, description=description, weights=weights, tokenizer=tokenizer, translations=translations)
    return target


def _translations(recipe: Recipe, folder: RunFolder) -> dict[str, Translations]:
    """None if the recipe wants no shortlist."""
    config = recipe.export.shortlist
    if config is None:
        return {}
    return learn_translations(
        PackedPairs.load(folder.train),
        recipe.data.pairs,
        config,
        vocabulary=recipe.network.vocabulary,
        seed=recipe.trainer.seed,
    )


def _data(recipe: Recipe, folder: RunFolder) -> tuple[DataSource, ...]:
    """The bundle that training began with, if it did, the sources with how many pairs of each were kept, and what the
    run was averaged with."""
    report = read_json(folder.report)
    sources = tuple(
        DataSource(
            name=source.name,
            licence=source.licence,
            pairs=report[source.name]["kept"],
            origin=_origin(source),
        )
        for source in recipe.data.sources
    )
    reference = recipe.begins_with
    begun = () if reference is None else (learned_before(reference, "the bundle whose weights training began with"),)
    others = (DataSource(**each) for each in Checkpoint.load(folder.checkpoint).averaged_with)
    return (*begun, *sources, *others)


def _origin(source: SourceConfig) -> str:
    """Where a source comes from, and which side of it is no person's text."""
    place = source.path or source.format
    if source.format in ("sentencebook", "newsbook"):
        return f"{place} (written for Verso by a language model)"
    if source.format == "own_translations":
        return f"{place} ({source.right} written for Verso by a language model)"
    if source.back_translated is None:
        return place
    return f"{place} (back-translated: {source.back_translated} written by a model)"
