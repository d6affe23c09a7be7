"""Nothing is written twice where that is forbidden; what is forbidden, against every token tried out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_store.config import DecodingConfig
from model_store.decoding.in_flight import decode
from model_store.decoding.repeats import barred_tokens, no_repeat_ngram, repeating
from model_store.decoding.segment import Segment
from tests.unit.model_store.decoding.kinds import assert_same, oracle
from tests.unit.model_store.decoding.networks import EOS, open_tiny, tiny_network


def ngrams(tokens: tuple[int, ...], size: int) -> list[tuple[int, ...]]:
    return [tokens[start : start + size] for start in range(len(tokens) - size + 1)]


@given(st.lists(st.integers(0, 3), max_size=14).map(tuple), st.integers(1, 5))
def test_a_token_is_barred_if_its_ngram_is_there_already(path: tuple[int, ...], size: int) -> None:
    expected = {
        token
        for token in range(4)
        if ngrams((*path, token), size)[-1:] and ngrams((*path, token), size)[-1] in ngrams(path, size)
    }
    assert repeating(path, size) == expected


@given(
    st.integers(0, 9).flatmap(
        lambda length: st.lists(st.lists(st.integers(0, 2), min_size=length, max_size=length), min_size=2, max_size=2)
    ),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_a_device_bars_the_same(paths: list[list[int]], size: int, left: int) -> None:
    """left: places behind what was written, where anything may stand."""
    written = torch.tensor([[*path, *[1] * left] for path in paths]).unsqueeze(0)
    barred = barred_tokens(written, torch.tensor([len(paths[0])]), size, -1)
    assert barred.shape == written.shape
    assert [set(row) - {-1} for row in barred[0].tolist()] == [repeating(tuple(path), size) for path in paths]


def test_a_network_that_likes_to_repeat_does_not_where_it_must_not() -> None:
    network = tiny_network(seed=7, eos_bias=-4.0)
    sources = [(token, token + 1, EOS) for token in range(4, 20)]

    def found(size: int) -> list[tuple[int, ...]]:
        segments = [Segment(source, max_length=16, no_repeat_ngram=size) for source in sources]
        return [best.tokens for _index, (best,) in decode(open_tiny(network), segments)]

    free = found(0)
    assert any(len(set(ngrams(tokens, 2))) < len(ngrams(tokens, 2)) for tokens in free)
    for size in (1, 2, 3):
        for tokens in found(size):
            assert len(set(ngrams(tokens, size))) == len(ngrams(tokens, size))


@given(st.lists(st.integers(4, 6), max_size=9).map(tuple), st.integers(0, 5))
def test_a_translation_may_repeat_itself_where_its_source_does(source: tuple[int, ...], size: int) -> None:
    decoding = DecodingConfig(no_repeat_ngram=size)
    runs = ngrams(source, max(size - 1, 1))
    assert no_repeat_ngram(decoding, "translate", source) == (size if len(set(runs)) == len(runs) else 0)
    assert no_repeat_ngram(decoding, "summarize", source) == size


@pytest.mark.parametrize("beam", [3, 4, 7, 16])
@pytest.mark.parametrize("size", [1, 2])
def test_a_beam_may_be_wider_than_the_vocabulary(beam: int, size: int) -> None:
    """Of 7 ids 4 can be written. The first step then looks at rows where there is no hypothesis."""
    network = tiny_network(vocabulary=7, seed=7, eos_bias=-2.0)
    segments = [
        Segment((*source, EOS), max_length=6, beam_size=beam, n_best=beam, no_repeat_ngram=size)
        for source in ((4,), (5, 6), (6, 4, 5), (4, 4, 6))
    ]
    for index, hypotheses in decode(open_tiny(network, max_rows=32), segments):
        assert_same(hypotheses, oracle(network, segments[index]))
