"""Limits: what a step computes and reads at least, with the whole vocabulary and with lists."""

from __future__ import annotations

import pytest

from benchmarks.limits import Limits, Shape, listing, step_shapes
from benchmarks.work import LONGEST, random_shortlist, random_sources
from model_store.config import NetworkConfig

CONFIG = NetworkConfig(vocabulary=5000, layers=2, hidden=64, embedding=64)


def test_a_product_takes_its_operations_or_its_weights_whichever_is_longer() -> None:
    limits = Limits(peak=1e9, bandwidth=1e6, weight_bytes=4)
    assert limits.product_s(Shape(10, 100), rows=1) == pytest.approx(4e-3)
    assert limits.product_s(Shape(10, 100), rows=10_000) == pytest.approx(2e-2)


def test_with_lists_the_last_product_of_a_step_is_as_wide_as_the_mean_list() -> None:
    sources = random_sources(CONFIG.vocabulary, 20)
    shortlist = random_shortlist(CONFIG.vocabulary, 500)
    lists = [shortlist.of(source) for source in sources]
    listed = listing(CONFIG, shortlist, sources)
    *others, last = step_shapes(listed)
    assert others == step_shapes(CONFIG)[:-1]
    assert last == Shape(64, round(sum(len(ids) for ids in lists if ids is not None) / len(sources)))
    assert 100 < last.outputs < CONFIG.vocabulary
    limits = Limits(peak=1e12, bandwidth=1e12, weight_bytes=1)
    assert limits.tokens_per_s(listed, 32, LONGEST) > limits.tokens_per_s(CONFIG, 32, LONGEST)


def test_sentences_that_do_not_all_run_at_once_take_as_many_times_as_long() -> None:
    limits = Limits(peak=1e9, bandwidth=1e9, weight_bytes=1)
    for many in (1, 32):
        rate = limits.tokens_per_s(CONFIG, many, 20, target=10)
        assert limits.all_s(CONFIG, 96, many, 20, target=10) == pytest.approx(96 * 10 / rate)


def test_a_window_of_embeddings_is_one_more_product_a_source_token() -> None:
    windowed = CONFIG.model_copy(update={"embedding_window": 3})
    limits = Limits(peak=1e9, bandwidth=1e9, weight_bytes=1)
    more = limits.encode_s(windowed, 2, 20) - limits.encode_s(CONFIG, 2, 20)
    assert more == pytest.approx(limits.product_s(Shape(3 * 64, 64), 2 * 20))
    assert limits.step_s(windowed, 2, 20) == limits.step_s(CONFIG, 2, 20)


def test_without_lists_it_is_the_network_itself() -> None:
    assert listing(CONFIG, None, random_sources(CONFIG.vocabulary, 2)) == CONFIG
