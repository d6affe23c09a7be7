"""ZIP archives that strangers send: read within limits, and written with some members replaced.

Nothing is ever unpacked onto a disk.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from service.documents.limits import DocumentLimits
from service.errors import InvalidRequestError

_OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """The members of a ZIP file.

    Raises:
        InvalidRequestError: it is none, is damaged or encrypted, or has a member whose name leads out of it.
        RequestTooLargeError: it unpacks to more than `limits` allow.
    """

    def __init__(self, content: bytes, limits: DocumentLimits) -> None:
        if content.startswith(_OLD_OFFICE):
            raise InvalidRequestError("file", "encrypted, or of an old Office format; allowed: without a password")
        self._limits = limits
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            members = self._zip.infolist()
            for member in members:
                self._check(member)
            self._check_size(members)
            damaged = self._zip.testzip()
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError) as error:
            raise InvalidRequestError("file", f"not a whole ZIP archive: {str(error)[:100]}") from error
        if damaged is not None:
            raise InvalidRequestError("file", f"damaged: {damaged[:100]!r} has another checksum than it should")
        self._members = {member.filename: member for member in members}
        if len(self._members) < len(members):
            raise InvalidRequestError("file", "two members of the archive have the same name")

    @property
    def names(self) -> Sequence[str]:
        """Of all members."""
        return tuple(self._members)

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        """A member. Raises InvalidRequestError if it is not there, RequestTooLargeError if it is too large to parse."""
        most = self._limits.part_bytes if most_bytes is None else most_bytes
        member = self._members.get(name)
        if member is None:
            raise InvalidRequestError("file", f"the archive has no {name[:100]!r}")
        self._limits.check(member.file_size, most, f"bytes in {name[:100]!r}")
        return self._zip.read(member)

    def written(self, replaced: Mapping[str, bytes]) -> bytes:
        """The archive with other members in the place of some, and all else as it was, in its order."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.comment = self._zip.comment
            for name, member in self._members.items():
                entry = zipfile.ZipInfo(name, member.date_time)
                entry.compress_type = member.compress_type
                entry.external_attr = member.external_attr
                entry.comment = member.comment
                archive.writestr(entry, replaced[name] if name in replaced else self._zip.read(member))
        return target.getvalue()

    def _check(self, member: zipfile.ZipInfo) -> None:
        limits, name = self._limits, member.filename
        shown = repr(name[:100])
        if member.flag_bits & _ENCRYPTED:
            raise InvalidRequestError("file", f"{shown} in it is encrypted; allowed: without a password")
        if member.compress_type not in _METHODS:
            raise InvalidRequestError("file", f"{shown} in it is compressed in another way than office programs do")
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or (path.parts and path.parts[0].endswith(":")):
            raise InvalidRequestError("file", f"the name of {shown} leads out of the archive")
        ratio = member.file_size / max(member.compress_size, 1)
        if member.file_size > limits.ratio_matters_bytes:
            limits.check(round(ratio), limits.ratio, f"times its size is what {shown} unpacks to")

    def _check_size(self, members: Sequence[zipfile.ZipInfo]) -> None:
        self._limits.check(len(members), self._limits.members, "members in the archive")
        size = sum(member.file_size for member in members)
        self._limits.check(size, self._limits.unpacked_bytes, "bytes when unpacked")
