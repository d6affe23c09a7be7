"""One keep-alive connection that posts JSON, and can hang up in the middle, more rudely than a library would."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any


class NotAnswered(Exception):  # noqa: N818 - an outcome that is counted, not only an error
    """The connection could not be made, or it ended before the answer did."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


# A connection that has said nothing for longer may be closed by the server while the next request is on its way.
# Servers keep them for longer than this.
KEPT_S = 4.0


class Connection:
    """Opened when it is needed, and again after it was closed or has said nothing for long."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._answered_s = 0.0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: dict[str, Any], request_id: str) -> Answer:
        """Send a request and wait for its answer; a cancelled call resets the connection.

        Raises:
            NotAnswered: there is no whole answer.
        """
        try:
            reader = await self._send(path, json.dumps(body).encode(), request_id)
            answer = await _read(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.abort()
            raise NotAnswered(repr(error)) from error
        except asyncio.CancelledError:
            self.abort()
            raise
        if answer.headers.get("connection") == "close":
            self.abort()
        self._answered_s = time.monotonic()
        return answer

    def abort(self) -> None:
        """Hang up, whatever is under way."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _send(self, path: str, content: bytes, request_id: str) -> asyncio.StreamReader:
        silent = time.monotonic() - self._answered_s > KEPT_S
        if self._streams is None or self._streams[0].at_eof() or silent:
            self.abort()
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        head = (
            f"POST {path} HTTP/1.1\r\nHost: storm\r\nX-Request-ID: {request_id}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        await writer.drain()
        return reader


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
    content = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(head[0].split()[1]), headers, json.loads(content))
