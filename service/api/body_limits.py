"""How large the body of a request may be: that of a form with a document in it is as large as the document allows."""

from __future__ import annotations

from service.settings import Settings

_WITH_DOCUMENT = ("/v1/documents", "/translate_file")
# What a form has beside a file.
_FORM_BYTES = 65_536


def most_bytes(path: str, settings: Settings) -> int:
    """Of the body of a request for `path`."""
    return settings.max_document_bytes + _FORM_BYTES if path in _WITH_DOCUMENT else settings.max_body_bytes
