"""The listening socket, and what the server does once it has loaded."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest

from service.errors import AddressError
from service.server import listen, server_of
from tests.unit.service.api.client import app_of


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_answers_do_not_wait_for_acknowledgements(host: str) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((host, port)), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_said_so() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(AddressError, match=rf"127\.0\.0\.1:{port} cannot be listened on: "):
            listen("127.0.0.1", port)


def test_connections_are_kept_for_longer_than_clients_and_proxies_keep_them() -> None:
    """The one who closes first loses nothing. httpx closes after 5 seconds, nginx and Amazon's balancers after 60."""
    assert server_of(app_of()).config.timeout_keep_alive > 60
    assert server_of(app_of(keep_alive_s=7)).config.timeout_keep_alive == 7


def test_what_is_loaded_is_kept_for_good_once() -> None:
    """Or Python's collector would look through it again and again, while nobody is answered."""
    gc.unfreeze()  # another test in this process may have loaded models
    app = app_of()
    server = server_of(app)

    async def tick() -> int:
        await server.on_tick(1)
        return gc.get_freeze_count()

    try:
        assert asyncio.run(tick()) == 0, "it loads"
        app.state.services.models.loading = False
        kept = asyncio.run(tick())
        assert kept > 10_000
        gc.unfreeze()
        assert asyncio.run(tick()) == 0, "once is enough"
    finally:
        gc.unfreeze()
