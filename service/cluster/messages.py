"""What goes between the front and a replica: a whole request, and a whole answer."""

from __future__ import annotations

from dataclasses import dataclass

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Asked:
    """A request. target: path and query as they were sent. client: address and port of whoever sent it."""

    method: str
    scheme: str
    target: bytes
    headers: Headers
    body: bytes
    client: tuple[str, int]

    @property
    def path(self) -> str:
        """The path alone, as it was sent."""
        return self.target.partition(b"?")[0].decode("latin-1")


@dataclass(frozen=True)
class Answered:
    """An answer. replica: whose."""

    status: int
    headers: Headers
    body: bytes
    replica: str
