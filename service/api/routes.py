"""All routes of the two APIs, the page and the probes, and which of them a request is for."""

from __future__ import annotations

from starlette.routing import Match
from starlette.types import Scope

from service.api import admin, documents, glossaries, libretranslate, page, probes, status, v1

PARTS = (page, v1, documents, glossaries, libretranslate, probes, status, admin)
_ROUTES = tuple(route for part in (*libretranslate.PARTS, *PARTS) for route in part.router.routes)


def route_of(scope: Scope) -> str:
    """The template of a request's route; "other" if there is none. What is refused before it gets to its route, for
    its key, its body or too many, is told by it too."""
    found = scope.get("route") or next((each for each in _ROUTES if each.matches(scope)[0] is not Match.NONE), None)
    return getattr(found, "path", "other")
