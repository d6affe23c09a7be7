"""One of the processes that decode, as far as it is known to the one that asks."""

from __future__ import annotations

import logging

from model_store.decoding.newcomers import width_of
from model_store.decoding.processes.channel import Channel
from model_store.decoding.processes.messages import Failed, Logged, Message, Ready, Report
from model_store.errors import DecoderProcessError

# A process that has something to decode tells of it many times a second: one that is away for this long hangs.
LOST_AFTER_S = 60.0
_ENDED = "a process that decodes has ended, or was ended"


class Counterpart:
    """What the process at the other end of a channel holds, and so what room it has. ready: what it said of itself,
    once it is open."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.ready: Ready
        self.open = False
        self.widths: dict[int, int] = {}  # by ticket
        self.owed: set[int] = set()  # those of which it has not told the end, cancelled ones too
        self.silent_s = 0.0  # that it was waited for since it told something
        self.encoding: set[int] = set()
        self.steps = 0
        self.continued = 0

    @property
    def rows(self) -> int:
        """That its segments take, or will."""
        return sum(self.widths.values())

    def room(self, beam_size: int) -> int:
        """As of a Decoder. What has ended there and was not told of yet is room that is not counted."""
        free = self.ready.max_rows - self.rows
        return free // width_of(beam_size) + self.ready.encode_ahead if free > 0 else 0

    def check_pace(self, waited_s: float) -> None:
        """It was waited for so much longer. Raises DecoderProcessError if it hangs."""
        self.silent_s = self.silent_s + waited_s if self.owed else 0.0
        if self.silent_s > LOST_AFTER_S:
            raise DecoderProcessError(f"a process that decodes does not come back from a step, in {LOST_AFTER_S:.0f} s")

    def send(self, message: Message) -> None:
        """Waits for nobody. Raises DecoderProcessError."""
        try:
            self.channel.send(message)
        except OSError as error:
            raise DecoderProcessError(_ENDED) from error

    def flush(self) -> None:
        """Send what it did not take before. Raises DecoderProcessError."""
        try:
            self.channel.flush()
        except OSError as error:
            raise DecoderProcessError(_ENDED) from error

    def receive(self) -> Report | None:
        """The next report that has come; what comes before it is logged, or noted. Raises what the process failed with,
        or DecoderProcessError."""
        while True:
            try:
                answer = self.channel.receive()
            except (EOFError, OSError) as end:
                raise DecoderProcessError(_ENDED) from end
            match answer:
                case Logged(record):
                    logging.getLogger(record.name).handle(record)
                case Failed(error):
                    raise error
                case Ready():
                    self.ready, self.open = answer, True
                case Report():
                    self.silent_s = 0.0
                    return answer
                case None:
                    return None
