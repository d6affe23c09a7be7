"""Bundles: what is saved is what is loaded, and nothing that was touched is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model_store.bundle import load_bundle, save_bundle, verify_bundle
from model_store.config import DecoderConfig, EncoderConfig, NetworkConfig
from model_store.errors import BundleCorruptError, BundleError, BundleNotFoundError, BundleVersionError, ConfigError
from model_store.manifest import Storage
from tests.unit.model_store.tiny_bundle import (
    DESCRIPTION,
    NETWORK,
    edit_manifest,
    network,
    readdress,
    save_tiny,
    tokenizer,
    translations_by,
)


def network_like(**changes: Any) -> NetworkConfig:
    return NetworkConfig.model_validate(NETWORK.model_dump() | changes)


NETWORKS = {
    "reference": NETWORK,
    "untied": network_like(tied_embeddings=False),
    "self_attention": network_like(encoder=EncoderConfig(kind="self_attention", heads=2)),
    "bidirectional": network_like(encoder=EncoderConfig(direction="bidirectional")),
    "positional": network_like(attention="positional", positions=16),
    "feed": network_like(decoder=DecoderConfig(input_feeding=True), attention="additive"),
    "gru": network_like(cell="gru", attention="none", layers=2, residual=True),
}


@pytest.mark.parametrize("config", NETWORKS.values(), ids=NETWORKS)
def test_network_comes_back_as_it_was(tmp_path: Path, config: NetworkConfig) -> None:
    original = network(config)
    folder = tmp_path / "tiny" / "1"
    description = replace(DESCRIPTION, network=config)
    manifest = save_bundle(folder, description=description, weights=original.state_dict(), tokenizer=tokenizer())
    bundle = load_bundle(folder)
    assert bundle.manifest == manifest == verify_bundle(folder)
    assert bundle.manifest.network == config
    assert bundle.manifest.parameters == sum(parameter.numel() for parameter in original.parameters())
    assert bundle.tokenizer.serialized == tokenizer().serialized
    loaded = bundle.network()
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert [name for name, _ in loaded.named_parameters()] == [name for name, _ in original.named_parameters()]
    source, lengths, target = torch.randint(4, 300, (2, 5)), torch.tensor([5, 3]), torch.randint(4, 300, (2, 4))
    for name, tensor in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    with torch.inference_mode():
        # Not bit for bit: a fused kernel may choose another path for the same numbers elsewhere in memory.
        torch.testing.assert_close(loaded(source, lengths, target), original(source, lengths, target))


@pytest.mark.parametrize(("storage", "tolerance"), [("float32", 0.0), ("float16", 1e-3), ("int8", 5e-3)])
def test_every_storage(tmp_path: Path, storage: Storage, tolerance: float) -> None:
    save_tiny(tmp_path / "1", replace(DESCRIPTION, storage=storage))
    original = network().state_dict()
    loaded = load_bundle(tmp_path / "1").weights
    assert loaded.keys() == original.keys()
    for name, tensor in original.items():
        assert loaded[name].dtype == torch.float32
        assert (loaded[name] - tensor).abs().max() <= tolerance


def test_tied_embedding_is_stored_once_and_stays_tied(tmp_path: Path) -> None:
    tied = save_tiny(tmp_path / "tied")
    untied = save_tiny(tmp_path / "untied", replace(DESCRIPTION, network=network_like(tied_embeddings=False)))
    assert untied.parameters - tied.parameters == 2 * NETWORK.vocabulary * NETWORK.embedding
    loaded = load_bundle(tmp_path / "tied").network()
    assert loaded.projection.weight is loaded.source_embedding.weight is loaded.target_embedding.weight


def test_weights_lie_where_kernels_want_them(tmp_path: Path) -> None:
    """A matrix that begins in the middle of a cache line can differ in the last bit from one that does not."""
    save_tiny(tmp_path / "1")
    assert {tensor.data_ptr() % 64 for tensor in load_bundle(tmp_path / "1").weights.values()} == {0}


def test_same_input_same_bytes(tmp_path: Path) -> None:
    save_tiny(tmp_path / "a", replace(DESCRIPTION, storage="int8"))
    save_tiny(tmp_path / "b", replace(DESCRIPTION, storage="int8"))
    first = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    second = {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert first == second
    assert sorted(first) == ["README.md", "manifest.json", "tokenizer.model", "weights.safetensors"]


def test_date_is_iso_in_utc(tmp_path: Path) -> None:
    save_tiny(tmp_path / "1")
    assert '"created": "2020-01-02T03:04:05Z"' in (tmp_path / "1" / "manifest.json").read_text()


def test_translations_come_back_and_are_those_of_its_languages(tmp_path: Path) -> None:
    save_tiny(tmp_path / "with", translations={"ru": translations_by([30, 9])})
    assert load_bundle(tmp_path / "with").translations["ru"].of(7).tolist() == [30, 9]
    save_tiny(tmp_path / "without")
    assert load_bundle(tmp_path / "without").translations == {}
    save_tiny(tmp_path / "other", translations={"de": translations_by([30])})
    with pytest.raises(BundleCorruptError, match=r"translations\.safetensors: \['de'\] are no target languages"):
        load_bundle(tmp_path / "other")


def test_existing_bundle_is_never_overwritten(tmp_path: Path) -> None:
    save_tiny(tmp_path / "1")
    before = (tmp_path / "1" / "manifest.json").read_bytes()
    with pytest.raises(BundleError, match="exists already"):
        save_tiny(tmp_path / "1", replace(DESCRIPTION, storage="int8"))
    assert (tmp_path / "1" / "manifest.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "No Spaces"}, "name: .*No Spaces"),
        ({"version": "one"}, "version: .*one"),
        ({"storage": "int4"}, "storage: .*int4"),
        ({"directions": ()}, "directions: "),
        ({"directions": (("en", "ru"), ("en", "ru"))}, "names one twice"),
        ({"directions": (("en", "de"),)}, r"target_language: 'de' is not one of \['en', 'ru'\]"),
        ({"formality": ("ru",)}, r"formality: \['ru'\], but the tokenizer has no tokens for it"),
        ({"network": network_like(vocabulary=400)}, "network.vocabulary: 400 is not the tokenizer's, 320"),
    ],
)
def test_bad_description_writes_nothing(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    description = replace(DESCRIPTION, **changes)
    with pytest.raises(ConfigError, match=message):
        save_tiny(tmp_path / "1", description)
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    state = network().state_dict()
    tied = {**state, "projection.weight": state["projection.weight"] + 1}
    wide = network(network_like(hidden=12)).state_dict()
    infinite = {**state, "projection.bias": torch.full_like(state["projection.bias"], torch.inf)}
    without = {name: tensor for name, tensor in state.items() if name != "decoder.combine.weight"}
    for weights, message in (
        (tied, "projection.weight is tied to source_embedding.weight"),
        (wide, "has shape .*; the network's is"),
        (infinite, "projection.bias has values that are not finite"),
        (without, "decoder.combine.weight is missing"),
        ({**state, "extra": torch.zeros(1)}, "the network has no extra"),
    ):
        with pytest.raises(BundleError, match=message):
            save_bundle(tmp_path / "1", description=DESCRIPTION, weights=weights, tokenizer=tokenizer())
    assert list(tmp_path.iterdir()) == []


FILES = ["README.md", "tokenizer.model", "weights.safetensors"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("check", [load_bundle, verify_bundle])
def test_flipped_bit(tmp_path: Path, name: str, check: Callable[[Path], object]) -> None:
    save_tiny(tmp_path / "1")
    path = tmp_path / "1" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleCorruptError, match=f"{name}: was altered"):
        check(tmp_path / "1")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("check", [load_bundle, verify_bundle])
def test_truncated_file(tmp_path: Path, name: str, check: Callable[[Path], object]) -> None:
    save_tiny(tmp_path / "1")
    path = tmp_path / "1" / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BundleCorruptError, match=rf"{name}: has \d+ bytes; the manifest says \d+"):
        check(tmp_path / "1")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("check", [load_bundle, verify_bundle])
def test_missing_file(tmp_path: Path, name: str, check: Callable[[Path], object]) -> None:
    save_tiny(tmp_path / "1")
    (tmp_path / "1" / name).unlink()
    with pytest.raises(BundleCorruptError, match=f"{name}: is missing"):
        check(tmp_path / "1")


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    save_tiny(tmp_path / "1")
    (tmp_path / "1" / "README.md").unlink()
    (tmp_path / "1" / "README.md").mkdir()
    with pytest.raises(BundleCorruptError, match=r"README.md: cannot be read"):
        load_bundle(tmp_path / "1")


@pytest.mark.parametrize("check", [load_bundle, verify_bundle])
def test_unlisted_file(tmp_path: Path, check: Callable[[Path], object]) -> None:
    save_tiny(tmp_path / "1")
    (tmp_path / "1" / "weights-2.safetensors").write_bytes(b"")
    with pytest.raises(BundleCorruptError, match=r"weights-2.safetensors: not listed"):
        check(tmp_path / "1")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tokenizer.model", "files: tokenizer.model is not listed"),
        ("weights.safetensors", "weights.*safetensors: weights: .* is missing"),
    ],
)
def test_what_a_manifest_must_list(tmp_path: Path, name: str, message: str) -> None:
    save_tiny(tmp_path / "1")
    (tmp_path / "1" / name).unlink()
    edit_manifest(tmp_path / "1", lambda raw: raw.update(files=[f for f in raw["files"] if f["name"] != name]))
    with pytest.raises(BundleCorruptError, match=message):
        load_bundle(tmp_path / "1")


def test_missing_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError, match="no such bundle folder"):
        load_bundle(tmp_path / "1")


def test_missing_manifest(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    with pytest.raises(BundleCorruptError, match=r"manifest.json: cannot be read"):
        load_bundle(tmp_path / "1")


@pytest.mark.parametrize("version", [0, 2, "1", None, True])
def test_other_format_version(tmp_path: Path, version: object) -> None:
    save_tiny(tmp_path / "1")
    edit_manifest(tmp_path / "1", lambda raw: raw.update(format_version=version, new_field=1))
    with pytest.raises(BundleVersionError, match=r"manifest.json: format_version is .*; this code reads 1"):
        load_bundle(tmp_path / "1")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda raw: raw.pop("task"), "task: Field required"),
        (lambda raw: raw.update(surplus=1), "surplus: Extra inputs"),
        (lambda raw: raw["network"].update(layers=0), "network.layers: "),
        (lambda raw: raw["files"][0].update(name="../x"), "files.0.name: "),
        (lambda raw: raw["files"][0].update(name="/etc/passwd"), "files.0.name: "),
        (lambda raw: raw["files"][0].update(name="a/b"), "files.0.name: "),
        (lambda raw: raw["files"][0].update(name=".."), "files.0.name: "),
        (lambda raw: raw["files"][0].update(bytes=-1), "files.0.bytes: "),
        (lambda raw: raw["files"].append(raw["files"][0]), "files: .*names one twice"),
        (lambda raw: raw["directions"].append("en-de"), "directions: 'en-de' is not a pair of the languages"),
        (lambda raw: raw["formality"].append("de"), "formality: .'de'. are no target languages"),
        (lambda raw: raw["network"].update(hidden=16), "weights.*safetensors: .* has shape"),
        (lambda raw: raw["network"].update(vocabulary=321), "tokenizer.model: network.vocabulary: 321 is not"),
        (lambda raw: raw["scores"][0].update(value="good"), "scores.0.value: "),
        (lambda raw: raw.update(created="yesterday"), "created: "),
    ],
)
def test_wrong_manifest(tmp_path: Path, edit: Callable[[dict[str, Any]], None], message: str) -> None:
    save_tiny(tmp_path / "1")
    edit_manifest(tmp_path / "1", edit)
    with pytest.raises(BundleCorruptError, match=message):
        load_bundle(tmp_path / "1")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"null", b"[" * 100_000])
def test_manifest_that_is_no_json_object(tmp_path: Path, content: bytes) -> None:
    save_tiny(tmp_path / "1")
    (tmp_path / "1" / "manifest.json").write_bytes(content)
    with pytest.raises(BundleCorruptError, match=r"manifest.json: not "):
        load_bundle(tmp_path / "1")


@pytest.mark.parametrize("name", ["tokenizer.model", "weights.safetensors"])
def test_nonsense_with_a_good_checksum(tmp_path: Path, name: str) -> None:
    save_tiny(tmp_path / "1")
    readdress(tmp_path / "1", name, b"\x80\x04nonsense")
    with pytest.raises(BundleCorruptError, match=name.replace("weights", "weights.*")):
        load_bundle(tmp_path / "1")
