"""Starting from a bundle with another vocabulary: what is taken over, what stays random, what is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

from model_store.bundle import Bundle, load_bundle
from model_store.config import NetworkConfig
from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from tests.unit.model_store.tiny_bundle import DESCRIPTION, NETWORK, save_tiny
from training.config import Recipe, TokenizerConfig
from training.start import initial_weights
from training.tokenizer_training import train_tokenizer
from training.transfer import transferred

PIECES = 340


@cache
def tokenizer() -> Tokenizer:
    """One for English and German, whose words are others than those of the bundle's tokenizer."""
    generator = random.Random(7)
    words = ["".join(generator.choices("abcdefgäöü", k=generator.randint(2, 8))) for _ in range(300)]
    text = [" ".join(generator.choices(words, k=8)) for _ in range(400)]
    return train_tokenizer(text, TokenizerConfig(vocabulary=PIECES), languages=["en", "de"], seed=1)


@pytest.fixture(name="bundle")
def bundle_fixture(tmp_path: Path) -> Bundle:
    save_tiny(tmp_path / "tiny" / "1")
    return load_bundle(tmp_path / "tiny" / "1")


def fresh(**changes: object) -> Seq2Seq:
    torch.manual_seed(3)
    return Seq2Seq(NetworkConfig.model_validate({**NETWORK.model_dump(), "vocabulary": PIECES, **changes}))


def test_each_row_is_that_of_the_piece_or_of_its_parts_or_random(bundle: Bundle) -> None:
    network = fresh()
    own, weights = network.state_dict(), transferred(bundle, tokenizer(), network)
    theirs = bundle.tokenizer.pieces(range(bundle.tokenizer.vocabulary))
    kinds = dict.fromkeys(("same", "parts", "random"), 0)
    for id_, piece in enumerate(tokenizer().pieces(range(PIECES))):
        for name in ("source_embedding.weight", "projection.weight", "projection.bias"):
            known = bundle.weights[name]
            if piece in theirs:
                kind, expected = "same", known[theirs.index(piece)]
            elif piece == "<2de>" or not set(piece) & set("".join(theirs[6:])):
                kind, expected = "random", own[name][id_]
            else:
                kind, expected = "parts", known[longest_parts(piece, theirs)].mean(dim=0)
            torch.testing.assert_close(weights[name][id_], expected, rtol=0, atol=0)
            kinds[kind] += 1
    assert min(kinds.values()) > 0


def longest_parts(piece: str, known: list[str]) -> list[int]:
    """The slow way: by recursion on what is left, one longest prefix after the other."""
    if not piece:
        return []
    prefixes = [each for each in known if each and piece.startswith(each)]
    if not prefixes:
        return longest_parts(piece[1:], known)
    longest = max(prefixes, key=len)
    return [known.index(longest), *longest_parts(piece[len(longest) :], known)]


def test_all_that_has_no_row_for_a_piece_is_the_bundles(bundle: Bundle) -> None:
    weights = transferred(bundle, tokenizer(), fresh())
    same = [name for name in bundle.weights if name.startswith(("encoder.", "decoder."))]
    assert len(bundle.weights) - len(same) == 4
    for name in same:
        torch.testing.assert_close(weights[name], bundle.weights[name], rtol=0, atol=0)
    fresh().load_state_dict(weights)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": 6}, r"network\.hidden: 6 is not that of tiny@1, which this run starts from; allowed: 8 or more$"),
        ({"encoder": {"direction": "forward"}}, r"network\.encoder\.direction: 'forward' .*; allowed: 'reversed'"),
    ],
)
def test_another_network_is_refused(bundle: Bundle, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        transferred(bundle, tokenizer(), fresh(**changes))


@pytest.mark.parametrize(
    "more",
    [
        {"hidden": 12, "embedding": 11},
        {"embedding_window": 5},
        {"hidden": 12, "embedding": 11, "embedding_window": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("window", [0, 1])
def test_a_larger_network_begins_with_what_the_bundle_does(
    tmp_path: Path, window: int, more: dict[str, object]
) -> None:
    """With the bundle's own tokenizer, so that no row is random."""
    config = NETWORK.model_copy(update={"embedding_window": window})
    save_tiny(tmp_path / "windowed" / "1", replace(DESCRIPTION, network=config))
    bundle = load_bundle(tmp_path / "windowed" / "1")
    network = Seq2Seq(config).eval()
    network.load_state_dict(bundle.weights)
    wide = Seq2Seq(config.model_copy(update=more)).eval()
    wide.load_state_dict(transferred(bundle, bundle.tokenizer, wide))
    source, lengths, target = torch.tensor([[5, 6, 7]]), torch.tensor([3]), torch.tensor([[2, 8, 9]])
    expected = network.projection(network(source, lengths, target))
    torch.testing.assert_close(wide.projection(wide(source, lengths, target)), expected)


def recipe(**fields: object) -> Recipe:
    network = {**NETWORK.model_dump(), "vocabulary": PIECES}
    source = {"name": "mine", "format": "tsv", "left": "en", "right": "de", "path": "mine.tsv"}
    data = {"directions": ["en-de"], "sources": [source]}
    return Recipe.model_validate({"data": data, "network": network, "export": {"name": "mine"}, **fields})


def test_a_recipe_names_the_bundle(bundle: Bundle) -> None:
    weights = initial_weights(recipe(transfer_from=str(bundle.folder)), tokenizer())
    assert weights is not None
    assert set(weights) == set(bundle.weights)
    assert initial_weights(recipe(), tokenizer()) is None


def test_a_run_starts_from_one_bundle() -> None:
    with pytest.raises(ValueError, match=r"transfer_from: 'b', but the run starts from 'a' already"):
        recipe(start_from="a", transfer_from="b")
