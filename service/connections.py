"""Gives up on connections whose client neither sends a request to its end nor takes its answer."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# Longest that the head of a request may take, and that a client may take nothing of its answer; in seconds.
PATIENCE_S = 30.0


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with limits where it waits for ever: for a first request, for the rest of a head, and for a
    client to take its answer. Bodies have their limit in api/middleware.py, where it can be answered."""

    patience_s = PATIENCE_S

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_due: asyncio.TimerHandle | None = None
        self._progress_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected; its first request is due."""
        super().connection_made(transport)
        self._head_due = self.loop.call_later(self.patience_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        """A head that has begun is due as a whole; more bytes of it win no time."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            _cancel(self._head_due)
            self._head_due = None
        elif self._head_due is None and self.conn.trailing_data[0]:
            self._head_due = self.loop.call_later(self.patience_s, self.transport.abort)

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is written."""
        super().pause_writing()
        self._expect_progress()

    def timeout_keep_alive_handler(self) -> None:
        """No further request came: close, once the client has taken its answer."""
        super().timeout_keep_alive_handler()
        self._expect_progress()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        _cancel(self._head_due)
        _cancel(self._progress_due)
        super().connection_lost(exc)

    def _expect_progress(self) -> None:
        _cancel(self._progress_due)
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            self._progress_due = self.loop.call_later(self.patience_s, self._abort_unless_below, unsent)

    def _abort_unless_below(self, unsent: int) -> None:
        if self.transport.get_write_buffer_size() < unsent:
            self._expect_progress()
        else:
            self.transport.abort()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
