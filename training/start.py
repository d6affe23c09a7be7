"""Where a run starts if not from random weights: a published bundle, which it adapts (fine-tuning) or transfers.

If it adapts the bundle, network and tokenizer are the bundle's, since its weights mean nothing with others. A recipe
need not repeat them, and states its own dropout, which weights do not depend on, and greater widths if it wants a wider
network. With a tokenizer of its own it can still start from the bundle's cells and shared pieces: training/transfer.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model_store.bundle import Bundle, load_bundle
from model_store.errors import BundleNotFoundError, ConfigError
from model_store.manifest import MANIFEST_FILE, TOKENIZER_FILE, WEIGHTS_PATTERN, DataSource, read_manifest
from model_store.network.seq2seq import Seq2Seq
from model_store.store import BundleStore
from model_store.tokenizer import Tokenizer
from training.config import Recipe
from training.rescaling import rescale_embeddings
from training.run_folder import RunFolder, read_json
from training.transfer import GROWING, check_network, check_same, transferred
from training.writing import replacing


def find_bundle(reference: str) -> Path:
    """The folder of a bundle: `reference` itself if it is a folder, else name[@version] among those that ship.

    Raises ConfigError or BundleNotFoundError if it is neither.
    """
    folder = Path(reference)
    if reference and folder.is_dir():
        if not (folder / MANIFEST_FILE).exists():
            raise ConfigError(
                f"bundle: {reference!r} is a folder without {MANIFEST_FILE}, so no bundle; allowed: a folder of one, "
                "as STORE/NAME/VERSION, or name[@version] of those that ship"
            )
        return folder
    if len(folder.parts) > 1:
        raise ConfigError(f"bundle: {reference!r} is no folder; allowed: one, or name[@version] of those that ship")
    try:
        return BundleStore().resolve(reference)
    except BundleNotFoundError as error:
        raise BundleNotFoundError(f"bundle: {error}; allowed: one of these, or the folder of another") from error


def load_start(reference: str) -> Bundle:
    """The bundle that a run starts from, verified. Raises as load_bundle and find_bundle."""
    return load_bundle(find_bundle(reference))


def learned_before(reference: str, origin: str) -> DataSource:
    """A bundle whose weights a run has, as a source of what it learned. Raises as find_bundle."""
    bundle = read_manifest(find_bundle(reference))
    return DataSource(
        name=bundle.reference,
        licence=bundle.licence,
        pairs=sum(each.pairs for each in bundle.data),
        origin=origin,
    )


def check_transfer(recipe: Recipe) -> None:
    """Raises ConfigError or BundleError if the bundle that weights are transferred from is not there, or its network is
    another than the recipe's."""
    if recipe.transfer_from is not None:
        check_network(recipe.network, read_manifest(find_bundle(recipe.transfer_from)))


def initial_weights(recipe: Recipe, tokenizer: Tokenizer) -> Mapping[str, Tensor] | None:
    """What the network of a run begins with; None for random weights. Raises as load_start and transferred."""
    reference = recipe.begins_with
    if reference is None:
        return None
    torch.manual_seed(recipe.trainer.seed)
    network = Seq2Seq(recipe.network)
    network.load_state_dict(transferred(load_start(reference), tokenizer, network))
    if recipe.trainer.embedding_scale != 1.0:
        rescale_embeddings(network, recipe.trainer.embedding_scale)
    return network.state_dict()


def note_beginning(recipe: Recipe, folder: RunFolder) -> None:
    """Keep which bundle's weights a run begins with, for `check_beginning`."""
    reference = recipe.begins_with
    if reference is None:
        folder.beginning.unlink(missing_ok=True)
        return
    with replacing(folder.beginning) as file:
        file.write((json.dumps(weights_of(reference), indent=2) + "\n").encode())


def check_beginning(recipe: Recipe, folder: RunFolder) -> None:
    """Raises ConfigError if the run began with the weights of another bundle than the recipe, or --from, names now: its
    card would tell of that one."""
    reference = recipe.begins_with
    if reference is None or not (folder.beginning.exists() and folder.checkpoint.exists()):
        return
    then, now = read_json(folder.beginning), weights_of(reference)
    if then != now:
        others = " of other weights" if then["bundle"] == now["bundle"] else ""
        raise ConfigError(
            f"--from: {reference} is {now['bundle']}, but {folder.checkpoint} began with {then['bundle']}{others}; "
            "allowed: what it began with, or another --runs, or remove it to train anew"
        )


def weights_of(reference: str) -> dict[str, Any]:
    """Which bundle a reference is, and the checksums of its weights, as JSON. Raises as find_bundle."""
    manifest = read_manifest(find_bundle(reference))
    weights = {each.name: each.sha256 for each in manifest.files if fnmatch(each.name, WEIGHTS_PATTERN)}
    return {"bundle": manifest.reference, "weights": weights}


def check_tokenizer_of_start(reference: str, prepared: Tokenizer, folder: Path) -> None:
    """Raises ConfigError if what lies prepared in `folder` was encoded with another tokenizer than the bundle's."""
    if load_start(reference).tokenizer.serialized != prepared.serialized:
        raise ConfigError(
            f"{folder}: was prepared with another tokenizer than that of {reference}, which this run starts from; "
            "remove it and prepare again with --from, or choose another --runs"
        )


def not_used(recipe: Recipe) -> list[str]:
    """What a recipe says of how its vocabulary is learned, where that is a bundle's and none is; sorted."""
    stated = recipe.tokenizer.model_fields_set - {"vocabulary", "lower_case"}
    return [] if recipe.start_from is None else [f"tokenizer.{name}" for name in sorted(stated)]


def with_bundle(raw: dict[str, Any], reference: str) -> dict[str, Any]:
    """A recipe's tables with what follows from the bundle: network, tokenizer, task; decoding where it is silent.

    Raises ConfigError if the recipe states a network, tokenizer or task that is not the bundle's; but it may be wider,
    and attend the embeddings of a larger window.
    """
    folder = find_bundle(reference)
    manifest = read_manifest(folder)
    network = manifest.network.model_dump(mode="json", exclude={"dropout", "vocabulary"})
    tokenizer = Tokenizer.load(folder / TOKENIZER_FILE)
    options = {"vocabulary": tokenizer.vocabulary, "lower_case": tokenizer.encode("A") == tokenizer.encode("a")}
    follows = {"network": network, "tokenizer": options, "data": {"task": manifest.task}}
    tables = dict(raw)
    for name, fields in follows.items():
        stated = raw.get(name, {})
        if not isinstance(stated, dict):
            continue  # refused with the whole recipe
        check_same(name, stated, fields, manifest)
        tables[name] = {**stated, **fields, **{more: stated[more] for more in GROWING if more in stated}}
    decoding = raw.get("decoding", {})
    if isinstance(decoding, dict):
        tables["decoding"] = {**manifest.decoding.model_dump(mode="json"), **decoding}
    return {**tables, "start_from": reference}
