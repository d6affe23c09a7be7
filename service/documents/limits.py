"""What a document may cost before anything of it is translated."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class DocumentLimits:
    """Of one document. characters: to translate, over all segments; segment_characters: of the longest. The others
    bound what an archive unpacks to. ratio: unpacked over packed bytes of one member, if it is larger than
    `ratio_matters_bytes`. part_bytes: of a member that is parsed, and of any XML."""

    characters: int = 1_000_000
    segment_characters: int = 100_000
    members: int = 10_000
    unpacked_bytes: int = 128 * MEBIBYTE
    part_bytes: int = 16 * MEBIBYTE
    ratio: int = 200
    ratio_matters_bytes: int = MEBIBYTE
