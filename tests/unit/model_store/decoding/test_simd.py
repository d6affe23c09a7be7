"""The compiled kernels, piece by piece, against numpy and the slow obvious way."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.decoding.backends import int8_kernels, simd
from model_store.decoding.backends.int8 import Int8Backend
from model_store.decoding.backends.int8_kernels import TorchKernels
from model_store.decoding.backends.int8_linear import quantise
from model_store.decoding.scoring import best_extensions
from model_store.network.attention import DotAttention
from model_store.network.cells import RecurrentStack
from model_store.network.memory import Memory
from tests.unit.model_store.decoding.int8_oracle import linear
from tests.unit.model_store.decoding.networks import tiny_network

if not simd.available():
    pytest.skip("this processor has neither AVX-512 VNNI nor AVX2", allow_module_level=True)

from model_store.decoding.backends.simd import first_layer, kernels, team
from model_store.decoding.backends.simd.compiled import compiled
from model_store.decoding.backends.simd.layers import Stack
from model_store.decoding.backends.simd.linear import product
from model_store.decoding.backends.simd.packing import in_panels, packed
from model_store.decoding.backends.threads import Threads

Array = np.ndarray


class PlainLinear:
    """As Int8Linear."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([linear(row, self._weight, self._bias) for row in x])


@compiled
def of_all(x: Array, exp: Array, sigmoid: Array, tanh: Array) -> None:
    for i in range(len(x)):
        exp[i], sigmoid[i], tanh[i] = kernels.exp(x[i]), kernels.sigmoid(x[i]), kernels.tanh(x[i])


def test_functions_are_those_of_numpy_wherever_an_element_lies() -> None:
    x = np.concatenate([np.linspace(-87, 88, 40_001), [-0.0, 0.0, 1e-30, -1e4, 1e4]]).astype(np.float32)
    exact = np.clip(x.astype(np.float64), -87, 88)
    exp, sigmoid, tanh = np.empty((3, len(x)), dtype=np.float32)
    of_all(x, exp, sigmoid, tanh)
    np.testing.assert_allclose(exp, np.exp(exact), rtol=2e-7)
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-exact)), rtol=0, atol=2e-7)
    np.testing.assert_allclose(tanh, np.tanh(exact), rtol=0, atol=3e-7)
    for start in range(1, 20):  # other elements share its vector, or none
        part = np.empty((3, 5), dtype=np.float32)
        of_all(x[start : start + 5].copy(), *part)
        assert part.tobytes() == np.stack((exp, sigmoid, tanh))[:, start : start + 5].tobytes()


@pytest.mark.parametrize(
    ("hidden", "inputs", "fed", "residual"), [(37, 29, 0, True), (64, 40, 24, False), (16, 100, 0, True)]
)
@pytest.mark.parametrize("threads", [1, 2])
def test_layers_are_those_of_torch_kernels(
    hidden: int, inputs: int, fed: int, residual: bool, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To within float32's rounding, since products are the same integers: plain ones, as torch's may saturate."""
    monkeypatch.setattr(int8_kernels, "Int8Linear", PlainLinear)
    torch.manual_seed(hidden)
    stack, embedding = RecurrentStack("lstm", 2, inputs + fed, hidden, 0.0, residual=residual), torch.randn(30, inputs)
    ours = simd.open_kernels(Threads(threads)).stack(stack, embedding)
    torchs = TorchKernels().stack(stack, embedding)
    tokens, state = torch.randint(30, (9,)), torch.randn(2, 2, 9, hidden) * 0.3
    feed = torch.randn(9, fed) if fed else None
    live = [5, 5, 4, 1]
    with torch.inference_mode():
        torch.testing.assert_close(ours.step(tokens, state, feed), torchs.step(tokens, state, feed), rtol=0, atol=2e-6)
        if fed:
            return
        sequences = torch.randint(30, (sum(live),))
        begun = torch.randn(2, 2, 5, hidden) * 0.3
        found = ours.sequence(sequences, live, begun)
        torch.testing.assert_close(found, torchs.sequence(sequences, live, begun), rtol=0, atol=1e-3)


@settings(deadline=None, max_examples=40)
@given(
    calls=st.lists(st.lists(st.integers(0, 39), min_size=1, max_size=24), min_size=1, max_size=24),
    kept=st.integers(1, 40),
)
def test_what_tokens_add_to_gates_is_the_same_whatever_came_before(calls: list[list[int]], kept: int) -> None:
    """To the bit, however few are kept: those that a call needs are there, others give way."""
    generator = torch.Generator().manual_seed(kept)
    embedding, threads = torch.randn(40, 12, generator=generator), team.Team(1)
    codes, scale = quantise(torch.randn(128, 12, generator=generator))
    matrix = kernels.Matrix(packed(codes), in_panels(scale), in_panels(torch.randn(128, generator=generator)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(first_layer, "KEPT_TOKENS", kept)
        first = first_layer.FirstLayer(embedding, matrix, threads)
    for tokens in map(torch.tensor, calls):
        known = first.of(tokens)
        assert known.gates[known.places].tobytes() == product(embedding[tokens], matrix, threads).tobytes()


@pytest.mark.parametrize("hidden", [3, 16, 100])
@pytest.mark.parametrize("kept", [8, 4096])
def test_what_is_kept_of_them_is_what_is_reckoned(hidden: int, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (simd, first_layer):
        monkeypatch.setattr(module, "KEPT_TOKENS", kept)
    network = tiny_network(seed=1, hidden=hidden)
    backend = Int8Backend(network, source_capacity=12)
    taken = 0
    for stack in (backend._encoder, backend._decoder):
        assert isinstance(stack, Stack)
        taken += stack._first._gates.nbytes
    assert simd.kept_bytes(network.config.vocabulary, hidden) == taken


@settings(deadline=None, max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=6),
    width=st.integers(1, 4),
    hidden=st.sampled_from((3, 64, 100)),
    every=st.integers(1, 3),
    threads=st.sampled_from((1, 2)),
    seed=st.integers(0, 99),
)
def test_attention_is_torchs_and_the_same_alone(
    lengths: list[int], width: int, hidden: int, every: int, threads: int, seed: int
) -> None:
    """Of every row, or of some, with a source's tokens or with room behind them: within rounding as torch's kernels
    compute it, and to the bit as for the slot alone."""
    generator = torch.Generator().manual_seed(seed)
    slots, capacity = len(lengths), 24
    there = torch.arange(capacity) < torch.tensor(lengths).unsqueeze(1)
    keys, values = torch.randn(2, slots, capacity, hidden, generator=generator)
    memory = Memory(keys, values, there).of(slots, max(lengths))
    rows = None if every == 1 else torch.arange(0, slots * width, every)
    row = torch.arange(slots * width) if rows is None else rows
    x = torch.randn(len(row), hidden, generator=generator) / hidden**0.5
    positions = torch.zeros(slots, dtype=torch.int64)
    ours = simd.open_kernels(Threads(threads)).attention(DotAttention())
    context, weights = ours(x, rows, memory, positions, width)
    expected, its_weights = TorchKernels().attention(DotAttention())(x, rows, memory, positions, width)
    torch.testing.assert_close(context, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        weights.flatten(0, 1)[row], its_weights.flatten(0, 1)[row], rtol=0, atol=1e-6, check_stride=False
    )
    for place, each in enumerate(row.tolist()):
        slot = slice(each // width, each // width + 1)
        source = Memory(*(tensor[slot, : lengths[slot.start]].clone() for tensor in (keys, values, there)))
        alone, _weights = ours(x[place : place + 1], None, source, positions[:1], 1)
        assert torch.equal(alone[0], context[place])


def test_a_token_that_came_before_is_not_multiplied_again(monkeypatch: pytest.MonkeyPatch) -> None:
    codes, scale = quantise(torch.randn(64, 8))
    matrix = kernels.Matrix(packed(codes), in_panels(scale), in_panels(torch.zeros(64)))
    multiplied: list[int] = []

    def counted(x: torch.Tensor, *others: Any) -> Array:
        multiplied.append(len(x))
        return product(x, *others)

    monkeypatch.setattr(first_layer, "product", counted)
    monkeypatch.setattr(first_layer, "KEPT_TOKENS", 4)
    first = first_layer.FirstLayer(torch.randn(9, 8), matrix, team.Team(1))
    for tokens in ([1, 2, 2, 1], [3], [4, 3], [1, 5], [5, 1, 3, 4], [2]):  # 2 is the longest unused when 5 comes
        first.of(torch.tensor(tokens))
    assert multiplied == [2, 1, 1, 1, 1]


@settings(deadline=None, max_examples=40)
@given(
    vocabulary=st.sampled_from((24, 128, 640, 997)),
    slots=st.integers(1, 3),
    width=st.integers(1, 4),
    different=st.sampled_from((3, 1000)),
    threads=st.sampled_from((1, 2)),
    seed=st.integers(0, 99),
)
def test_best_extensions_are_those_of_torch(
    vocabulary: int, slots: int, width: int, different: int, threads: int, seed: int
) -> None:
    """Few different logits, so that most of the best are tied across panels; or many, so that hardly any are."""
    generator = torch.Generator().manual_seed(seed)
    projection = simd.open_kernels(Threads(threads)).projection(
        torch.randn(vocabulary, 8, generator=generator), torch.zeros(vocabulary)
    )
    logits = projection(torch.randn(slots * width, 8, generator=generator)).view(slots, width, vocabulary)
    logits.copy_(torch.randint(0, different, logits.shape, generator=generator) / 64)
    logits[0, 0, seed % vocabulary] = float("-inf")  # as one that must not be repeated
    log_prob = -torch.arange(slots * width).view(slots, width).float()
    forbidden = torch.tensor([0, 5])
    expected = best_extensions(logits.clone(), log_prob, forbidden, 2 * width)
    found = projection.best(logits, log_prob, forbidden, 2 * width)
    assert torch.equal(found[1], expected[1])
    assert torch.equal(found[2], expected[2])
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-5)


SHARED = 1e6  # microseconds, worth any number of threads


@compiled
def count_up(thread: int, counters: Array, done: Array, by: Array) -> None:
    """Each piece notes who did it; the second phase sees all of the first."""
    for phase in range(2):
        while True:
            piece = team.take(counters, phase, len(done))
            if piece < 0:
                break
            done[piece] += 1 if phase == 0 else 10 * done.min()
            by[piece] = thread
            team.finish(counters, phase)
        team.wait(counters, phase, len(done))


def test_each_piece_is_done_once_and_phases_wait_for_each_other() -> None:
    several = team.Team(4)
    for _time in range(200):
        done, by = np.zeros(500, dtype=np.int64), np.zeros(500, dtype=np.int64)
        several.run(count_up, 2, done, by, cost_us=SHARED)
        assert set(done) <= {11, 111}  # min() may meet a piece that is done already


def test_a_thread_that_does_not_come_is_not_waited_for() -> None:
    several, busy, go_on = team.Team(2), threading.Event(), threading.Event()
    assert several.others is not None

    def keep() -> None:
        busy.set()
        go_on.wait(60)

    several.others.submit(keep)
    assert busy.wait(10)
    done, by = np.zeros(500, dtype=np.int64), np.ones(500, dtype=np.int64)
    several.run(count_up, 2, done, by, cost_us=SHARED)
    assert not by.any()
    go_on.set()


@pytest.mark.parametrize(("cost_us", "engaged"), [(0.0, 1), (1.9, 1), (2.0, 2), (3.5, 3), (100.0, 4)])
def test_as_many_threads_are_called_as_have_enough_to_do(
    cost_us: float, engaged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cost_us: in what is worth a thread."""
    several, called = team.Team(4), []

    def submit(_work: object, thread: int, *_arguments: object) -> Future[None]:
        called.append(thread)
        return Future()

    monkeypatch.setattr(several.others, "submit", submit)
    several.run(lambda thread, _counters: called.append(thread), 1, cost_us=cost_us * team.WORTH_A_THREAD_US)
    assert sorted(called) == list(range(engaged))


def test_no_more_threads_are_called_than_are_allowed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, called = [3, 1, 4, 9], []
    several = team.Team(4, lambda: allowed[0])

    def submit(_work: object, thread: int, *_arguments: object) -> Future[None]:
        called.append(thread)
        return Future()

    monkeypatch.setattr(several.others, "submit", submit)
    counts = []
    while allowed:
        several.run(lambda thread, _counters: called.append(thread), 1, cost_us=SHARED)
        counts.append(len(called))
        called.clear()
        allowed.pop(0)
    assert counts == [3, 1, 4, 4]


def test_an_error_in_a_thread_is_raised() -> None:
    def work(thread: int, counters: Array) -> None:
        if thread:
            raise ValueError("thread")

    def until_it_comes() -> None:
        for _time in range(1000):
            several.run(work, 1, cost_us=SHARED)

    several = team.Team(2)
    with pytest.raises(ValueError, match="thread"):
        until_it_comes()
