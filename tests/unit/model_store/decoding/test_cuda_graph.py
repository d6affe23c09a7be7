"""Steps that are the device's alone, and those beside them that are not: who takes which, and nothing is waited for.

What they find is a matter of test_exactness.py. Where there is no CUDA, steps run as they are, without graphs.
"""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from model_store.decoding import device_block
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.forced import encoded
from model_store.decoding.backends.ways import Clock
from model_store.decoding.device_block import DeviceBlock
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Segment
from model_store.decoding.step_graphs import StepGraphs, ladder
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.kinds import assert_same, needs_cuda, oracle
from tests.unit.model_store.decoding.networks import BOS, EOS, FORBIDDEN, open_tiny, tiny_network


def open_device(network: Seq2Seq, max_rows: int = 24) -> InFlightDecoder:
    there = deepcopy(network).to("cuda" if torch.cuda.is_available() else "cpu")
    backend = CudaGraphBackend(there, source_capacity=12, dtype=torch.float64)
    return open_tiny(network, backend=backend, max_rows=max_rows)


@pytest.mark.parametrize("ngram", [0, 3])
@pytest.mark.parametrize("clock", [None, lambda work: 1.0])
def test_the_host_waits_for_nothing_within_a_step(clock: Clock | None, ngram: int) -> None:
    """Tensors of the meta device have no values: a step that looked at one would fail, as trials of kernels do."""
    network = tiny_network(input_feeding=True, vocabulary=768, dtype=torch.float32).to("meta")
    backend = CudaGraphBackend(network, source_capacity=12, dtype=torch.float16, clock=clock)
    vocabulary = Vocabulary(BOS, EOS, torch.tensor(FORBIDDEN, device="meta"))
    block = DeviceBlock(backend, vocabulary, slots=8, width=4, targets=16, no_repeat_ngram=ngram)
    block._advance(8, 12)
    assert block.tokens.shape == (8, 4)
    with pytest.raises(RuntimeError):
        block.active.tolist()


@torch.inference_mode()
def test_the_host_waits_for_nothing_while_targets_are_read() -> None:
    network = tiny_network(vocabulary=768, dtype=torch.float32).to("meta")
    backend = CudaGraphBackend(network, source_capacity=12, dtype=torch.float16)
    found = backend.target_log_probs([(5, 7, EOS), (6, EOS)], [(BOS, 8, EOS), (BOS, 9, 10, EOS)])
    assert (found.shape, found.dtype, found.device.type) == ((2,), torch.float32, "meta")


@needs_cuda
@torch.inference_mode()
def test_the_host_waits_for_nothing_while_a_gpu_reads() -> None:
    """Nor for what it sends, which tensors without values do not tell."""
    backend = CudaGraphBackend(tiny_network(vocabulary=768).to("cuda"), source_capacity=12)
    sources, targets = [(5, 7, EOS), (6, EOS)], [(BOS, 8, EOS), (BOS, 9, 10, EOS)]
    backend.target_log_probs(sources, targets)
    torch.cuda.set_sync_debug_mode("error")
    try:
        encoded(backend.encode(sources, 8))
        backend.target_log_probs(sources, targets)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_what_the_host_has_a_part_in_takes_steps_of_the_usual_kind() -> None:
    """One that wants its search, beside one that is the device's."""
    network = tiny_network(seed=4, eos_bias=-1.0)
    plain = Segment((7, 9, 11, EOS), max_length=9)
    batch = [plain, Segment((8, EOS), max_length=9, want_search=True)]
    decoder = open_device(network)
    found = dict(decode(decoder, batch))
    for index, segment in enumerate(batch):
        assert_same(found[index], oracle(network, segment))
    assert found[1][0].search
    assert sorted(type(block).__name__ for block in decoder._blocks.values()) == ["Block", "DeviceBlock"]


def test_what_must_not_repeat_itself_is_the_devices_in_blocks_of_their_own() -> None:
    """One after the other in the same slots, so that what an earlier one wrote is of no account."""
    network = tiny_network(seed=4, eos_bias=-2.0)
    sources = [(*range(5, 5 + length), EOS) for length in (2, 5, 3, 7, 4, 6)]
    batch = [Segment(source, max_length=12, no_repeat_ngram=size) for source in sources for size in (0, 2, 3)]
    decoder = open_device(network, 8)
    for index, hypotheses in decode(decoder, batch):
        assert_same(hypotheses, oracle(network, batch[index]))
    assert {type(block) for block in decoder._blocks.values()} == {DeviceBlock}
    assert len(decoder._blocks) == 3


def test_what_may_repeat_itself_joins_a_block_that_is_there() -> None:
    """As the translations of a source that repeats itself do, among others; slots are used again by either kind."""
    network = tiny_network(seed=4, eos_bias=-2.0)
    sources = [(*range(5, 5 + length), EOS) for length in (2, 5, 3, 7, 4, 6)]
    batch = [Segment(source, max_length=12, no_repeat_ngram=size) for source in sources for size in (2, 0, 0, 2)]
    decoder = open_device(network, 24)
    found = dict(decode(decoder, batch))
    for index, segment in enumerate(batch):
        assert_same(found[index], oracle(network, segment))
    assert [type(block) for block in decoder._blocks.values()] == [DeviceBlock]
    assert any(found[index][0].tokens != found[index + 1][0].tokens for index in range(0, len(batch), 4))


def test_what_is_too_long_for_the_device_takes_steps_of_the_usual_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_block, "MOST_SOURCE_TOKENS", 6)
    monkeypatch.setattr(device_block, "MOST_TARGET_TOKENS", 8)
    network = tiny_network(seed=4)
    batch = [
        Segment((*range(5, 5 + length), EOS), max_length=most)
        for length, most in ((5, 8), (6, 8), (2, 9), (3, 5), (9, 14))
    ]
    decoder = open_device(network, 64)
    for index, hypotheses in decode(decoder, batch):
        assert_same(hypotheses, oracle(network, batch[index]))
    assert {type(block).__name__ for block in decoder._blocks.values()} == {"Block", "DeviceBlock"}


def test_a_step_takes_the_next_shape_of_the_ladder() -> None:
    shapes: list[tuple[int, int]] = []
    graphs = StepGraphs(
        lambda slots, longest: shapes.append((slots, longest)), slots=12, longest=100, device=torch.device("cpu")
    )
    for slots, longest in ((1, 1), (3, 17), (9, 65), (12, 100)):
        graphs.run(slots, longest)
    assert shapes == [(1, 16), (4, 32), (12, 100), (12, 100)]
    assert ladder(1, 1) == (1,)
    assert ladder(16, 16) == (16,)
    assert ladder(1, 8) == (1, 2, 4, 8)
