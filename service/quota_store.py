"""Where rates and quotas are counted: in memory, or in a Redis that several replicas share."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from limits import RateLimitItem
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from limits.util import WindowStats

from model_store.errors import ConfigError

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

logger = logging.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")

_SINGLE_SERVER = ("redis://", "rediss://", "redis+unix://")
_ALLOWED = "allowed: memory://, redis://[:password@]host:port, rediss://, redis+unix://, redis+cluster://"
# Others wait for one of these to end; the client's own limit is an error, which would let a crowd through uncounted.
_MOST_AT_ONCE = 50
# Longest that a request is held up by a store that does not answer, and how long it is not asked again then.
_PATIENCE_S = 1.0
REST_S = 5.0


class QuotaStore:
    """Counts by whatever names it is given. While it is down, everybody has room: a quota is not worth an outage. The
    log says so, once for each time that it was asked."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        """url: as the library `limits` writes it: "memory://", or "redis://host:6379".

        Raises:
            ConfigError: it is none, or needs what is not installed.
        """
        self._clock = clock
        self._down_until_s = -math.inf
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)
        self._pool: ConnectionPool | None = None
        options: dict[str, Any] = {}
        scheme, separator, rest = url.partition("://")
        if not separator:
            raise ConfigError(f"quota_store: not a URL; {_ALLOWED}")
        try:
            if url.startswith("redis"):
                options["implementation"] = "redispy"
            if url.startswith(_SINGLE_SERVER):  # a cluster's or sentinels' connections are the library's own
                options["connection_pool"] = self._pool = _pool(url)
            storage = storage_from_string(f"async+{url}", **options)
        except (ConfigurationError, ValueError, ImportError) as error:
            raise ConfigError(f"quota_store: {scheme}:// cannot be used: {_said(error, rest)}; {_ALLOWED}") from error
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def take(self, item: RateLimitItem, *names: str, amount: int) -> int | None:
        """How much is taken: `amount`, or 0 while nobody counts. None if there was not so much left."""
        taken = await self._asked(lambda: self._limiter.hit(item, *names, cost=amount), None)
        return 0 if taken is None else amount if taken else None

    async def give_back(self, item: RateLimitItem, *names: str, amount: int) -> None:
        """So much that was taken is left again. What was not, as `take` says, would be more than there was."""
        await self._asked(lambda: self._limiter.hit(item, *names, cost=-amount), True)

    async def has(self, item: RateLimitItem, *names: str, amount: int) -> bool:
        """Whether there is so much left."""
        return await self._asked(lambda: self._limiter.test(item, *names, cost=amount), True)

    async def window(self, item: RateLimitItem, *names: str) -> WindowStats:
        """How much is left, and when there will be more."""
        ends_s = time.time() + item.get_expiry()
        return await self._asked(lambda: self._limiter.get_window_stats(item, *names), WindowStats(ends_s, 0))

    async def close(self) -> None:
        """Let go of its connections."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _asked(self, ask: Callable[[], Awaitable[T]], otherwise: U) -> T | U:
        async with self._room:
            if self._clock() < self._down_until_s:
                return otherwise
            try:
                return await ask()
            except Exception as error:
                self._down_until_s = self._clock() + REST_S
                logger.error(
                    "the quota store cannot be asked; requests are let through for %g s: %s: %s",
                    REST_S,
                    type(error).__name__,
                    error,
                )
                return otherwise


def _said(error: Exception, rest: str) -> str:
    """What `error` says of a URL, without the `rest` of that after its scheme, which may have a password in it."""
    if isinstance(error, ValueError) and "@" in rest:  # of parsing: it quotes a part
        return "what follows is not host:port"
    return str(error).replace(rest, "...") if rest else str(error)


def _pool(url: str) -> ConnectionPool:
    from redis.asyncio import ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as Disconnected

    return ConnectionPool.from_url(
        url.replace("redis+unix", "unix"),
        socket_timeout=_PATIENCE_S,
        socket_connect_timeout=_PATIENCE_S,
        retry=Retry(NoBackoff(), 1, (Disconnected,)),  # a connection that a restarted server has closed
    )
