"""Draws by what a text says, not by where it stands: of a corpus that grew, what was drawn before is drawn again."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def order_drawn(items: Iterable[bytes], seed: int) -> list[int]:
    """The numbers of the items in the order in which they are drawn: that of a keyed hash, then of their numbers.

    Items that come to others or leave change nothing in the order of the rest. seed: from 0.
    """
    key = str(seed).encode()
    hashed = [blake2b(item, digest_size=8, key=key).digest() for item in items]
    return sorted(range(len(hashed)), key=hashed.__getitem__)
