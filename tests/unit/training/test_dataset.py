"""Packed pairs and what becomes of them: directions, repeats, prefix, BOS and EOS, padding and mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.tokenizer import Tokenizer
from tests.unit.training.full_disk import full_after
from tests.unit.training.tiny import packed, tokenizer
from training.dataset import BACK_TRANSLATED_ID, Examples, PackedPairs

PAIRS = [([10, 11], [20]), ([12], [21, 22, 23]), ([13, 14, 15], [24, 25])]
BOTH = (("xx", "yy"), ("yy", "xx"))


@pytest.fixture(name="words")
def words_fixture() -> Tokenizer:
    return tokenizer()


def alone(examples: Examples, index: int) -> tuple[list[int], list[int]]:
    """Source and target ids of one example, which fill a batch of one without padding."""
    batch = examples.batch([index])
    return batch.source[0].tolist(), batch.target_out[0].tolist()


def everything(examples: Examples) -> list[tuple[list[int], list[int]]]:
    return [alone(examples, index) for index in range(len(examples))]


ids = st.lists(st.integers(2, 299), max_size=6)


@given(pairs=st.lists(st.tuples(ids, ids), max_size=8))
@settings(deadline=None, max_examples=25)
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[list[int], list[int]]]
) -> None:
    folder = tmp_path_factory.mktemp("packed") / "train"
    packed(pairs, repeats=[3] * len(pairs)).save(folder)
    loaded = PackedPairs.load(folder)
    assert len(loaded) == len(pairs)
    assert [(loaded.side(pair, 0), loaded.side(pair, 1)) for pair in range(len(pairs))] == pairs
    assert loaded.languages == ("xx", "yy")
    assert loaded.repeats.tolist() == [3] * len(pairs)
    assert loaded.ids.dtype == np.uint16


@pytest.mark.parametrize("tokens", [500, 50_000])
def test_a_full_disk_is_noticed_whatever_the_size(tmp_path: Path, tokens: int) -> None:
    with full_after(1000), pytest.raises(OSError, match="File too large"):
        packed([([5] * tokens, [6])]).save(tmp_path / "train")


def test_nothing_prepared_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PackedPairs.load(tmp_path)


def test_each_direction_reads_one_side_behind_the_others_language_and_writes_the_other(words: Tokenizer) -> None:
    eos = words.eos_id
    (to_yy,), (to_xx,) = words.prefix_ids("yy"), words.prefix_ids("xx")
    forth = [([to_yy, *left, eos], [*right, eos]) for left, right in PAIRS]
    back = [([to_xx, *right, eos], [*left, eos]) for left, right in PAIRS]
    assert everything(Examples(packed(PAIRS), BOTH, words, "translate")) == forth + back
    assert everything(Examples(packed(PAIRS), BOTH[:1], words, "translate")) == forth
    assert everything(Examples(packed(PAIRS), BOTH[1:], words, "translate")) == back
    assert everything(Examples(packed(PAIRS), (("xx", "zz"),), words, "translate")) == []


def test_repeats_give_an_example_more_than_once_in_an_epoch(words: Tokenizer) -> None:
    examples = Examples(packed(PAIRS, repeats=[2, 1, 3]), BOTH, words, "translate")
    targets = [target[0] for _source, target in everything(examples)]
    assert sorted(targets) == sorted([20, 20, 21, 24, 24, 24, 10, 10, 12, 13, 13, 13])


def test_lengths_are_those_of_the_examples(words: Tokenizer) -> None:
    examples = Examples(packed(PAIRS), BOTH, words, "translate")
    for index, (source, target) in enumerate(everything(examples)):
        assert (examples.source_lengths[index], examples.target_lengths[index]) == (len(source), len(target))


def test_the_source_is_what_the_service_would_feed(words: Tokenizer) -> None:
    """Training and serving have to agree on it to the id."""
    text = "abc deh"
    examples = Examples(packed([(words.encode(text), [20])]), BOTH[:1], words, "translate")
    assert tuple(alone(examples, 0)[0]) == words.source_ids(text, target_language="yy")


def test_what_a_model_wrote_is_a_tagged_source_and_never_a_target(words: Tokenizer) -> None:
    tag, eos = BACK_TRANSLATED_ID, words.eos_id
    (to_yy,), (to_xx,) = words.prefix_ids("yy"), words.prefix_ids("xx")
    pairs = packed([([10], [20]), ([tag, 11], [21]), ([12], [tag, 22]), ([], [tag]), ([], [])], repeats=[1, 2, 1, 1, 1])
    assert pairs.back_translated.tolist() == [
        [False, False],
        [True, False],
        [False, True],
        [False, True],
        [False, False],
    ]
    forth = [([to_yy, *source, eos], [*target, eos]) for source, target in [([10], [20]), *[([tag, 11], [21])] * 2]]
    back = [
        ([to_xx, *source, eos], [*target, eos]) for source, target in [([20], [10]), ([tag, 22], [12]), ([tag], [])]
    ]
    empty = [([to_yy, eos], [eos]), ([to_xx, eos], [eos])]
    examples = Examples(pairs, BOTH, words, "translate")
    assert everything(examples) == [*forth, empty[0], *back, empty[1]]
    assert examples.source_lengths.tolist() == [len(source) for source, _target in everything(examples)]


def test_which_sides_a_model_wrote_is_known_of_a_mapped_folder_and_of_an_empty_one(tmp_path: Path) -> None:
    packed([([], [BACK_TRANSLATED_ID, 5]), ([6], [])]).save(tmp_path / "train")
    assert PackedPairs.load(tmp_path / "train").back_translated.tolist() == [[False, True], [False, False]]
    assert packed([]).back_translated.shape == (0, 2)


def test_formality_is_that_of_the_side_that_is_written(words: Tokenizer) -> None:
    polite = tokenizer(formality=True)
    examples = Examples(packed(PAIRS, formality=[(0, 1), (0, 2), (0, 0)]), BOTH, polite, "translate")
    asked = [polite.pieces(source)[:2] for source, _target in everything(examples)]
    ways = ["<2yy> formal", "<2yy> informal", "<2yy> default", *["<2xx> default"] * 3]
    assert asked == [[language, f"<formality:{way}>"] for language, way in map(str.split, ways)]
    # What was prepared with it is trained on with a tokenizer that has none as if there was nothing to say.
    plain = Examples(packed(PAIRS, formality=[(0, 1), (0, 2), (0, 0)]), BOTH, words, "translate")
    assert everything(plain) == everything(Examples(packed(PAIRS), BOTH, words, "translate"))


def test_a_batch_is_padded_shifted_and_masked(words: Tokenizer) -> None:
    examples = Examples(packed(PAIRS), BOTH[:1], words, "translate")
    batch = examples.batch([1, 0])
    (prefix,), bos, eos = words.prefix_ids("yy"), words.bos_id, words.eos_id
    assert batch.source.tolist() == [[prefix, 12, eos, 0], [prefix, 10, 11, eos]]
    assert batch.source_lengths.tolist() == [3, 4]
    assert batch.target_in.tolist() == [[bos, 21, 22, 23], [bos, 20, 0, 0]]
    assert batch.target_out.tolist() == [[21, 22, 23, eos], [20, eos, 0, 0]]
    assert batch.target_mask.tolist() == [[True] * 4, [True, True, False, False]]
    assert (batch.source_tokens, batch.target_tokens) == (7, 6)
    assert all(each.dtype is torch.int64 for each in (batch.source, batch.target_in, batch.target_out))


def test_an_empty_side_is_only_eos(words: Tokenizer) -> None:
    batch = Examples(packed([([], [])]), BOTH[:1], words, "translate").batch([0])
    assert batch.target_in.tolist() == [[words.bos_id]]
    assert batch.target_out.tolist() == [[words.eos_id]]


@given(pairs=st.lists(st.tuples(ids, ids), min_size=1, max_size=6), data=st.data())
@settings(deadline=None, max_examples=50)
def test_a_batch_is_its_examples_padded(pairs: list[tuple[list[int], list[int]]], data: st.DataObject) -> None:
    """Against lists put together by hand, in any order and with an example more than once."""
    words = tokenizer()
    examples = Examples(packed(pairs), BOTH, words, "translate")
    chosen = data.draw(st.lists(st.integers(0, len(examples) - 1), min_size=1, max_size=8))
    batch = examples.batch(chosen)
    sides = [pairs[index] if index < len(pairs) else pairs[index - len(pairs)][::-1] for index in chosen]
    prefixes = [words.prefix_ids("yy" if index < len(pairs) else "xx") for index in chosen]
    sources = [[*prefix, *source, words.eos_id] for prefix, (source, _target) in zip(prefixes, sides, strict=True)]
    targets = [[*target, words.eos_id] for _source, target in sides]
    inputs = [[words.bos_id, *target] for _source, target in sides]
    for tensor, rows in ((batch.source, sources), (batch.target_out, targets), (batch.target_in, inputs)):
        width = max(map(len, rows))
        assert tensor.tolist() == [row + [0] * (width - len(row)) for row in rows]
    assert batch.source_lengths.tolist() == list(map(len, sources))
    assert batch.target_mask.sum(dim=1).tolist() == list(map(len, targets))
    assert bool((batch.target_mask.int().diff(dim=1) <= 0).all())


def test_lengths_are_no_tensor_among_the_fields_since_those_of_tensors_are_moved_to_the_gpu(words: Tokenizer) -> None:
    batch = Examples(packed(PAIRS), BOTH, words, "translate").batch([0, 1])
    assert [isinstance(each, torch.Tensor) for each in batch.fields] == [True, False, True, True, True]
    assert batch.fields[1].tolist() == batch.source_lengths.tolist()
