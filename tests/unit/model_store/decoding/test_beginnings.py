"""A segment that goes on from where an earlier one had come to with the beginning of its prefix is, bit by bit, what it
is when it is decoded from the start: by a decoder that has seen nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.decoding.backends.int8 import Int8Backend, unsupported
from model_store.decoding.decoder import Decoder
from model_store.decoding.demands import Demands
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.segment import Form, Hypothesis, Segment, Term
from model_store.decoding.spellings import Spellings
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import EOS, SPELLED, every_network, open_tiny, tiny_network

SOURCE = (4, 5, 6, 7, 8, 9, EOS)
TYPED = "\u2581ab!\u2581ba?\u2581a1\u2581b".encode()
LETTERS = [letter.encode() for letter in "ab\u2581"]
BYTES = [bytes([byte]) for byte in sorted(set(b"".join(LETTERS)))]
SPELLINGS = st.lists(st.lists(st.sampled_from(LETTERS), min_size=1, max_size=3).map(b"".join), min_size=15, max_size=15)
# Four ids that write nothing, whole letters, and single bytes, so that every text can be written.
VOCABULARIES = SPELLINGS.map(lambda some: [b""] * 4 + some + BYTES)


def typed(prefix: bytes) -> Segment:
    return Segment(SOURCE, max_length=14, beam_size=3, n_best=3, prefix=prefix, want_attention=True)


def bits(hypotheses: Sequence[Hypothesis]) -> list[object]:
    """All that was found, to be compared without tolerance."""
    return [
        (each.tokens, each.log_prob, each.score, each.finished, each.alignment, each.search)
        + (() if each.attention is None else (each.attention.numpy().tobytes(),))
        for each in hypotheses
    ]


def alone(decoder: Decoder, segment: Segment) -> tuple[Hypothesis, ...]:
    ((_index, hypotheses),) = decode(decoder, [segment])
    return hypotheses


def check_typing(network: Seq2Seq) -> None:
    """Some keys at a time, beside another of a length of its own."""
    decoder = open_tiny(network)
    for end in (7, 12, 17, 21):
        asked = [Segment((end, 6, EOS), max_length=end // 2, beam_size=2), typed(TYPED[:end])]
        for index, hypotheses in decode(decoder, asked):
            assert bits(hypotheses) == bits(alone(open_tiny(network), asked[index]))
    assert decoder.continued == 3


@every_network
def test_every_network(options: dict[str, Any]) -> None:
    check_typing(tiny_network(**options))


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[int, Segment]]:
    """Segments that begin alike and go on in two ways, typed and taken back, each after some steps of the others. Few
    have a source of their own, or want to see their search."""
    ways = st.lists(st.sampled_from(LETTERS), max_size=4).map(b"".join)
    stem = b"".join(draw(st.lists(st.sampled_from(LETTERS), min_size=4, max_size=7)))
    texts = [stem + draw(ways) for _way in range(2)]
    beam, ngram = draw(st.sampled_from((1, 3, 4))), draw(st.sampled_from((0, 1, 2)))
    found = []
    for _arrival in range(draw(st.integers(4, 7))):
        text = draw(st.sampled_from(texts))
        segment = Segment(
            source=draw(st.sampled_from((*[SOURCE] * 5, (10, 4, EOS)))),
            max_length=draw(st.sampled_from((14, 9, 6, 4, 3))),
            beam_size=beam,
            n_best=draw(st.integers(1, beam)),
            length_penalty=draw(st.sampled_from((0.0, 1.0))),
            no_repeat_ngram=draw(st.sampled_from((*[ngram] * 5, 0))),
            prefix=text[: len(text) - draw(st.integers(0, 4))],
            want_attention=True,
            want_search=draw(st.integers(0, 15)) == 15,
        )
        found.append((draw(st.sampled_from((5, 12, 2, 0))), segment))
    return found


@settings(deadline=None, max_examples=80)
@given(arrivals(), VOCABULARIES, st.integers(0, 7))
def test_any_vocabulary_and_prefixes_at_any_step(
    arrived: list[tuple[int, Segment]], spelled: list[bytes], seed: int
) -> None:
    network = tiny_network(vocabulary=len(spelled), seed=seed)
    decoder = open_tiny(network, spelled=spelled)
    expected: dict[int, Segment] = {}
    results: dict[int, tuple[Hypothesis, ...]] = {}

    def advance() -> None:
        decoder.step()
        results.update(decoder.collect())

    for wait, segment in arrived:
        for _step in range(wait):
            advance()
        while not decoder.room(segment.beam_size):
            advance()
        (ticket,) = decoder.admit([segment])
        expected[ticket] = segment
    while decoder.live:
        advance()
    for ticket, segment in expected.items():
        assert bits(results[ticket]) == bits(alone(open_tiny(network, spelled=spelled), segment))


@pytest.mark.parametrize("name", ["eager", "int8"])
def test_in_float32_every_bit_is_the_same(name: str) -> None:
    network = tiny_network(hidden=96, dtype=torch.float32, seed=3)
    if name == "int8" and (reason := unsupported(network.config)):
        pytest.skip(reason)

    def opened() -> InFlightDecoder:
        backend = Int8Backend(network, source_capacity=12) if name == "int8" else None
        return open_tiny(network, backend=backend, max_rows=64)

    decoder = opened()
    for end in range(1, len(TYPED) + 1):
        asked = [typed(TYPED[:end]), *[Segment((5, 4 + end % 20, EOS), max_length=9)] * (end % 5)]
        found = dict(decode(decoder, asked))
        assert bits(found[0]) == bits(alone(opened(), asked[0]))
    assert decoder.continued > len(TYPED) // 2


def steps_of(decoder: InFlightDecoder, segment: Segment) -> int:
    decoder.admit([segment])
    steps = 0
    while decoder.live:
        decoder.step()
        steps += 1
    assert len(decoder.collect()) == 1
    return steps


def test_the_steps_that_were_kept_are_not_done_again() -> None:
    decoder = open_tiny(tiny_network(seed=1))
    segment = typed(TYPED)
    from_the_start = steps_of(decoder, segment)
    beginning = decoder.beginnings.of(segment)
    assert beginning is not None
    assert beginning.steps > 3
    assert steps_of(decoder, segment) == from_the_start - beginning.steps
    (ticket,) = decoder.admit([segment])
    kept = decoder.settled(ticket)  # is told of before the first step
    assert len(kept) > 1
    assert TYPED.startswith(b"".join(SPELLED[token] for token in kept))
    decoder.cancel(ticket)
    assert alone(decoder, segment)[0].tokens[: len(kept)] == kept


def test_who_has_other_options_or_another_beginning_starts_anew() -> None:
    decoder = open_tiny(tiny_network(seed=1))
    segment = typed(TYPED)
    alone(decoder, segment)
    beginning = decoder.beginnings.of(segment)
    assert beginning is not None
    decoder.beginnings.used = 0
    for other in (
        replace(segment, source=SOURCE[1:]),
        replace(segment, beam_size=4),
        replace(segment, no_repeat_ngram=3),
        replace(segment, max_length=beginning.steps),
        replace(segment, want_search=True),
        replace(segment, terms=(Term((Form((7,)),)),)),
        typed(b"!" + TYPED),
        typed(TYPED[:1]),
        typed(b""),
    ):
        assert decoder.beginnings.of(other) is None
    for like in (
        replace(segment, n_best=1),
        replace(segment, max_length=beginning.steps + 1),
        replace(segment, length_penalty=0.0),
        replace(segment, want_attention=False),
        typed(TYPED + b"a"),
        typed(TYPED[:-1]),
    ):
        assert decoder.beginnings.of(like) is beginning
    assert decoder.continued == 6


def test_what_is_kept_is_bounded_and_none_of_it_is_of_segments_without_a_prefix() -> None:
    decoder = open_tiny(tiny_network(seed=1))
    kept = decoder.beginnings.kept
    alone(decoder, typed(b""))
    alone(decoder, replace(typed(TYPED), terms=(Term((Form((7,)),)),)))
    assert kept.bytes == 0
    alone(decoder, typed(TYPED))
    one = kept.bytes
    kept.most_bytes = 5 * one // 2
    sources = [(token, *SOURCE[1:]) for token in (10, 11, 12)]
    for number in (0, 1, 0, 2, 0, 1):
        alone(decoder, replace(typed(TYPED), source=sources[number]))
        assert one < kept.bytes <= kept.most_bytes
    assert decoder.continued == 2  # the first one's, twice
    kept.most_bytes = 0
    assert alone(decoder, replace(typed(TYPED), source=SOURCE[2:]))
    assert kept.bytes == 2 * one


def test_what_a_hypothesis_has_looked_at_counts_when_the_next_step_looks_at_less() -> None:
    spelled = [b"", b"", b"", b"", b"a", b"b", b"c", b"ba", b"abcb"]
    demands = Demands(Segment(SOURCE, max_length=9, beam_size=1, prefix=b"abcaba"), Spellings(spelled), EOS)
    found = []
    for token in (4, 5, 6, 4):
        demands.extend([0], [token])
        found.append((demands.looked, demands.parting))
    # "abca", since there is "abcb"; then "bc", "ca" and "aba"; the rest, "ba", ends where a token may go on.
    assert found == [(4, False), (4, False), (4, False), (6, True)]


@given(VOCABULARIES, st.lists(st.sampled_from(LETTERS), min_size=1, max_size=7).map(b"".join), st.integers(1, 9))
def test_what_fits_follows_from_the_bytes_that_were_looked_at(spelled: list[bytes], text: bytes, size: int) -> None:
    text = text[:size]

    def fit(text: bytes) -> tuple[int, ...]:
        return tuple(i for i, each in enumerate(spelled) if each and (each.startswith(text) or text.startswith(each)))

    def begins(text: bytes) -> bool:
        return any(each.startswith(text) for each in spelled)

    fitting = Spellings(spelled).fitting(text)
    assert fitting.ids == fit(text)
    assert fitting.looked == next((n for n in range(1, len(text) + 1) if not begins(text[:n])), None)
    if fitting.looked is not None:
        assert all(fit(text[: fitting.looked] + more) == fitting.ids for more in (b"", b"a", b"ba", b"\xe2"))
