"""What goes between the front and a replica: a whole request, and a whole answer."""

from __future__ import annotations

from dataclasses import dataclass

from service.downloads import Download

# Its answer says where a file is to be fetched.
TRANSLATE_FILE = "/translate_file"

Headers = tuple[tuple[bytes, bytes], ...]
Files = tuple[tuple[str, Download], ...]


@dataclass(frozen=True)
class Asked:
    """A request. target: path and query as they were sent. client: address and port of whoever sent it. files: that it
    may ask for, with their keys, since another replica may have made them."""

    method: str
    scheme: str
    target: bytes
    headers: Headers
    body: bytes
    client: tuple[str, int]
    files: Files = ()

    @property
    def path(self) -> str:
        """The path alone, as it was sent."""
        return self.target.partition(b"?")[0].decode("latin-1")


@dataclass(frozen=True)
class Answered:
    """An answer. replica: whose. files: that it has made to be downloaded."""

    status: int
    headers: Headers
    body: bytes
    replica: str
    files: Files = ()
