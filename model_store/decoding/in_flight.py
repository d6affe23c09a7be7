"""The decoder: admit, step, collect. A finished segment leaves its slot and the next takes it at the next step.

A decoder state is constant in size, so segments of any length, beam and age step together (no published translation
server does this for beam search). Steps run in blocks of a fixed number of rows, because the last bits of a matrix
product depend on its shape: a segment thus gets the same tokens alone and under load.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import torch

from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.block import Block, Occupant, Vocabulary
from model_store.decoding.segment import Hypothesis, Segment
from model_store.errors import SegmentError
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer

Results = list[tuple[int, tuple[Hypothesis, ...]]]


class InFlightDecoder:
    """Beam search over slots. Not thread-safe: one thread owns it.

    A segment of beam k runs in a block whose width is k rounded up to a power of two, of `block_rows` rows; at most
    `max_blocks` blocks exist at a time.
    """

    def __init__(
        self,
        backend: Backend,
        vocabulary: Vocabulary,
        *,
        max_target_length: int,
        block_rows: int = 32,
        max_blocks: int = 4,
    ) -> None:
        self.backend = backend
        self.vocabulary = vocabulary
        self.max_source_length = backend.source_capacity
        limit = backend.target_limit
        self.max_target_length = max_target_length if limit is None else min(max_target_length, limit)
        self.max_beam_size = 1 << (block_rows.bit_length() - 1)
        self._block_rows = block_rows
        self._max_blocks = max_blocks
        self._blocks: list[Block] = []
        self._finished: Results = []
        self._next_ticket = 0

    @property
    def live(self) -> int:
        """How many segments hold a slot."""
        return sum(block.live for block in self._blocks)

    def check(self, segment: Segment) -> None:
        """Raises SegmentError if this decoder can never take `segment`."""
        for field, value, most in (
            ("source", len(segment.source), self.max_source_length),
            ("beam_size", segment.beam_size, self.max_beam_size),
            ("max_length", segment.max_length, self.max_target_length),
        ):
            if value > most:
                raise SegmentError(f"{field}: {value} is too large; allowed: 1..{most}")
        if not 0 <= min(segment.source) <= max(segment.source) < self.backend.vocabulary:
            raise SegmentError(f"source: ids must lie in 0..{self.backend.vocabulary - 1}")

    def room(self, beam_size: int) -> int:
        """How many more segments of that beam can be admitted now."""
        width = _width(beam_size)
        free = sum(block.free for block in self._blocks if block.width == width)
        return free + (self._max_blocks - len(self._blocks)) * (self._block_rows // width)

    @torch.inference_mode()
    def admit(self, segments: Sequence[Segment]) -> list[int]:
        """Encode segments and give each a slot; returns a ticket for each.

        Raises SegmentError, and admits none, if one of them does not fit the decoder or there is no room for all.
        """
        for segment in segments:
            self.check(segment)
        self._check_room(segments)
        memory, state = self.backend.encode([segment.source for segment in segments])
        tickets = []
        for index, segment in enumerate(segments):
            occupant = Occupant(self._next_ticket, segment)
            self._next_ticket += 1
            self._block_for(_width(segment.beam_size)).admit(occupant, memory, state, index)
            tickets.append(occupant.ticket)
        return tickets

    @torch.inference_mode()
    def step(self) -> None:
        """One decoding step of everything live."""
        for block in self._blocks:
            self._finished += block.step()
        self._blocks = [block for block in self._blocks if block.live]
        self._merge()

    def collect(self) -> Results:
        """What finished since the last call: tickets with their hypotheses, best first. Their slots are free."""
        finished, self._finished = self._finished, []
        return finished

    @torch.inference_mode()
    def cancel(self, ticket: int) -> None:
        """Free the slot of a segment without a result; a ticket that is not live is ignored."""
        any(block.cancel(ticket) for block in self._blocks)

    def _check_room(self, segments: Sequence[Segment]) -> None:
        blocks = len(self._blocks)
        for width in {_width(segment.beam_size) for segment in segments}:
            wanted = sum(_width(segment.beam_size) == width for segment in segments)
            missing = wanted - sum(block.free for block in self._blocks if block.width == width)
            blocks += max(0, -(-missing // (self._block_rows // width)))
        if blocks > self._max_blocks:
            raise SegmentError(f"segments: no room for {len(segments)} more beside the {self.live} that are live")

    def _block_for(self, width: int) -> Block:
        """The fullest block of that width with a free slot, so that the others empty; a new one if there is none."""
        with_room = [block for block in self._blocks if block.width == width and block.free]
        if with_room:
            return min(with_room, key=lambda block: block.free)
        block = Block(
            self.backend,
            self.vocabulary,
            slots=self._block_rows // width,
            width=width,
            targets=self.max_target_length,
        )
        self._blocks.append(block)
        return block

    def _merge(self) -> None:
        """Empty a block into another where all its segments fit, since a step costs the same half empty."""
        for block in sorted(self._blocks, key=lambda block: block.live):
            for other in self._blocks:
                if other is not block and other.width == block.width and other.free >= block.live > 0:
                    block.move_into(other)
                    self._blocks.remove(block)
                    break


def _width(beam_size: int) -> int:
    """The beam rounded up to a power of two."""
    return 1 << (beam_size - 1).bit_length()


def open_decoder(
    network: Seq2Seq, tokenizer: Tokenizer, *, max_source_length: int, max_target_length: int, max_blocks: int = 4
) -> InFlightDecoder:
    """A decoder for a bundle's network and tokenizer; lengths in tokens."""
    forbidden = torch.zeros(tokenizer.vocabulary, dtype=torch.bool, device=network.projection.weight.device)
    forbidden[sorted(tokenizer.control_ids)] = True
    return InFlightDecoder(
        EagerBackend(network, source_capacity=max_source_length),
        Vocabulary(tokenizer.bos_id, tokenizer.eos_id, forbidden),
        max_target_length=max_target_length,
        max_blocks=max_blocks,
    )


def decode(decoder: InFlightDecoder, segments: Iterable[Segment]) -> Iterator[tuple[int, tuple[Hypothesis, ...]]]:
    """Decode any number of segments offline; yields (index, hypotheses) as they finish, keeping all slots filled."""
    waiting = deque(enumerate(segments))
    index_of: dict[int, int] = {}
    while waiting or decoder.live:
        batch: list[tuple[int, Segment]] = []
        while waiting and len(batch) < decoder.room(waiting[0][1].beam_size):
            if batch and batch[0][1].beam_size != waiting[0][1].beam_size:
                break
            batch.append(waiting.popleft())
        if batch:
            tickets = decoder.admit([segment for _index, segment in batch])
            index_of.update(zip(tickets, (index for index, _segment in batch), strict=True))
        decoder.step()
        for ticket, hypotheses in decoder.collect():
            yield index_of.pop(ticket), hypotheses
