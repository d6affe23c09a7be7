"""Who operates the service: those that have the admin key or the token of the metrics, compared in constant time."""

from __future__ import annotations

import base64
import hmac

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from service.api.admission import bearer
from service.api.dependencies import services_of
from service.errors import AdminKeyError, AdminOffError, ApiKeyError


def require_admin_key(request: Request) -> None:
    """Only whoever has the key goes on; the comparison takes as long for any wrong one."""
    key = services_of(request).settings.admin_key
    if not key:
        raise AdminOffError("there is no admin API: VERSO_ADMIN_KEY is not set")
    if not _same(bearer(request.headers), key):
        raise AdminKeyError("Authorization: not 'Bearer <VERSO_ADMIN_KEY>'")


def require_metrics_token(request: Request) -> None:
    """Where there is a token of the metrics, only whoever has it goes on."""
    token = services_of(request).settings.metrics_token
    if token and not _same(bearer(request.headers), token):
        raise ApiKeyError("Authorization: not 'Bearer <VERSO_METRICS_TOKEN>'", missing=False)


def is_operator(request: Request) -> bool:
    """Whether the request has the token of the metrics or the admin key: as a bearer's, or, since browsers ask for
    those, as the password of HTTP Basic with any name.

    Raises:
        HTTPException: it has neither, and there is a token of the metrics. Browsers then ask for it.
    """
    settings = services_of(request).settings
    given = bearer(request.headers) or _password(request.headers)
    if any(_same(given, known) for known in (settings.metrics_token, settings.admin_key)):
        return True
    if settings.metrics_token:
        wanted = "Authorization: not VERSO_METRICS_TOKEN, as 'Bearer <token>' or as the password of Basic"
        raise HTTPException(401, wanted, {"WWW-Authenticate": 'Basic realm="Verso", charset="UTF-8", Bearer'})
    return False


def _same(given: str | None, known: str) -> bool:
    """False for what is empty, on either side."""
    return bool(given and known) and hmac.compare_digest((given or "").encode(), known.encode())


def _password(headers: Headers) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(token, validate=True).decode().partition(":")[2]
    except ValueError:
        return None
