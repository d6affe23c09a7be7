"""Which operations of the OpenAPI document take a key: /docs then has a button for it."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import FastAPI

_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, where the server has them."},
    "adminKey": {"type": "http", "scheme": "bearer", "description": "VERSO_ADMIN_KEY."},
}
# Without a key too, unless the server requires one; LibreTranslate's clients may have it in the field api_key.
_BY_TAG: dict[str, list[dict[str, list[str]]]] = {
    "v1": [{}, {"key": []}],
    "LibreTranslate": [{}, {"key": []}],
    "admin": [{"adminKey": []}],
}


def tell_of_keys(app: FastAPI) -> None:
    """Have the document of `app`, which is made when it is first asked for, say who needs which key."""
    without = app.openapi

    @cache
    def openapi() -> dict[str, Any]:
        document = without()
        document["components"]["securitySchemes"] = _SCHEMES
        for methods in document["paths"].values():
            for operation in methods.values():
                if security := _BY_TAG.get(operation["tags"][0]):
                    operation["security"] = security
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to change its document
