"""The failure rule of a decoder: which entry holds which ticket, and whom an exception concerns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from model_store.decoding.decoder import Decoder
from model_store.decoding.segment import Hypothesis, Segment
from model_store.errors import DecoderProcessError, SegmentError
from service.engine.stats import EngineObserver
from service.engine.waiting import Entry
from service.errors import EngineFailedError
from service.public_faults import kind_of_fault

logger = logging.getLogger(__name__)

NOTHING_FOUND = (
    "the search found nothing: what the network computed are no numbers, no token begins the prefix, or the source "
    "could not be encoded"
)


@dataclass(frozen=True)
class Ended:
    """An entry left its slot: with hypotheses, or with the error that concerns it. steps: decoder steps it was live."""

    entry: Entry
    steps: int
    hypotheses: tuple[Hypothesis, ...] = ()
    error: Exception | None = None


@dataclass
class _Holder:
    """told: how many tokens of its result were told of while it runs."""

    entry: Entry
    since_step: int
    told: int = 0


@dataclass(frozen=True)
class _Admission:
    """Entries that were admitted together."""

    entries: Sequence[Entry]
    tickets: frozenset[int]
    started_s: float


class Slots:
    """A decoder and who is in it. Not thread-safe: the worker's thread owns it.

    An exception of `admit` concerns the segments of that call, which are tried again one at a time; any other concerns
    everything live, and the decoder is thrown away: `built` is False until `build` succeeds. Of a decoder even a
    SystemExit is only a failure: it must not end the thread that everybody waits for.
    """

    def __init__(self, factory: Callable[[], Decoder], observer: EngineObserver, clock: Callable[[], float]) -> None:
        self._factory = factory
        self._observer = observer
        self._clock = clock
        self._decoder: Decoder | None = None
        self._holders: dict[int, _Holder] = {}
        self._tickets: dict[int, int] = {}
        self._continued = 0  # that the decoder told of
        self._builds = 0
        self.failures_in_a_row = 0
        self.last_failure_s = 0.0
        self.last_error: str | None = None
        # What an empty decoder holds of beam 1: the hypotheses that step at once.
        self.rows = 0
        self._fresh: list[Entry] = []
        self._admissions: list[_Admission] = []  # whose segments are being encoded

    @property
    def built(self) -> bool:
        """Whether there is a decoder."""
        return self._decoder is not None

    @property
    def restarts(self) -> int:
        """Times the decoder was rebuilt."""
        return max(self._builds - 1, 0)

    @property
    def live(self) -> int:
        """Entries that hold a slot."""
        return len(self._holders)

    def check(self, segment: Segment) -> None:
        """Raise SegmentError if the decoder can never take the segment; from any thread."""
        decoder = self._decoder
        if decoder is not None:
            decoder.check(segment)

    def wake(self) -> None:
        """Have a step that waits return; from any thread."""
        if (decoder := self._decoder) is not None:
            decoder.wake()

    def build(self) -> BaseException | None:
        """Make a new decoder; the exception if its factory raised."""
        try:
            decoder = self._factory()
            self.rows, self._continued = decoder.max_rows, decoder.continued
            self._decoder = decoder
        except BaseException as error:
            self._note_failure("building the decoder", error)
            return error
        self._builds += 1
        if self._builds > 1:
            self._observer.restarted()
        return None

    def room(self, beam_size: int) -> int:
        """How many more segments of that beam can be admitted now.

        At least one into an empty decoder: if there is no room for it even then, `admit` says so, and it ends instead
        of waiting for ever.
        """
        room = self._require().room(beam_size)
        return room if self._holders else max(room, 1)

    def admit(self, entries: Sequence[Entry]) -> list[Ended]:
        """Give the entries slots; returns those that ended instead, each with its own error."""
        error = self._try_admit(entries)
        if error is None:
            return []
        # Since it was last used: all of it, and these have no part in that.
        gone = isinstance(error, DecoderProcessError)
        ended = self.fail_live("admitting segments", error) if gone else self._discard_if_inconsistent(error)
        for entry in entries:
            # A decoder that a neighbour broke is replaced at once, or that one would fail the others too.
            if not self.built and (error := self.build()) is not None:
                ended.append(Ended(entry, 0, error=self._public(error)))
                continue
            error = self._try_admit([entry])
            if error is not None:
                ended.append(Ended(entry, 0, error=self._public(error)))
                ended += self._discard_after(error)
        return ended

    def advance(self) -> list[Ended]:
        """One decoding step of everything live; returns what ended."""
        try:
            decoder = self._require()
            done = decoder.step()
            finished = decoder.collect()
        except BaseException as error:
            return self.fail_live("a decoding step", error)
        for step in done:
            self._observer.step(step.segments, step.duration_s)
        if done or finished:  # of a decoder in several processes it may only have been woken
            self.failures_in_a_row = 0
        self._note_encoded()
        self._note_first_step()
        ended = []
        for ticket, hypotheses in finished:
            holder = self._holders.pop(ticket, None)
            if holder is not None:
                del self._tickets[holder.entry.entry_id]
                failure = None if hypotheses else EngineFailedError(NOTHING_FOUND)
                ended.append(Ended(holder.entry, decoder.steps(ticket) - holder.since_step, hypotheses, failure))
        return ended

    def news(self) -> list[tuple[int, tuple[int, ...]]]:
        """What more is settled of the results of watched entries: their ids, and the tokens from the first on."""
        found = []
        for ticket, holder in self._holders.items():
            if holder.entry.watched and len(tokens := self._require().settled(ticket)) > holder.told:
                holder.told = len(tokens)
                found.append((holder.entry.entry_id, tokens))
        return found

    def free(self, entry_ids: Iterable[int]) -> list[Ended]:
        """Take dropped entries out of their slots, those that hold one; returns whom a failing decoder took along."""
        for entry_id in entry_ids:
            ticket = self._tickets.pop(entry_id, None)
            if ticket is None:
                continue
            del self._holders[ticket]
            try:
                self._require().cancel(ticket)
            except BaseException as error:
                return self.fail_live("cancelling a segment", error)
        return []

    def fail_live(self, what: str, error: BaseException) -> list[Ended]:
        """The decoder cannot be trusted any more: everything live fails, and the decoder is thrown away."""
        self._note_failure(what, error)
        ended = [
            Ended(held.entry, self._require().steps(ticket) - held.since_step, error=self._public(error))
            for ticket, held in self._holders.items()
        ]
        self._holders.clear()
        self._tickets.clear()
        self._fresh.clear()
        self._admissions.clear()
        self._decoder = None
        return ended

    def close(self) -> None:
        """Let go of the decoder and of what makes it, a network perhaps: whoever holds the engine keeps neither."""
        self._decoder = None
        self._factory = _closed

    def _note_first_step(self) -> None:
        now = self._clock()
        for entry in self._fresh:
            entry.first_step_s = now
        self._fresh.clear()

    def _note_encoded(self) -> None:
        """Take the time of those that are through the encoder."""
        decoder = self._require()
        encoding = decoder.encoding
        for admission in [each for each in self._admissions if each.tickets.isdisjoint(encoding)]:
            self._admissions.remove(admission)
            took_s = self._clock() - admission.started_s
            continued, self._continued = decoder.continued - self._continued, decoder.continued
            self._observer.admitted(len(admission.entries), took_s, continued)
            self._fresh += admission.entries
            for entry in admission.entries:
                entry.encode_s = took_s

    def _require(self) -> Decoder:
        if self._decoder is None:
            raise RuntimeError("the decoder is not built")
        return self._decoder

    def _try_admit(self, entries: Sequence[Entry]) -> BaseException | None:
        started_s = self._clock()
        try:
            decoder = self._require()
            tickets = decoder.admit([entry.segment for entry in entries])
        except BaseException as error:
            return error
        for entry, ticket in zip(entries, tickets, strict=True):
            self._holders[ticket] = _Holder(entry, decoder.steps(ticket))
            self._tickets[entry.entry_id] = ticket
        self._admissions.append(_Admission(entries, frozenset(tickets), started_s))
        self._note_encoded()
        return None

    def _discard_after(self, error: BaseException) -> list[Ended]:
        """A segment was refused alone. The decoder goes on for those that are live; with none to lose, a new one is
        cheaper than doubt. A segment that it cannot take (SegmentError) is no failure of the decoder."""
        if isinstance(error, SegmentError):
            return []
        if self._holders:
            self._note_failure("admitting a segment", error)
            return self._discard_if_inconsistent(error)
        return self.fail_live("admitting a segment", error)

    def _discard_if_inconsistent(self, error: BaseException) -> list[Ended]:
        """A refused admission must leave the slots as they were; a decoder that did not is thrown away."""
        try:
            kept = self._require().live
        except Exception as broken:
            return self.fail_live("counting slots", broken)
        return [] if kept == self.live else self.fail_live("admitting segments", error)

    def _note_failure(self, what: str, error: BaseException) -> None:
        self.failures_in_a_row += 1
        self.last_failure_s = self._clock()
        self.last_error = f"{what}: {_told(error)}"
        logger.error("decoder failure in %s: %s: %s", what, type(error).__name__, error, exc_info=error)

    @staticmethod
    def _public(error: BaseException) -> Exception:
        return error if isinstance(error, SegmentError) else EngineFailedError(_told(error))


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {kind_of_fault(error) or error}"


def _closed() -> Decoder:
    raise RuntimeError("the engine is closed")
