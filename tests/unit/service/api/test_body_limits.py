"""How large a body may be: the same in a process by itself and in front of a cluster."""

from __future__ import annotations

import pytest

from service.api.body_limits import most_bytes
from service.settings import Settings

SETTINGS = Settings(max_body_bytes=1000, max_document_bytes=5000)


@pytest.mark.parametrize("path", ["/v1/documents", "/translate_file"])
def test_a_document_of_the_largest_size_fits_with_the_form_around_it(path: str) -> None:
    assert most_bytes(path, SETTINGS) > SETTINGS.max_document_bytes + 1000


@pytest.mark.parametrize("path", ["/v1/translate", "/translate", "/v1/documents/x", "/nowhere"])
def test_anything_else_is_as_large_as_bodies_may_be(path: str) -> None:
    assert most_bytes(path, SETTINGS) == SETTINGS.max_body_bytes
