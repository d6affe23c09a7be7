"""An end of a connection to another process that never waits for it: the asking process's end."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
from multiprocessing.reduction import ForkingPickler

from model_store.decoding.processes.messages import Answer, Message

# The other end is multiprocessing's, which sends the length of a message in four bytes before it.
_LENGTH = struct.Struct("!i")
_PART = 65_536


class Channel:
    """What the other process does not take yet, since it is stopped, swapped out or busy, waits here until `flush`; an
    answer of which a part has come is none yet. Used by one thread, but for `close`."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._outgoing = bytearray()
        self._incoming = bytearray()

    def fileno(self) -> int:
        """What is to be waited for, for `events`."""
        return self._end.fileno()

    @property
    def events(self) -> int:
        """Of `selectors`: that an answer comes, and that the other process takes what waits for it."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)

    def send(self, message: Message) -> None:
        """Raises OSError if the other end is closed."""
        content = ForkingPickler.dumps(message)
        self._outgoing += _LENGTH.pack(len(content))
        self._outgoing += content
        self.flush()

    def flush(self) -> None:
        """Send what waits, as much as is taken now. Raises OSError if the other end is closed."""
        while self._outgoing:
            try:
                del self._outgoing[: self._end.send(self._outgoing)]
            except BlockingIOError:
                return

    def receive(self) -> Answer | None:
        """The next answer; None if none has come as a whole. Raises EOFError or OSError if there will be none."""
        while len(self._incoming) < self._whole:
            try:
                part = self._end.recv(_PART)
            except BlockingIOError:
                return None
            if not part:
                raise EOFError
            self._incoming += part
        whole = self._whole
        answer: Answer = ForkingPickler.loads(self._incoming[_LENGTH.size : whole])
        del self._incoming[:whole]
        return answer

    def close(self) -> None:
        """From any thread. One that waits for the other process would keep it from seeing the end."""
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()

    @property
    def _whole(self) -> int:
        """Bytes of the next answer, as far as is known, with its length."""
        if len(self._incoming) < _LENGTH.size:
            return _LENGTH.size
        (length,) = _LENGTH.unpack_from(self._incoming)
        return _LENGTH.size + int(length)
