"""The backends, each beside an oracle of its own: slow, plain, one sentence at a time.

A kind computes a total, and how far two of them are apart, to within `within` of its oracle's. So it makes the same
choices, and has the same tokens, unless one of them hung on less: then it may have others, each with the total that the
oracle gives it. With rounding to 8-bit codes, a number that lies halfway between two can come to the other one by its
last bit, which follows the order of additions: of a segment that has one so close, totals may differ by what a code is
worth. In float64 neither is so of any segment in thousands. In float16 the last bits of a row follow how
many rows a product has, on a CPU too, and an oracle computes one row at a time: `within` is more than such bits came to
in any of 4,000 totals of tiny networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from model_store.config import NetworkConfig
from model_store.decoding.backends import simd
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.int8 import Int8Backend, unsupported
from model_store.decoding.backends.int8_kernels import Kernels, TorchKernels
from model_store.decoding.backends.int8_linear import is_exact
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.backends.threads import Threads
from model_store.decoding.segment import Hypothesis, Segment
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.int8_oracle import SOURCE_CAPACITY, TORCHS, Functions, Int8Oracle
from tests.unit.model_store.decoding.networks import BOS, EOS, FORBIDDEN, tiny_network
from tests.unit.model_store.decoding.oracle import (
    Found,
    NextLogProbs,
    beam_search,
    network_attention,
    network_log_probs,
    without_repeats,
)

FLOAT16 = 0.025  # ten times one token, each of whose logits was rounded by 0.002, was off by 0.0207
TIE, OTHER_CODE = 2e-5, 0.1  # in codes; and more than a total of a tiny network changed by one (0.007)
needs_kernel = pytest.mark.skipif(not is_exact(), reason="this processor has no exact 8-bit kernel")
needs_simd = pytest.mark.skipif(not simd.available(), reason="this processor has neither AVX-512 VNNI nor AVX2")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


class Oracle(NamedTuple):
    """After a prefix: of the next token, and the attention with which it is written. closest_tie: how far from halfway
    between two 8-bit codes all was that it has rounded so far, in codes."""

    log_probs: NextLogProbs
    attention: NextLogProbs
    closest_tie: Callable[[], float] = lambda: math.inf


@dataclass(frozen=True, eq=False, repr=False)
class Kind:
    """open: a backend over a network of `network`. within: see above. same_bits: whether
    a segment is bit by bit the same alone and under load. runs: whether it does a network. default: what its tiny
    networks have unless told otherwise. real: the type of those that it serves with. needs: of the machine."""

    name: str
    open: Callable[[Seq2Seq], Backend]
    oracle: Callable[[Seq2Seq, Segment, Sequence[int]], Oracle]
    within: float
    same_bits: bool
    runs: Callable[[NetworkConfig], bool] = lambda _config: True
    default: dict[str, Any] = field(default_factory=dict)
    real: torch.dtype = torch.float32
    needs: Sequence[pytest.MarkDecorator] = ()

    def __repr__(self) -> str:
        return self.name

    @property
    def rounds(self) -> bool:
        """Whether it rounds to fewer digits than choices can do with."""
        return self.real == torch.float16

    @property
    def codes(self) -> bool:
        """Whether it rounds to 8-bit codes."""
        return self.name.startswith("int8")

    def network(self, **options: Any) -> Seq2Seq:
        return tiny_network(**(self.default | options))

    def expects(self, network: Seq2Seq, segment: Segment, *, to_the_end: bool = False) -> Expected:
        return Expected(self.oracle(network, segment, FORBIDDEN), segment, self.within, to_the_end=to_the_end)


class Expected:
    """What has to come of a segment. oracle: its own."""

    def __init__(self, oracle: Oracle, segment: Segment, within: float, *, to_the_end: bool = False) -> None:
        self._oracle, self._segment, self._within, self._to_the_end = oracle, segment, within, to_the_end

    @cached_property
    def _found(self) -> tuple[list[Found], float]:
        gaps: list[float] = []
        found = beam_search(self._oracle.log_probs, self._segment, EOS, to_the_end=self._to_the_end, gaps=gaps)
        return found, min(gaps)

    @property
    def decided(self) -> bool:
        """Whether no choice hung on so little that another one can be made."""
        return self._found[1] > self.within

    @property
    def within(self) -> float:
        """What totals may differ by."""
        assert self._found  # by when the oracle has met all ties
        return self._within if self._oracle.closest_tie() > TIE else OTHER_CODE

    def is_found(self, hypotheses: Sequence[Hypothesis]) -> bool:
        """Whether the tokens are the oracle's, as they need not be where that is not decided."""
        return [each.tokens for each in hypotheses] == [each.tokens for each in self._found[0]]

    def check(self, hypotheses: Sequence[Hypothesis]) -> None:
        """Tokens, if they are decided; and in any case that every total is that of its tokens."""
        if self.decided:
            assert_same(hypotheses, self._found[0], self.within)
            return
        assert hypotheses
        for hypothesis in hypotheses:
            tokens = (*hypothesis.tokens, EOS) if hypothesis.finished else hypothesis.tokens
            total = sum(self._next(tokens[:place])[token] for place, token in enumerate(tokens))
            assert hypothesis.log_prob == pytest.approx(total, abs=self.within)
            penalty = ((5 + len(tokens)) / 6) ** self._segment.length_penalty
            assert hypothesis.score == pytest.approx(hypothesis.log_prob / penalty, rel=1e-5)

    def _next(self, prefix: tuple[int, ...]) -> list[float]:
        return without_repeats(self._oracle.log_probs(prefix), prefix, self._segment, ())


def assert_same(decoded: Sequence[Hypothesis], expected: Sequence[Found], within: float = 1e-9) -> None:
    assert [hypothesis.tokens for hypothesis in decoded] == [found.tokens for found in expected]
    assert [hypothesis.finished for hypothesis in decoded] == [found.finished for found in expected]
    for hypothesis, found in zip(decoded, expected, strict=True):
        assert hypothesis.log_prob == pytest.approx(found.log_prob, abs=within)
        assert hypothesis.score == pytest.approx(found.score, abs=within)


def network_oracle(network: Seq2Seq, segment: Segment, forbidden: Sequence[int]) -> Oracle:
    """The network itself, in the type of its weights."""
    return Oracle(
        network_log_probs(network, segment.source, BOS, forbidden), network_attention(network, segment.source, BOS)
    )


def oracle(network: Seq2Seq, segment: Segment) -> list[Found]:
    """What the network itself comes to."""
    return beam_search(network_log_probs(network, segment.source, BOS, FORBIDDEN), segment, EOS)


def kernels_of(name: str) -> Kernels:
    """By the names of `on_all_kernels`."""
    return TorchKernels() if name == "torch" else simd.open_kernels(Threads(3 if "three" in name else 1))


def simd_functions() -> Functions:
    """As Numba compiles them for one element."""
    from model_store.decoding.backends.simd import kernels

    def of_each(function: Callable[[float], float]) -> Callable[[Tensor], Tensor]:
        return lambda z: torch.tensor([function(each) for each in z.numpy()])

    return Functions(of_each(kernels.sigmoid), of_each(kernels.tanh))


def int8_oracle(network: Seq2Seq, segment: Segment, forbidden: Sequence[int], kernels: str) -> Oracle:
    own = Int8Oracle(network, segment, BOS, forbidden, TORCHS if kernels == "torch" else simd_functions())
    return Oracle(own.log_probs, own.attention, lambda: own.closest_tie)


def int8(kernels: str) -> Kind:
    return Kind(
        f"int8, {kernels}",
        lambda network: Int8Backend(network, source_capacity=SOURCE_CAPACITY, kernels=kernels_of(kernels)),
        lambda network, segment, forbidden: int8_oracle(network, segment, forbidden, kernels),
        within=1e-4,
        same_bits=True,
        runs=lambda config: unsupported(config) is None,
        default={"hidden": 24, "eos_bias": 1.0, "dtype": torch.float32},
        needs=[needs_kernel if kernels == "torch" else needs_simd],
    )


def cuda_graph(dtype: torch.dtype, within: float, device: str) -> Kind:
    def opened(network: Seq2Seq) -> Backend:
        return CudaGraphBackend(deepcopy(network).to(device), source_capacity=SOURCE_CAPACITY, dtype=dtype)

    name = f"cuda_graph, {str(dtype).removeprefix('torch.')}, {device}"
    needs = [needs_cuda] if device == "cuda" else []
    return Kind(
        name, opened, network_oracle, within, same_bits=False, default={"dtype": dtype}, real=dtype, needs=needs
    )


EAGER = Kind(
    "eager",
    lambda network: EagerBackend(network, source_capacity=SOURCE_CAPACITY),
    network_oracle,
    within=1e-9,
    same_bits=True,
)
on_all_kernels = pytest.mark.parametrize(
    "kernels",
    [
        pytest.param("torch", marks=needs_kernel),
        pytest.param("simd", marks=needs_simd),
        pytest.param("simd, three threads", marks=needs_simd),
    ],
)
ALL = (
    EAGER,
    int8("torch"),
    int8("simd"),
    cuda_graph(torch.float64, 1e-9, "cpu"),
    cuda_graph(torch.float16, FLOAT16, "cpu"),
    cuda_graph(torch.float64, 1e-9, "cuda"),
    cuda_graph(torch.float16, FLOAT16, "cuda"),
)
THREADS = int8("simd, three threads")


@cache
def opened(kind: Kind, seed: int) -> tuple[Seq2Seq, Backend]:
    """A network and its backend, which decoders one after the other share as those of a service do."""
    network = kind.network(seed=seed)
    return network, kind.open(network)


def on(kinds: Iterable[Kind]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", [pytest.param(each, marks=each.needs) for each in kinds], ids=repr)


on_every_kind = on(ALL)
