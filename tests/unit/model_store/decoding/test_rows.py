"""Rows without a hypothesis: left out of a step, and nothing changes by that."""

from __future__ import annotations

from collections.abc import Sequence

from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Readout, Rows
from model_store.decoding.segment import Segment
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import EOS, SPELLED, open_tiny, tiny_network


class RowsBackend(EagerBackend):
    """Remembers how many hypotheses each step was asked for, of blocks of all widths."""

    def __init__(self, network: Seq2Seq, *, source_capacity: int) -> None:
        super().__init__(network, source_capacity=source_capacity)
        self.stepped: list[int] = []

    def step(self, blocks: Sequence[Rows]) -> list[Readout]:
        self.stepped.append(sum(each.state.hidden.shape[2] for each in blocks))
        return super().step(blocks)


def test_a_step_computes_the_hypotheses_that_there_are_and_no_more() -> None:
    """One at first, then the beam of each segment, whatever the width of the block."""
    network = tiny_network(eos_bias=-100.0)
    backend = RowsBackend(network, source_capacity=12)
    decoder = open_tiny(network, backend=backend, max_rows=32)
    decoder.admit([Segment((5, EOS), max_length=4, beam_size=beam) for beam in (4, 3)])
    decoder.step()
    decoder.step()
    decoder.admit([Segment((7, EOS), max_length=4)])
    for _step in range(4):
        decoder.step()
    assert backend.stepped == [2, 4 + 3, 4 + 3 + 1, 4 + 3 + 4, 4, 4]
    assert len(decoder.collect()) == 3


def test_beams_of_all_widths_are_one_step() -> None:
    network = tiny_network(eos_bias=-100.0)
    backend = RowsBackend(network, source_capacity=12)
    decoder = open_tiny(network, backend=backend, max_rows=32)
    decoder.admit([Segment((5, EOS), max_length=3, beam_size=beam) for beam in (4, 8, 1, 2)])
    for _step in range(3):
        decoder.step()
    assert backend.stepped == [4, 4 + 8 + 1 + 2, 4 + 8 + 1 + 2]
    assert len(decoder.collect()) == 4


def test_a_prefix_that_leaves_no_choice_has_one_hypothesis() -> None:
    network = tiny_network(eos_bias=-100.0)
    backend = RowsBackend(network, source_capacity=12)
    decoder = open_tiny(network, backend=backend)
    decoder.admit([Segment((5, EOS), max_length=4, prefix=b"11")])
    for _step in range(4):
        decoder.step()
    assert backend.stepped == [1, 1, 1, 4]
    ((_ticket, hypotheses),) = decoder.collect()
    assert hypotheses[0].tokens[:2] == (SPELLED.index(b"1"),) * 2
