"""Runs an app under uvicorn: a port that is taken is said so, and SIGTERM drains before anything closes."""

from __future__ import annotations

import socket
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.api.dependencies import Services
from service.connections import PatientProtocol
from service.errors import AddressError
from service.memory import keep_for_good

# After draining, for the last bytes of answers.
CLOSE_S = 2


class DrainingServer(uvicorn.Server):
    """At the first signal new work is refused and /readyz turns red, while the socket stays open; when the last
    accepted request is answered, or `drain_s` seconds later, the server closes. A second signal closes at once."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services
        self._drain_until: float | None = None
        self._loading = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal arrived. It is not raised again at the end, since a drained server ends well."""
        if self._drain_until is not None:
            self.should_exit = True
            return
        self._services.models.draining = self._services.in_flight.draining = True
        self._drain_until = time.monotonic() + self._services.settings.drain_s

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to close."""
        if self._loading and not self._services.models.loading:
            self._loading = False
            keep_for_good()
        if self._drain_until is not None:
            self.should_exit |= not self._services.in_flight.requests or time.monotonic() >= self._drain_until
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        AddressError: the port is taken, or the host is not one of this machine.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        raise AddressError(f"{host}:{port} cannot be listened on: {error}") from error
    # Connections inherit it. asyncio sets it only where a socket names its protocol, which this one does not; without
    # it the body of an answer, a second small packet, waits for the client's late acknowledgement of the head: 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(app: FastAPI, listener: socket.socket) -> None:
    """Serve `app` on `listener` until a signal ends it."""
    server_of(app).run([listener])


def server_of(app: FastAPI) -> DrainingServer:
    """What serves `app`."""
    services = app.state.services
    assert isinstance(services, Services)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        # uvicorn's own five seconds are as long as httpx keeps a connection, and shorter than nginx does (60): a
        # request that is sent while the other side closes is lost, and nobody can say whether it was served.
        timeout_keep_alive=services.settings.keep_alive_s,
        timeout_graceful_shutdown=CLOSE_S,
        lifespan="on",
        http=PatientProtocol,
    )
    return DrainingServer(config, services)
