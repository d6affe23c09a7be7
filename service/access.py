"""Who may ask, and how much: keys, and the rates and quotas of those who have one and of those who have none."""

from __future__ import annotations

import ipaddress
import math
import re
import time
from dataclasses import dataclass
from typing import NoReturn

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute

from model_store.errors import ConfigError
from service.engine.segment import Client
from service.errors import ApiKeyError, QuotaError
from service.keys import KeyStore
from service.quota_store import QuotaStore

_NAMESPACE = "verso"
_WITH_PORT = re.compile(r"(\d+(?:\.\d+){3}):\d+|\[([^\]]+)\](?::\d+)?")


@dataclass(frozen=True)
class Quota:
    """0 is no limit."""

    requests_per_minute: int = 0
    characters_per_day: int = 0


@dataclass(frozen=True)
class Caller:
    """Who asks. identity: of a key or a network, the same for all requests of one; client: what the engine is told."""

    identity: str
    quota: Quota
    weight: float = 1.0
    key_name: str = ""

    @property
    def client(self) -> Client:
        """For sharing the engine fairly."""
        return Client(self.identity, self.weight)

    @property
    def owner(self) -> str:
        """What documents and glossaries are kept under: a key; the empty one for all who have none."""
        return self.identity if self.key_name else ""


class Access:
    """Decides on every request that costs something. keys: none if there is no file of them. store: what has been used
    of rates and quotas."""

    def __init__(self, keys: KeyStore | None, *, required: bool, anonymous: Quota, store: QuotaStore) -> None:
        if required and keys is None:
            raise ConfigError("keys_required: true, but VERSO_KEYS_FILE is not set, so that nobody could ask")
        self._keys = keys
        self._required = required
        self._anonymous = anonymous
        self._store = store

    async def admit(self, key: str | None, address: str) -> Caller:
        """One more request, by whoever has `key`, or else by whoever is at `address`.

        Raises:
            ApiKeyError: a key that does not exist, or none where one is required.
            QuotaError: too many requests within a minute, or the day's characters are used up.
        """
        caller = self.identify(key, address)
        await self._spend(caller, "requests", 1)
        characters = self._item(caller, "characters")
        if characters is not None and not await self._store.has(characters, caller.identity, "characters", amount=1):
            await self._refuse(characters, caller, "characters", 1)
        return caller

    async def close(self) -> None:
        """Let go of the connections of its store."""
        await self._store.close()

    async def charge(self, caller: Caller, characters: int) -> int:
        """The caller wants that much text translated. Returns how much of it was counted: nothing where there is no
        quota, or while its store is down. Raises QuotaError if it is more than is left, and takes none."""
        return await self._spend(caller, "characters", characters) if characters else 0

    async def give_back(self, caller: Caller, characters: int) -> None:
        """Of what `charge` has counted, so much was refused after all."""
        item = self._item(caller, "characters")
        if item is not None and characters:
            await self._store.give_back(item, caller.identity, "characters", amount=characters)

    def identify(self, key: str | None, address: str) -> Caller:
        """Who asks, which counts nothing. Raises ApiKeyError, as `admit`."""
        if key and self._keys is not None:  # where there are no keys, one that a client sends means nothing
            found = self._keys.find(key)
            if found is None:
                raise ApiKeyError("Authorization: not a key of this service", missing=False)
            quota = Quota(found.requests_per_minute, found.characters_per_day)
            return Caller(f"key:{found.key_id}", quota, found.weight, found.name)
        if self._required:
            raise ApiKeyError("Authorization: a key is required: 'Bearer <key>'", missing=True)
        return Caller(f"net:{network_of(address)}", self._anonymous)

    def _item(self, caller: Caller, what: str) -> RateLimitItem | None:
        if what == "requests":
            most = caller.quota.requests_per_minute
            return RateLimitItemPerMinute(most, namespace=_NAMESPACE) if most else None
        most = caller.quota.characters_per_day
        return RateLimitItemPerDay(most, namespace=_NAMESPACE) if most else None

    async def _spend(self, caller: Caller, what: str, amount: int) -> int:
        item = self._item(caller, what)
        if item is None:
            return 0
        taken = await self._store.take(item, caller.identity, what, amount=amount)
        if taken is None:
            await self._refuse(item, caller, what, amount)
        return taken

    async def _refuse(self, item: RateLimitItem, caller: Caller, what: str, amount: int) -> NoReturn:
        window = await self._store.window(item, caller.identity, what)
        period = "minute" if what == "requests" else "day"
        raise QuotaError(
            f"quota: {amount} more {what}; allowed: {item.amount} a {period}, of which {window.remaining} are left",
            retry_after_s=max(1.0, math.ceil(window.reset_time - time.time())),
        )


def network_of(address: str) -> str:
    """What counts as one anonymous client: an IPv4 address, or the /64 of an IPv6 one, which is one customer's. Some
    proxies say the port too."""
    with_port = _WITH_PORT.fullmatch(address)
    try:
        parsed = ipaddress.ip_address((with_port[1] or with_port[2]) if with_port else address)
    except ValueError:
        return "unknown"
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
