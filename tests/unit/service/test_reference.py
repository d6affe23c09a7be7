"""docs/api.md is what the app says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.api.error_handlers import statuses
from service.pipeline.translation import WARNINGS
from service.reference import ERROR_TYPES, WARNING_MEANINGS, reference
from tests.unit.service.api.client import app_of

ROOT = Path(__file__).parents[3]


def test_the_reference_is_up_to_date() -> None:
    written = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert written == reference(app_of().openapi()), "run `make docs` and commit docs/api.md"


def test_it_has_every_type_of_error_and_every_warning() -> None:
    assert list(ERROR_TYPES) == list(statuses())
    assert tuple(WARNING_MEANINGS) == WARNINGS
    text = reference(app_of().openapi())
    assert "| `quota_exceeded` | 429 |" in text
    assert "| `not_shorter` |" in text


@pytest.mark.parametrize("path", ["/v1/models", "/languages", "/frontend/settings", "/health"])
def test_what_anybody_may_ask_is_not_said_to_refuse_keys_or_texts(path: str) -> None:
    assert set(app_of().openapi()["paths"][path]["get"]["responses"]) == {"200", "503", "default"}


def test_it_has_every_operation_and_every_field_of_a_body() -> None:
    document = app_of().openapi()
    text = reference(document)
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"### `{method.upper()} {path}`" in text
    assert "| `source` | query | string |" in text
    assert "Answer: One version in memory. role: default gets the requests; canary a share of them" in text
    assert 'Request (application/json): model: "name@version", or "name" for its highest version in the store.' in text
    for field in document["components"]["schemas"]["OptionsBody"]["properties"]:
        assert f"| `options.{field}` |" in text
