"""The decoder: admit, step, collect. A finished segment leaves its slot and the next takes it at the next step.

A decoder state is constant in size, so segments of any length, beam and age step together (no published translation
server does this for beam search). A step has as many rows as there are hypotheses, of beams of any width. A backend's
rows do not depend on each other, nor on how many there are: a segment thus gets the same tokens alone and under load.

Sources that are encoded together cost much less than one by one, since weights are read once for all of them. So when a
slot is free, some more than fit are encoded, and take the next slots as soon as these are free. Beside segments that
are live they are encoded in parts, from step to step as many tokens as a step with all rows has rows: about half of its
time, so that no step takes much longer than it does with a full house.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

import torch

from model_store.decoding.backends.choice import BackendName, Precision, open_backend
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.backends.threads import Threads
from model_store.decoding.beginnings import Beginnings
from model_store.decoding.block import Block
from model_store.decoding.decoder import Decoder
from model_store.decoding.device_block import DeviceBlock
from model_store.decoding.encodings import Encodings
from model_store.decoding.newcomers import Newcomers, Waiting, width_of
from model_store.decoding.noisy_channel import NoisyChannel
from model_store.decoding.occupant import Occupant, Vocabulary
from model_store.decoding.segment import Hypothesis, Limits, Results, Segment, StepDone
from model_store.decoding.shortlist import Shortlist
from model_store.decoding.spellings import Spellings
from model_store.errors import SegmentError
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from model_store.translations import Translations

logger = logging.getLogger("verso.decoding")

MAX_ROWS = 128
ENCODE_AHEAD = 8


class InFlightDecoder:
    """Beam search over slots. Not thread-safe: one thread owns it.

    A segment of beam k takes k rows, rounded up to a power of two, of `max_rows`.
    encode_ahead: how many segments may be encoded before there is a slot for them; ENCODE_AHEAD for each MAX_ROWS
    unless given.
    """

    def __init__(
        self,
        backend: Backend,
        vocabulary: Vocabulary,
        *,
        max_target_length: int,
        max_rows: int = MAX_ROWS,
        encode_ahead: int | None = None,
    ) -> None:
        self.backend = backend
        self.vocabulary = vocabulary
        limit = backend.target_limit
        self.limits = Limits(
            source=backend.source_capacity,
            target=max_target_length if limit is None else min(max_target_length, limit),
            beam_size=1 << (max_rows.bit_length() - 1),
            vocabulary=backend.vocabulary,
        )
        self.max_rows = max_rows
        self.encode_ahead = max(max_rows // MAX_ROWS, 1) * ENCODE_AHEAD if encode_ahead is None else encode_ahead
        self.newcomers = Newcomers(Encodings(backend), max_rows)
        self.beginnings = Beginnings(self.newcomers.encodings.kept.most_bytes)
        self._channel = NoisyChannel(backend, bos=vocabulary.bos, eos=vocabulary.eos, rows=max_rows)
        self._blocks: dict[tuple[int, int | None], Block | DeviceBlock] = {}  # by width and, of a device's, no repeats
        self._finished: Results = []
        self._next_ticket = 0
        self._steps = 0

    @property
    def live(self) -> int:
        """How many segments hold a slot, or are encoded and wait for one, or are being encoded, or ranked."""
        return sum(block.live for block in self._blocks.values()) + len(self.newcomers) + len(self._channel)

    @property
    def encoding(self) -> frozenset[int]:
        """The tickets of the segments that are being encoded."""
        return frozenset(occupant.ticket for occupant in self.newcomers.unread)

    @property
    def continued(self) -> int:
        """How many segments have gone on from where an earlier one with the beginning of their prefix had come to."""
        return self.beginnings.used

    def check(self, segment: Segment) -> None:
        """Raises SegmentError if this decoder can never take `segment`."""
        self.limits.check(segment)

    def wake(self) -> None:
        """Nothing: a step does not wait."""

    def steps(self, _ticket: int) -> int:
        """How many steps were done so far: of all segments the same."""
        return self._steps

    def room(self, beam_size: int) -> int:
        """How many more segments of that beam can be admitted now: none while others wait or will have to."""
        unread = sum(width_of(occupant.segment.beam_size) for occupant in self.newcomers.unread)
        free = 0 if self.newcomers.waiting else max(self._free_rows - unread, 0) // width_of(beam_size)
        return free + self.encode_ahead if free else 0

    @property
    def _rows_in_use(self) -> int:
        return sum(block.held * block.width for block in self._blocks.values())

    @property
    def _free_rows(self) -> int:
        return self.max_rows - self._rows_in_use

    @torch.inference_mode()
    def admit(self, segments: Sequence[Segment]) -> list[int]:
        """Encode segments and give each a slot, at once or as soon as one is free, in order; returns a ticket for each.

        They are encoded now if nobody is live, else in as many steps as it takes.

        Raises SegmentError, and admits none, if one of them does not fit the decoder or there is no room for all.
        """
        for segment in segments:
            self.limits.check(segment)
        if self.newcomers.without_slot(self._free_rows, segments) > self.encode_ahead:
            raise SegmentError(f"segments: no room for {len(segments)} more beside the {self.live} that are live")
        occupants = [
            Occupant(self._next_ticket + index, segment, self.vocabulary, self.beginnings.of(segment))
            for index, segment in enumerate(segments)
        ]
        self._next_ticket += len(segments)
        for occupant in occupants:
            self._channel.expect(occupant.ticket, occupant.segment)
        self.newcomers.add(occupants, alone=not self._rows_in_use)
        if self.newcomers.groups == 1:  # else it is for the next steps, and whatever fails is not these segments' fault
            try:
                while self.newcomers.encode(alone=not self._rows_in_use):
                    self._place()
            except BaseException:
                for occupant in occupants:
                    self._channel.forget(occupant.ticket)
                raise
        return [occupant.ticket for occupant in occupants]

    @torch.inference_mode()
    def step(self) -> tuple[StepDone, ...]:
        """One decoding step of everything that has a slot, and a part of what is to be encoded; says what it was.

        Whatever cannot be encoded ends without a hypothesis, with all that it was admitted with.
        """
        started_s, live = time.perf_counter(), self.live
        self._encode()
        self.newcomers.go_on()
        self._step_blocks()
        self._place()
        self._steps += 1
        return (StepDone(live, time.perf_counter() - started_s),)

    def collect(self) -> Results:
        """What finished since the last call: tickets with their hypotheses, best first. Their slots are free."""
        finished, self._finished = self._finished, []
        return finished

    def settled(self, ticket: int) -> tuple[int, ...]:
        """The tokens that all hypotheses of a live segment begin with, and hence its result; none if it has no slot."""
        here = (block.settled(ticket) for block in self._blocks.values())
        return next((tokens for tokens in here if tokens is not None), ())

    @torch.inference_mode()
    def cancel(self, ticket: int) -> None:
        """Free the slot of a segment without a result; a ticket that is not live is ignored."""
        self._channel.forget(ticket)
        if not any(block.cancel(ticket) for block in self._blocks.values()):
            self.newcomers.cancel(ticket)
        self._place()

    def _encode(self) -> None:
        encoded = True
        while encoded:
            first = self.newcomers.first
            try:
                encoded = self.newcomers.encode(alone=not self._rows_in_use)
            except Exception:
                logger.exception("sources could not be encoded: %d segments end without a result", len(first))
                for each in first:
                    self._channel.forget(each.ticket)
                self._finished += [(each.ticket, ()) for each in first if not each.cancelled]
            self._place()

    def _step_blocks(self) -> None:
        """Segments of all beam widths step together, but those whose steps are the device's alone."""
        blocks = [block for block in self._blocks.values() if block.live]
        together = [block for block in blocks if isinstance(block, Block)]
        readouts = self.backend.step([block.rows for block in together]) if together else []
        found: Results = []
        for block, readout in zip(together, readouts, strict=True):
            found += block.take(readout)
        for alone in blocks:
            if isinstance(alone, DeviceBlock):
                found += alone.step()
        self._finished += self._channel.take(found)
        self._finished += self._channel.read(alone=not self._rows_in_use)

    def _place(self) -> None:
        """Give slots to those who wait, in order; whoever needs more rows than are free is not overtaken."""
        waiting = self.newcomers.waiting
        while waiting and waiting[0].width <= self._free_rows:
            first, free = waiting[0], self._free_rows
            together = []
            block = self._block_of(first)
            while waiting and waiting[0].memory is first.memory and self._block_of(waiting[0]) is block:
                free -= first.width
                if free < 0:
                    break
                together.append(waiting.popleft())
            occupants, rows = [each.occupant for each in together], [each.row for each in together]
            block.admit(occupants, first.memory, first.state, rows)

    def _block_of(self, waiting: Waiting) -> Block | DeviceBlock:
        occupant, width = waiting.occupant, waiting.width
        alone = self.backend.on_device and DeviceBlock.takes(occupant)
        key = width, self._ngram_of_block(width, occupant.segment.no_repeat_ngram) if alone else None
        if key not in self._blocks:
            room = {"slots": self.max_rows // width, "width": width, "targets": self.limits.target}
            self._blocks[key] = (
                Block(self.backend, self.vocabulary, self.beginnings, **room)
                if key[1] is None
                else DeviceBlock(self.backend, self.vocabulary, no_repeat_ngram=key[1], **room)
            )
        return self._blocks[key]

    def _ngram_of_block(self, width: int, asked: int) -> int:
        """What may repeat itself joins what may not, if that is there already: one block steps sooner than two."""
        there = (ngram for each, ngram in self._blocks if each == width and ngram)
        return asked or next(there, 0)


def open_decoder(
    network: Seq2Seq,
    tokenizer: Tokenizer,
    *,
    max_source_length: int,
    max_target_length: int,
    max_rows: int = MAX_ROWS,
    backend: BackendName = "auto",
    precision: Precision = "float16",
    translations: Mapping[str, Translations] | None = None,
    threads: Threads | None = None,
) -> InFlightDecoder:
    """A decoder for a bundle's network and tokenizer; lengths in tokens. precision, threads: as open_backend.

    translations: by target language, for targets that are made of shortlists; where steps are the device's alone there
    are none, since the host would have a part in each. Raises ConfigError as open_backend.
    """
    opened = open_backend(network, backend, source_capacity=max_source_length, precision=precision, threads=threads)
    device = network.projection.weight.device
    never = sorted(tokenizer.control_ids)
    forbidden = torch.tensor(never, device=device)
    listed = {} if translations is None or opened.on_device else translations
    tables = {tokenizer.language_id(language): each for language, each in listed.items()}
    shortlist = Shortlist(tables, forbidden=never, eos=tokenizer.eos_id) if tables else None
    return InFlightDecoder(
        opened,
        Vocabulary(tokenizer.bos_id, tokenizer.eos_id, forbidden, Spellings(tokenizer.spellings()), shortlist),
        max_target_length=max_target_length,
        max_rows=max_rows,
    )


def decode(decoder: Decoder, segments: Iterable[Segment]) -> Iterator[tuple[int, tuple[Hypothesis, ...]]]:
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
