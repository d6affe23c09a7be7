"""Log lines: JSON, with the request's id, without what is not asked for."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import pytest

from service.telemetry import JsonFormatter, begin_request, configure_logging


def line(message: str, **extra: object) -> dict[str, object]:
    record = logging.getLogger("test").makeRecord(
        "test", logging.INFO, __file__, 1, message, (), sys.exc_info() if sys.exc_info()[0] else None, extra=extra
    )
    parsed = json.loads(JsonFormatter().format(record))
    assert isinstance(parsed, dict)
    return parsed


def test_a_line_has_its_fields_and_no_others() -> None:
    parsed = line('two "lines"\nlong', route="/v1/translate", status=200)
    assert parsed.pop("time")
    assert parsed == {
        "level": "info",
        "logger": "test",
        "message": 'two "lines"\nlong',
        "route": "/v1/translate",
        "status": 200,
    }


def test_an_exception_stays_on_its_line() -> None:
    try:
        raise ValueError("x")
    except ValueError:
        parsed = line("failed")
    assert "ValueError: x" in str(parsed["exception"])


def test_lines_of_concurrent_requests_have_their_own_ids() -> None:
    async def request(offered: str) -> object:
        begin_request(offered)
        await asyncio.sleep(0)
        return line("done")["request_id"]

    async def both() -> tuple[object, object]:
        first, second = await asyncio.gather(request("a"), request("b"))
        return first, second

    assert asyncio.run(both()) == ("a", "b")


@pytest.mark.parametrize("offered", [None, "", "a b", "x" * 65, 'a"b', "ключ", "a\nb"])
def test_a_strange_id_is_replaced(offered: str | None) -> None:
    async def begin() -> str:
        return begin_request(offered)

    assert len(asyncio.run(begin())) == 32


def test_a_compiler_does_not_tell_of_every_instruction() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging("debug")
        assert logging.getLogger("service.models").isEnabledFor(logging.DEBUG)
        assert not logging.getLogger("numba.core.ssa").isEnabledFor(logging.DEBUG)
        assert logging.getLogger("numba.core.ssa").isEnabledFor(logging.WARNING)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
