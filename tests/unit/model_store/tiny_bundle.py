"""A bundle that takes milliseconds to write, for the tests of everything that reads bundles."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model_store.bundle import BundleDescription, save_bundle
from model_store.config import DecodingConfig, NetworkConfig
from model_store.manifest import DataSource, Manifest, Score
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from model_store.translations import Translations
from training.config import TokenizerConfig
from training.tokenizer_training import train_tokenizer

VOCABULARY = 320
NETWORK = NetworkConfig(vocabulary=VOCABULARY, layers=1, hidden=8, embedding=8)
DESCRIPTION = BundleDescription(
    name="tiny",
    version="1",
    task="translate",
    directions=(("en", "ru"), ("ru", "en")),
    network=NETWORK,
    decoding=DecodingConfig(),
    description="Knows nothing.",
    licence="Apache-2.0",
    scores=(Score(test_set="made up", direction="en-ru", metric="chrF", value=12.25, command="verso-train score"),),
    data=(DataSource(name="made | up", licence="CC0-1.0", pairs=1234, origin="this test"),),
    created=datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC),
)


@cache
def tokenizer(*, lower_case: bool = False) -> Tokenizer:
    """One for English and Russian."""
    generator = random.Random(0)
    words = ["".join(generator.choices("abcdefgклмнопрст", k=generator.randint(2, 8))) for _ in range(300)]
    text = [" ".join(generator.choices(words, k=8)) for _ in range(400)]
    config = TokenizerConfig(vocabulary=VOCABULARY, lower_case=lower_case)
    return train_tokenizer(text, config, languages=["en", "ru"], seed=1)


def network(config: NetworkConfig = NETWORK, seed: int = 0) -> Seq2Seq:
    """An untrained network, in eval mode."""
    torch.manual_seed(seed)
    return Seq2Seq(config).eval()


def save_tiny(
    folder: Path,
    description: BundleDescription = DESCRIPTION,
    translations: Mapping[str, Translations] | None = None,
) -> Manifest:
    """Write a bundle of an untrained network."""
    weights = network(description.network).state_dict()
    return save_bundle(
        folder, description=description, weights=weights, tokenizer=tokenizer(), translations=translations
    )


def translations_by(ids: Sequence[int]) -> Translations:
    """Every token is translated by the same ids."""
    table = np.tile(np.array(ids), VOCABULARY)
    return Translations(np.array([], np.int64), np.arange(VOCABULARY + 1) * len(ids), table)


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    raw = json.loads(path.read_text())
    edit(raw)
    path.write_text(json.dumps(raw))


def readdress(folder: Path, name: str, content: bytes) -> None:
    """Replace a file and its checksum too, as somebody who means it would."""
    (folder / name).write_bytes(content)

    def edit(raw: dict[str, Any]) -> None:
        for entry in raw["files"]:
            if entry["name"] == name:
                entry.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

    edit_manifest(folder, edit)
