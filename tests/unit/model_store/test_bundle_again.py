"""A bundle is read again from its folder, in which other things may lie by then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from model_store.bundle import load_again, load_bundle
from model_store.errors import BundleCorruptError
from model_store.manifest import README_FILE
from tests.unit.model_store.tiny_bundle import edit_manifest, readdress, save_tiny, translations_by


def test_what_was_loaded_is_loaded_again_whatever_is_said_of_it_by_now(tmp_path: Path) -> None:
    manifest = save_tiny(tmp_path / "1", translations={"ru": translations_by([30])})
    loaded = load_bundle(tmp_path / "1")
    edit_manifest(tmp_path / "1", lambda raw: raw.update(description="Another.", task="summarize"))
    (tmp_path / "1" / README_FILE).unlink()
    (tmp_path / "1" / "more").write_text("")
    again = load_again(tmp_path / "1", manifest)
    assert again.manifest == loaded.manifest
    assert again.tokenizer.serialized == loaded.tokenizer.serialized
    assert again.weights.keys() == loaded.weights.keys()
    assert all(torch.equal(again.weights[name], weights) for name, weights in loaded.weights.items())
    assert again.translations.keys() == {"ru"}


@pytest.mark.parametrize("name", ["weights.safetensors", "tokenizer.model", "translations.safetensors"])
def test_what_decodes_has_to_be_what_was_loaded_whatever_the_folder_says(tmp_path: Path, name: str) -> None:
    manifest = save_tiny(tmp_path / "1", translations={"ru": translations_by([30])})
    readdress(tmp_path / "1", name, (tmp_path / "1" / name).read_bytes()[:-1] + b"?")
    not_it = f"{tmp_path / '1'}: is not the bundle any more that was loaded from there: .*{name}"
    with pytest.raises(BundleCorruptError, match=not_it):
        load_again(tmp_path / "1", manifest)
    shutil.rmtree(tmp_path / "1")
    with pytest.raises(BundleCorruptError, match=not_it.rpartition(".*")[0] + ".*is missing"):
        load_again(tmp_path / "1", manifest)
