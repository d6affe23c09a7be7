"""The exception tree of model_store.

ModelStoreError
├── ConfigError               a field's value is outside what is allowed (also a ValueError)
├── SegmentError              a segment that the decoder cannot take (also a ValueError)
├── DecoderProcessError       a process that decodes is gone
└── BundleError               a bundle that cannot be used
    ├── BundleNotFoundError   no bundle of that name and version
    ├── BundleCorruptError    a file is missing, altered or of the wrong size
    └── BundleVersionError    written by a format this code does not read
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import ValidationError


class ModelStoreError(Exception):
    """Anything that model_store refuses."""


class ConfigError(ModelStoreError, ValueError):
    """A configuration value outside what is allowed; the message names field, value and allowed range."""

    @classmethod
    def from_validation(
        cls,
        what: str,
        error: ValidationError,
        called: Callable[[str], str] = str,
        unknown: Callable[[tuple[int | str, ...], object], str] | None = None,
    ) -> ConfigError:
        """One line per offending field of `error`, headed by `what` (a file, a section). called: what users call it.
        unknown: what is told of a field that there is not, by its place and value.

        What is wrong with a table as a whole is told without its value, which is all of it, and what is wrong with a
        field because something in it is refused is not told besides.
        """
        lines = []
        places = [problem["loc"] for problem in error.errors()]
        for problem in error.errors():
            place = problem["loc"]
            if any(len(other) > len(place) and other[: len(place)] == place for other in places):
                continue
            if unknown is not None and problem["type"] == "extra_forbidden":
                lines.append(unknown(place, problem["input"]))
                continue
            field = ".".join(str(part) for part in place)
            shown = field and problem["type"] != "missing" and not isinstance(problem["input"], Mapping)
            got = f" (got {problem['input']!r})" if shown else ""
            lines.append((f"{called(field)}: " if field else "") + problem["msg"].removeprefix("Value error, ") + got)
        return cls(f"{what}: " + "; ".join(lines))


class SegmentError(ModelStoreError, ValueError):
    """A segment whose source, beam or length the decoder cannot take; the message says which and why."""


class DecoderProcessError(ModelStoreError):
    """A process that decodes ended by itself or was ended, by the system for its memory perhaps."""


class BundleError(ModelStoreError):
    """A bundle that cannot be used."""


class BundleNotFoundError(BundleError):
    """No bundle of that name and version; the message lists what there is."""


class BundleCorruptError(BundleError):
    """A file of the bundle is missing, altered or of the wrong size; the message names it."""


class BundleVersionError(BundleError):
    """The manifest's format version is not one that this code reads."""
