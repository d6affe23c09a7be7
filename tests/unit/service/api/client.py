"""A client of an app in this process: no socket, but the real middleware, routes and lifespan."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from service.app import create_app
from service.catalogue import ServedModel
from service.settings import Settings
from service.tracing import Tracing
from tests.unit.service.fakes import model, opener

# A translation to ask for.
ONE = {"text": "one two", "source": "en", "target": "ru"}

T = TypeVar("T")


def two_models() -> tuple[ServedModel, ...]:
    """English and Russian both ways, and English to German: ru -> de goes through English."""
    return (model("en-ru", "ru-en"), model("en-de", name="other", version="2.1"))


def app_of(*models: ServedModel, tracing: Tracing | None = None, **settings: Any) -> FastAPI:
    return create_app(Settings(**settings), opener(*(models or two_models())), tracing=tracing)


@contextlib.asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The app after its models are loaded."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        async with asyncio.timeout(120):  # kernels may have to be compiled
            while "loading" in (await client.get("/readyz")).text:
                await asyncio.sleep(0.001)
        yield client


def ask(app: FastAPI, call: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    """The result of `call` on a client of the running app."""

    async def run() -> T:
        async with asyncio.timeout(30), running(app) as client:
            return await call(client)

    return asyncio.run(run())


def post(app: FastAPI, path: str, **request: Any) -> httpx.Response:
    return ask(app, lambda client: client.post(path, **request))


def get(app: FastAPI, path: str, **request: Any) -> httpx.Response:
    return ask(app, lambda client: client.get(path, **request))
