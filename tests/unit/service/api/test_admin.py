"""The admin API: its key, what it shows, what it does, and what it says when it does not."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from model_store.errors import BundleCorruptError, BundleError
from model_store.store import BundleReference
from service.app import create_app
from service.settings import Settings
from tests.unit.service.api.client import app_of, ask, running
from tests.unit.service.fakes import FakeSource, model

KEY = "correct horse battery"
ALLOWED = {"Authorization": f"Bearer {KEY}"}
ONE = {"text": "one two", "source": "en", "target": "ru"}


async def call(client: httpx.AsyncClient, method: str, path: str, **arguments: Any) -> httpx.Response:
    return await client.request(method, f"/v1/admin/models{path}", headers=ALLOWED, **arguments)


def session(source: FakeSource, steps: Any, **settings: Any) -> None:
    """Run `steps` on a client of an app that has an admin key."""

    async def run() -> None:
        app = create_app(Settings(admin_key=KEY, **settings), source)
        async with asyncio.timeout(30), running(app) as client:
            await steps(client)

    asyncio.run(run())


def test_without_a_key_there_is_no_admin_api() -> None:
    response = ask(app_of(), lambda client: client.get("/v1/admin/models", headers=ALLOWED))
    assert response.status_code == 403
    assert response.json()["error"] == {
        "type": "forbidden",
        "message": "there is no admin API: VERSO_ADMIN_KEY is not set",
        "field": None,
    }


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}, {"Authorization": "Bearer "}]
    + [{"Authorization": f"Bearer {key}"} for key in ("correct", KEY + "x", KEY.upper(), "\xe9")],
)
def test_only_the_key_opens(headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    app = app_of(admin_key=KEY)
    for method, path in (("GET", ""), ("POST", "/swap"), ("POST", "/unload"), ("DELETE", "/canary?model=tiny")):
        response = ask(
            app,
            lambda client, method=method, path=path: client.request(  # type: ignore[misc]
                method, f"/v1/admin/models{path}", headers=raw, json={"model": "tiny@1"} if method == "POST" else None
            ),
        )
        assert response.status_code == 401, (method, path)
        assert response.headers["www-authenticate"] == "Bearer"
        assert KEY not in response.text


def test_the_whole_life_of_a_version() -> None:
    source = FakeSource(model("en-ru"))

    async def steps(client: httpx.AsyncClient) -> None:
        source.publish(model("en-ru", version="2"))
        state = (await call(client, "GET", "")).json()
        assert [(each["model"], each["role"]) for each in state["models"]] == [("tiny@1", "default")]
        assert state["available"] == ["tiny@1", "tiny@2"]
        loaded = (await call(client, "POST", "/load", json={"model": "tiny@2"})).json()
        assert (loaded["model"], loaded["role"], loaded["healthy"], loaded["requests"]) == ("tiny@2", "loaded", True, 0)
        canary = (await call(client, "PUT", "/canary", json={"model": "tiny@2", "share": 1})).json()
        assert (canary["role"], canary["share"]) == ("canary", 1.0)
        assert (await client.post("/v1/translate", json=ONE)).json()["model"]["version"] == "2"
        ended = (await call(client, "DELETE", "/canary", params={"model": "tiny"})).json()
        assert ended["role"] == "loaded"
        assert (await client.post("/v1/translate", json=ONE)).json()["model"]["version"] == "1"
        assert (await call(client, "POST", "/swap", json={"model": "tiny"})).json()["role"] == "default"
        assert (await client.post("/v1/translate", json=ONE)).json()["model"]["version"] == "2"
        assert (await call(client, "GET", "")).json()["previous"] == {"tiny": "1"}
        assert (await call(client, "POST", "/rollback", json={"model": "tiny"})).json()["model"] == "tiny@1"
        unloaded = (await call(client, "POST", "/unload", json={"model": "tiny@1"})).json()
        assert (unloaded["model"], unloaded["role"]) == ("tiny@1", "leaving")
        refused = await client.post("/v1/translate", json=ONE)
        assert refused.status_code == 503
        assert "there are no models" in refused.text

    session(source, steps)


def test_what_cannot_be_done_says_why() -> None:
    source = FakeSource(model("en-ru"))
    source.sizes = {"tiny@1": 60_000_000, "tiny@3": 60_000_000}

    async def steps(client: httpx.AsyncClient) -> None:
        source.publish(model("en-ru", version="2"), model("en-ru", version="3"))
        source.broken["tiny@2"] = BundleCorruptError("weights: altered")
        for path, body, status, kind, message in (
            ("/swap", {"model": "tiny@2"}, 422, "unusable_bundle", "weights: altered"),
            ("/swap", {"model": "tiny@3"}, 409, "conflict", "tiny@3: needs 60.0 MB; the models may take 100.0 MB"),
            ("/swap", {"model": "tiny@4"}, 404, "not_found", "tiny@4: no such bundle"),
            ("/swap", {}, 400, "invalid_request", "model: Field required"),
            ("/swap", {"model": "tiny@1", "now": True}, 400, "invalid_request", "now: Extra inputs"),
            ("/rollback", {"model": "tiny"}, 409, "conflict", "nothing to go back to"),
            ("/rollback", {"model": "absent"}, 404, "not_found", "'absent' is not loaded; allowed: tiny"),
            ("/unload", {"model": "tiny@9"}, 404, "not_found", "'tiny@9' is not loaded; allowed: tiny@1"),
        ):
            response = await call(client, "POST", path, json=body)
            error = response.json()["error"]
            assert (response.status_code, error["type"]) == (status, kind), response.text
            assert message in error["message"]
        share = await call(client, "PUT", "/canary", json={"model": "tiny@1", "share": 1.5})
        assert share.status_code == 400
        assert "share: Input should be less than or equal to 1 (got 1.5)" in share.text
        assert (await client.post("/v1/translate", json=ONE)).json()["model"]["version"] == "1"

    session(source, steps, max_model_bytes=100_000_000)


def test_a_failed_version_is_seen_by_everybody_and_explained_to_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeSource(model("en-ru"), model("en-ru", version="2"))
    source.broken["tiny@2"] = BundleCorruptError("/secret/place/weights: altered")

    async def steps(client: httpx.AsyncClient) -> None:
        public = await client.get("/v1/models")
        assert public.json()["failed"] == ["tiny@2"]
        assert "/secret" not in public.text
        assert [each["version"] for each in public.json()["models"]] == ["1"]
        state = (await call(client, "GET", "")).json()
        assert state["failures"] == [{"model": "tiny@2", "message": "/secret/place/weights: altered"}]
        assert state["store_error"] is None

        def unreachable() -> tuple[BundleReference, ...]:
            raise BundleError("s3://x: cannot be read")

        monkeypatch.setattr(source, "available", unreachable)
        state = (await call(client, "GET", "")).json()
        assert (state["available"], state["store_error"]) == ([], "s3://x: cannot be read")

    session(source, steps)
