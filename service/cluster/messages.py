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
    """A request. path, decoded, and query: as they were sent. client: address and port of whoever sent it. files: that
    it may ask for, with their keys, since another replica may have made them."""

    method: str
    scheme: str
    path: str
    query: bytes
    headers: Headers
    body: bytes
    client: tuple[str, int]
    files: Files = ()


@dataclass(frozen=True)
class Answered:
    """An answer. replica: whose. files: that it has made to be downloaded."""

    status: int
    headers: Headers
    body: bytes
    replica: str
    files: Files = ()
