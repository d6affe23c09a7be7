"""Ties, penalties and masks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.decoding.backends.forced import stepped_log_probs
from model_store.decoding.backends.protocol import Encoding, Readout, Rows
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.scoring import best_among, best_extensions, length_penalties, top_candidates
from model_store.decoding.segment import Segment
from model_store.network.memory import DecoderState, Memory
from tests.unit.model_store.decoding.networks import BOS, EOS
from tests.unit.model_store.decoding.oracle import beam_search


@settings(deadline=None)
@given(st.lists(st.sampled_from((-math.inf, -2.0, -1.0, -0.5)), min_size=6, max_size=40), st.integers(1, 6))
def test_of_equals_the_lower_index_comes_first(row: list[float], count: int) -> None:
    values, index = top_candidates(torch.tensor([row, row[::-1]]), count)
    for each, chosen, numbers in zip((row, row[::-1]), index.tolist(), values.tolist(), strict=True):
        expected = sorted(range(len(row)), key=lambda i: (-each[i], i))[:count]
        assert chosen == expected
        assert numbers == [each[i] for i in expected]


def test_length_penalty_is_that_of_wu_et_al() -> None:
    penalties = length_penalties(1.0, 19)
    assert [penalties[length] for length in (1, 7, 19)] == pytest.approx([1.0, 2.0, 4.0])
    assert length_penalties(0.0, 3) == [1.0] * 4


def test_forbidden_tokens_have_no_probability_and_the_rest_sums_to_one() -> None:
    logits = torch.tensor([[[9.0, 1.0, 2.0, 9.0]]], dtype=torch.float64)
    values, _parent, token = best_extensions(logits, torch.zeros(1, 1).double(), torch.tensor([0, 3]), 4)
    found = dict(zip(token[0].tolist(), values[0].tolist(), strict=True))
    assert (found[0], found[3]) == (-math.inf, -math.inf)
    assert math.exp(found[1]) + math.exp(found[2]) == pytest.approx(1.0)


def spelled_out(logits: torch.Tensor, log_prob: torch.Tensor, forbidden: list[int], count: int) -> list[list[int]]:
    """The best extensions of each slot as hypothesis * V + token, every one of them computed and sorted."""
    logits[:, :, forbidden] = -math.inf
    totals = (torch.log_softmax(logits, dim=2) + log_prob.unsqueeze(2)).flatten(1).tolist()
    return [sorted(range(len(row)), key=lambda i: (-row[i], i))[:count] for row in totals]


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from((128, 512, 640, 1000, 997)),  # looked at in parts or whole
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from((3, 1000)),
    st.integers(0, 99),
)
def test_best_extensions_are_those_of_all(vocabulary: int, slots: int, width: int, different: int, seed: int) -> None:
    """Few different logits, so that most of the best are tied across parts; or many, so that hardly any are."""
    generator = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, different, (slots, width, vocabulary), generator=generator).double() / 64
    log_prob = -torch.arange(slots * width).view(slots, width).double()
    expected = spelled_out(levels.clone(), log_prob, [0, 5], 2 * width)
    values, parent, token = best_extensions(levels.clone(), log_prob, torch.tensor([0, 5]), 2 * width)
    assert (parent * vocabulary + token).tolist() == expected
    assert bool((values.diff(dim=1) <= 0).all())


def test_extensions_of_a_row_do_not_depend_on_how_many_there_are() -> None:
    """Bit by bit, in parts and whole."""
    for vocabulary in (640, 997):
        logits = torch.randn(40, 4, vocabulary, generator=torch.Generator().manual_seed(1))
        log_prob = -torch.rand(40, 4, generator=torch.Generator().manual_seed(2))
        together = best_extensions(logits.clone(), log_prob, torch.tensor([0]), 8)
        for slot in range(40):
            alone = best_extensions(logits[slot : slot + 1].clone(), log_prob[slot : slot + 1], torch.tensor([0]), 8)
            assert all(torch.equal(a[0], b[slot]) for a, b in zip(alone, together, strict=True))


def test_what_is_no_number_gives_no_index_past_the_end() -> None:
    """On a GPU it would break what all others run on."""
    nan = float("nan")
    for row in ([nan] * 10, [nan, nan, 1.0, 1.0, 1.0], [1.0, nan, 2.0, 2.0]):
        _values, index = top_candidates(torch.tensor([row]), 4)
        assert int(index.max()) < len(row)


class TableBackend:
    """Next-token logits looked up by the last token: exact numbers, so that ties are exact too."""

    source_capacity = 4
    target_limit = None
    has_attention = False

    def __init__(self, table: torch.Tensor, *, on_device: bool) -> None:
        self.table = table
        self.on_device = on_device
        self.vocabulary = table.shape[1]

    def encode(self, sources: object, rows: int) -> Encoding:
        yield from ()
        assert isinstance(sources, list)
        return self.empty(len(sources), 1)

    def empty(self, slots: int, width: int) -> tuple[Memory, DecoderState]:
        keys = torch.zeros(slots, 4, 1, dtype=torch.float64)
        return Memory(keys, keys, torch.ones(slots, 4, dtype=torch.bool)), DecoderState(
            torch.zeros(1, 1, slots * width, 1, dtype=torch.float64)
        )

    def step(self, blocks: Sequence[Rows]) -> list[Readout]:
        return [Readout(self.table[block.tokens], None, block.state) for block in blocks]

    def logits(self, readout: torch.Tensor) -> torch.Tensor:
        return readout.clone()

    def best(
        self, logits: torch.Tensor, log_prob: torch.Tensor, forbidden: torch.Tensor, count: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return best_extensions(logits, log_prob, forbidden, count)

    def best_of_all(
        self, readout: torch.Tensor, log_prob: torch.Tensor, forbidden: torch.Tensor, count: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.best(self.logits(readout), log_prob, forbidden, count)

    def best_among(
        self,
        candidates: Sequence[torch.Tensor],
        barred: Sequence[tuple[int, int, int]],
        readout: torch.Tensor,
        log_prob: torch.Tensor,
        count: int,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return best_among(candidates, barred, readout, log_prob, count)

    def target_log_probs(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> torch.Tensor:
        return stepped_log_probs(self, sources, targets)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from((0.0, 1.0)), min_size=7, max_size=7), min_size=7, max_size=7),
    st.integers(1, 4),
    st.sampled_from((0.0, 1.0)),
    st.booleans(),
)
def test_ties_in_search_go_to_the_lower_id(table: list[list[float]], beam: int, alpha: float, on_device: bool) -> None:
    """Scores are multiples of a few numbers, so most candidates are tied with others."""
    logits = torch.tensor(table, dtype=torch.float64)
    log_probs = torch.log_softmax(logits, dim=-1)
    # Every row normalised to the same few exact values, else sums of equal parts could differ in the last bit.
    rounded = (log_probs * 8).round() / 8
    backend = TableBackend(rounded, on_device=on_device)
    decoder = InFlightDecoder(
        backend,
        Vocabulary(BOS, EOS, torch.empty(0, dtype=torch.int64)),
        max_target_length=8,
        max_rows=8,
    )
    segment = Segment((5,), max_length=6, beam_size=beam, n_best=beam, length_penalty=alpha)

    def next_log_probs(prefix: object) -> list[float]:
        assert isinstance(prefix, tuple)
        last = prefix[-1] if prefix else BOS
        return torch.log_softmax(rounded[last], dim=-1).tolist()

    ((_index, hypotheses),) = decode(decoder, [segment])
    expected = beam_search(next_log_probs, segment, EOS)
    assert [hypothesis.tokens for hypothesis in hypotheses] == [found.tokens for found in expected]
