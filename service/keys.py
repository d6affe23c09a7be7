"""API keys in a file: created, listed, revoked, found. Only hashes of the secrets are kept."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model_store.errors import ConfigError
from service.errors import ApiKeyNotFoundError, KeyStoreError

logger = logging.getLogger(__name__)

_MARK = "verso"
_ID_BYTES = 6
_SECRET_BYTES = 24
Limit = Annotated[int, Field(ge=0)]


class ApiKey(BaseModel):
    """A key without its secret. digest: SHA-256 of the secret, which is 192 random bits, so that no slow hash is needed
    against guessing. requests_per_minute, characters_per_day: 0 is no limit. weight: its share of a full engine,
    against 1 of everyone else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str
    name: Annotated[str, Field(min_length=1, max_length=100)]
    digest: str
    created: datetime
    requests_per_minute: Limit = 0
    characters_per_day: Limit = 0
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: list[ApiKey] = []


class KeyStore:
    """The keys in the file at `path`, which need not be there yet. What another process changes is seen at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, ApiKey] = {}

    def keys(self) -> tuple[ApiKey, ...]:
        """All, the oldest first. Raises ConfigError if the file cannot be read."""
        self._refresh()
        return tuple(self._keys.values())

    def create(self, name: str, *, requests_per_minute: int, characters_per_day: int, weight: float) -> str:
        """A new key; returns its text, which is nowhere kept. Raises ConfigError for a limit that is none."""
        key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        try:
            key = ApiKey(
                key_id=key_id,
                name=name,
                digest=_digest(secret),
                created=datetime.now(UTC),
                requests_per_minute=requests_per_minute,
                characters_per_day=characters_per_day,
                weight=weight,
            )
        except ValidationError as error:
            raise ConfigError.from_validation("key", error) from error
        with self._changing():
            self._write([*self.keys(), key])
        return f"{_MARK}_{key_id}_{secret}"

    def revoke(self, key_id: str) -> None:
        """From the next request on nobody has the key. Raises ApiKeyNotFoundError."""
        with self._changing():
            keys = self.keys()
            if all(key.key_id != key_id for key in keys):
                known = ", ".join(key.key_id for key in keys) or "there are none"
                raise ApiKeyNotFoundError(f"key: {key_id[:40]!r} does not exist; allowed: {known}")
            self._write([key for key in keys if key.key_id != key_id])

    def find(self, text: str) -> ApiKey | None:
        """The key that `text` is. The secret is compared in constant time, whether or not there is a key of that id.
        Raises KeyStoreError if the file cannot be read."""
        try:
            self._refresh()
        except ConfigError as error:
            logger.error("%s", error)
            raise KeyStoreError("keys cannot be read; the log says why") from error
        mark, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        key = self._keys.get(key_id)
        same = hmac.compare_digest(_digest(secret), key.digest if key else _digest(""))
        return key if key and same and mark == _MARK else None

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp == self._stamp:
                return
            text = self._path.read_text()
        except FileNotFoundError:
            self._stamp, self._keys = None, {}
            return
        except OSError as error:
            raise ConfigError(f"keys_file: {self._path} cannot be read: {error}") from error
        try:
            self._keys = {key.key_id: key for key in _File.model_validate_json(text).keys}
        except ValidationError as error:
            raise ConfigError.from_validation(f"keys_file {self._path}", error) from error
        self._stamp = stamp

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile. The lock is its folder's, since the file itself is replaced."""
        try:
            folder = os.open(self._path.parent, os.O_RDONLY)
        except OSError as error:
            raise ConfigError(f"keys_file: {self._path} cannot be written: {error}") from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _write(self, keys: list[ApiKey]) -> None:
        """Whole or not at all, for the owner's eyes only."""
        try:
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)  # with mode 0600
            with os.fdopen(descriptor, "w") as file:
                file.write(_File(keys=keys).model_dump_json(indent=1) + "\n")
            Path(name).replace(self._path)
        except OSError as error:
            raise ConfigError(f"keys_file: {self._path} cannot be written: {error}") from error


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
