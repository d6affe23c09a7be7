"""Runs inside schemathesis: whatever it does to the models of the server is undone at once, or the rest would ask a
server without any."""

from __future__ import annotations

import os
from typing import Any

import requests
import schemathesis

MODELS = ("translate-en-ru", "summarize-en-de-fr-es-ru")


@schemathesis.hook
def after_call(_context: object, case: Any, response: Any) -> None:
    """Load again what was unloaded."""
    if case.method == "POST" and case.path == "/v1/admin/models/unload" and response.status_code == 200:
        headers = {"Authorization": f"Bearer {os.environ['VERSO_ADMIN_KEY']}"}
        for model in MODELS:
            url = f"{case.operation.base_url.rstrip('/')}/v1/admin/models/load"
            requests.post(url, json={"model": model}, headers=headers, timeout=60).raise_for_status()
