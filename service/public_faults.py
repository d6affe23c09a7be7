"""What strangers are told of a bundle that cannot be served: the kind of fault. The message of the error may name
places on the machine, and is for the log and for operators."""

from __future__ import annotations

from model_store.errors import (
    BundleCorruptError,
    BundleError,
    BundleNotFoundError,
    BundleVersionError,
    ConfigError,
    DecoderProcessError,
)
from service.errors import ServiceError

_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (BundleNotFoundError, "there is no such bundle"),
    (BundleCorruptError, "a file is missing, altered or of the wrong size"),
    (BundleVersionError, "its format is not one that this version reads"),
    (BundleError, "it cannot be read"),
    (ConfigError, "a value is outside what is allowed"),
)


def kind_of_fault(error: BaseException) -> str | None:
    """That of an error whose message may name a place on the machine; None of others."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return next((told for kind, told in _KINDS if isinstance(error, kind)), None)


def told_of_loading(where: str, error: Exception) -> str:
    """Why `where`, a bundle, could not be loaded. What nobody foresaw is told by its type alone."""
    told = kind_of_fault(error)
    if told is None:
        known = isinstance(error, ServiceError | DecoderProcessError)
        told = str(error).removeprefix(f"{where}: ") if known else type(error).__name__
    return f"{where}: {told}"
