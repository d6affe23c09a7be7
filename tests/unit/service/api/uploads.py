"""A document to upload, and waiting for what comes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

HTML = b'<p class="x">one <b>two</b></p>\n<p>three four</p>'
TURNED = b'<p class="x"><b>two</b> one</p>\n<p>four three</p>'


def form(content: bytes, name: str = "a b.html", target: str = "ru", **fields: str) -> dict[str, Any]:
    return {"files": {"file": (name, content)}, "data": {"source": "en", "target": target, **fields}}


async def finished(client: httpx.AsyncClient, job: str, **request: Any) -> dict[str, Any]:
    """The document's last state."""
    async with asyncio.timeout(20):
        while True:
            answer = (await client.get(f"/v1/documents/{job}", **request)).json()
            if answer["state"] in ("done", "failed"):
                assert isinstance(answer, dict)
                return answer
            await asyncio.sleep(0.01)
