"""Shortlists: what is in one; search among candidates is search over the vocabulary with the rest forbidden."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.decoding import in_flight
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.int8 import Int8Backend
from model_store.decoding.in_flight import InFlightDecoder, decode, open_decoder
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Segment
from model_store.decoding.shortlist import Shortlist
from model_store.network.seq2seq import Seq2Seq
from model_store.translations import Translations
from tests.unit.model_store import tiny_bundle
from tests.unit.model_store.decoding.int8_oracle import SOURCE_CAPACITY, TORCHS, Int8Oracle
from tests.unit.model_store.decoding.kinds import kernels_of, on_all_kernels, simd_functions
from tests.unit.model_store.decoding.networks import BOS, EOS, FORBIDDEN, SPELLED, open_tiny, tiny_network
from tests.unit.model_store.decoding.oracle import beam_search, network_log_probs
from tests.unit.model_store.tiny_bundle import translations_by

LANGUAGE = 4  # the token that sources begin with


def random_shortlist(vocabulary: int, *, each: int, seed: int) -> Shortlist:
    """Every token is translated by up to `each` others, some by none; three are common."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, each + 1, vocabulary)
    table = Translations(
        rng.integers(0, vocabulary, 3),
        np.concatenate(([0], np.cumsum(counts))),
        rng.integers(0, vocabulary, counts.sum()),
    )
    return Shortlist({LANGUAGE: table}, forbidden=FORBIDDEN, eos=EOS)


def outside(shortlist: Shortlist, source: tuple[int, ...], vocabulary: int) -> list[int]:
    """What is not to be written: for a source without a list, what never is."""
    ids = shortlist.of(source)
    return list(FORBIDDEN) if ids is None else sorted(set(range(vocabulary)) - set(ids.tolist()))


def test_a_list_has_translations_common_tokens_the_source_and_the_end() -> None:
    offsets = np.array([0, 0, 0, 0, 0, 2, 2, 5, *[5] * 3])
    table = Translations(np.array([8]), offsets, np.array([9, 1, 5, 9, 7]))
    shortlist = Shortlist({LANGUAGE: table}, forbidden=FORBIDDEN, eos=EOS)
    assert shortlist.of((4, 6, 6, EOS)).tolist() == [EOS, 4, 5, 6, 7, 8, 9]  # type: ignore[union-attr]
    assert shortlist.of((4, 5, EOS)).tolist() == [EOS, 4, 5, 8, 9]  # type: ignore[union-attr]
    assert shortlist.of((5, 6, EOS)) is None  # nothing is known of what is written in that language


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    beam = draw(st.integers(1, 6))
    return Segment(
        source=(draw(st.sampled_from((LANGUAGE, LANGUAGE, 5))), *draw(st.lists(st.integers(4, 23), max_size=9)), EOS),
        max_length=draw(st.integers(1, 8)),
        beam_size=beam,
        n_best=draw(st.integers(1, beam)),
        no_repeat_ngram=draw(st.sampled_from((0, 1, 2))),
        prefix=draw(st.sampled_from((b"", b"", SPELLED[4]))),
    )


@settings(deadline=None, max_examples=12)
@given(st.lists(segments(), min_size=1, max_size=5), st.integers(0, 7))
def test_search_is_that_of_the_oracle_with_all_else_forbidden(batch: list[Segment], seed: int) -> None:
    """Among them segments without a list: of another language, or with a prefix, which looks at everything."""
    network, shortlist = tiny_network(seed=seed), random_shortlist(24, each=3, seed=seed)
    for index, hypotheses in decode(open_tiny(network, shortlist=shortlist), batch):
        segment = batch[index]
        never = list(FORBIDDEN) if segment.prefix else outside(shortlist, segment.source, 24)
        following = network_log_probs(network, segment.source, BOS, never)
        expected = beam_search(following, segment, EOS, spelled=SPELLED)
        assert [each.tokens for each in hypotheses] == [each.tokens for each in expected]
        assert [each.score for each in hypotheses] == pytest.approx([each.score for each in expected], abs=1e-9)


def open_int8(network: Seq2Seq, kernels: str, shortlist: Shortlist, *, max_rows: int = 64) -> InFlightDecoder:
    backend = Int8Backend(network, source_capacity=SOURCE_CAPACITY, kernels=kernels_of(kernels))
    vocabulary = Vocabulary(BOS, EOS, torch.tensor(FORBIDDEN), shortlist=shortlist)
    return InFlightDecoder(backend, vocabulary, max_target_length=16, max_rows=max_rows)


@on_all_kernels
@pytest.mark.parametrize("hidden", [24, 37, 100])
def test_int8_is_that_of_its_own_oracle(hidden: int, kernels: str) -> None:
    network = tiny_network(vocabulary=90, hidden=hidden, dtype=torch.float32, eos_bias=1.0, seed=3)
    shortlist = random_shortlist(90, each=12, seed=hidden)
    functions = TORCHS if kernels == "torch" else simd_functions()
    batch = [
        Segment((LANGUAGE, 20, 6, 7, EOS), max_length=9, beam_size=3, n_best=3, no_repeat_ngram=1),
        Segment((LANGUAGE, 50, EOS), max_length=6, beam_size=5, n_best=5),
        Segment((5, 50, EOS), max_length=6, beam_size=4, n_best=4),
    ]
    for index, hypotheses in decode(open_int8(network, kernels, shortlist), batch):
        segment = batch[index]
        following = Int8Oracle(network, segment, BOS, outside(shortlist, segment.source, 90), functions)
        expected = beam_search(following.log_probs, segment, EOS)
        assert [each.tokens for each in hypotheses] == [each.tokens for each in expected]
        assert [each.score for each in hypotheses] == pytest.approx([each.score for each in expected], abs=1e-4)


@on_all_kernels
def test_alone_and_under_load_are_the_same(kernels: str) -> None:
    """Every bit of every score, with lists of very different lengths side by side."""
    network = tiny_network(vocabulary=900, hidden=40, dtype=torch.float32, seed=11)
    shortlist = random_shortlist(900, each=60, seed=1)
    generator = torch.Generator().manual_seed(5)
    batch = [
        Segment(
            (LANGUAGE, *torch.randint(4, 900, (length,), generator=generator).tolist(), EOS),
            max_length=10,
            beam_size=beam,
            n_best=beam,
        )
        for length, beam in zip((0, 10, 4, 7, 1, 9, 3, 8) * 2, (4, 1, 4, 3, 8, 4, 2, 4) * 2, strict=True)
    ]
    sizes = {len(ids) for segment in batch if (ids := shortlist.of(segment.source)) is not None}
    assert min(sizes) < 64 < 128 < max(sizes)
    together = dict(decode(open_int8(network, kernels, shortlist, max_rows=512), batch))
    for index, segment in enumerate(batch):
        ((_only, alone),) = decode(open_int8(network, kernels, shortlist), [segment])
        assert together[index] == alone


@pytest.mark.parametrize("on_device", [False, True])
def test_steps_that_are_the_devices_alone_have_none(on_device: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host would choose among a list at each step, and the device would wait for it."""
    opens = CudaGraphBackend if on_device else EagerBackend

    def opened(network: Seq2Seq, _name: str, *, source_capacity: int, **_options: object) -> EagerBackend:
        return opens(network, source_capacity=source_capacity)

    monkeypatch.setattr(in_flight, "open_backend", opened)
    lists = {"ru": translations_by([5, 6, 7])}
    decoder = open_decoder(
        tiny_bundle.network(), tiny_bundle.tokenizer(), max_source_length=12, max_target_length=16, translations=lists
    )
    assert (decoder.vocabulary.shortlist is None) == on_device
