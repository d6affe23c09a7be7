"""The Python client of a Verso server, sync and async, over httpx; it imports neither torch nor fastapi.

with Client("http://127.0.0.1:5000") as verso:
    print(verso.translate("Open the file", source="en", target="ru").text)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from service.client_answers import (
    Detection,
    DocumentState,
    Language,
    Model,
    Summary,
    Translation,
    content_of,
    detections_of,
    document_of,
    languages_of,
    models_of,
    read,
    summaries_of,
    translations_of,
    unreachable,
)

DEFAULT_TIMEOUT_S = 150.0  # above what a request may take in the server, so that its own words are heard


@dataclass(frozen=True)
class Ask:
    """One request: what is sent where. file: the name and content of a document, whose fields are then `fields`."""

    method: str
    path: str
    body: dict[str, object] | None = None
    file: tuple[str, bytes] | None = None
    fields: dict[str, str] | None = None


def _translate(texts: Sequence[str], source: str, target: str, *, model: str | None, n_best: int, format: str) -> Ask:
    body: dict[str, object] = {"text": list(texts), "source": source, "target": target, "options": {"n_best": n_best}}
    if format != "text":
        body["format"] = format
    return Ask("POST", "/v1/translate", body if model is None else body | {"model": model})


def _summarize(texts: Sequence[str], language: str, *, model: str | None, lines: bool) -> Ask:
    body: dict[str, object] = {"text": list(texts), "language": language, "format": "lines" if lines else "line"}
    return Ask("POST", "/v1/summarize", body if model is None else body | {"model": model})


def _detect(text: str) -> Ask:
    return Ask("POST", "/detect", {"q": text})


def _upload(name: str, content: bytes, source: str, target: str, *, model: str | None) -> Ask:
    fields = {"source": source, "target": target}
    fields |= {} if model is None else {"model": model}
    return Ask("POST", "/v1/documents", file=(name, content), fields=fields)


def _document(method: str, document_id: str, part: str = "") -> Ask:
    return Ask(method, f"/v1/documents/{quote(document_id, safe='')}{part}")


def _files(ask: Ask) -> dict[str, tuple[str, bytes]] | None:
    return None if ask.file is None else {"file": ask.file}


_LANGUAGES = Ask("GET", "/languages")
_MODELS = Ask("GET", "/v1/models")


class Client:
    """A server at `url`. timeout_s: how long an answer is waited for, in seconds. Every method raises AnswerError, or
    one of its subclasses, for what the server refuses, and ConnectionFailedError if it does not answer."""

    def __init__(
        self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout_s, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def translate(
        self, text: str, *, source: str, target: str, model: str | None = None, n_best: int = 1, format: str = "text"
    ) -> Translation:
        """Translate a text. source: a language code, or "auto"."""
        return self.translate_many([text], source=source, target=target, model=model, n_best=n_best, format=format)[0]

    def translate_many(
        self,
        texts: Sequence[str],
        *,
        source: str,
        target: str,
        model: str | None = None,
        n_best: int = 1,
        format: str = "text",
    ) -> list[Translation]:
        """Translate several texts by one request."""
        ask = _translate(texts, source, target, model=model, n_best=n_best, format=format)
        return translations_of(self._answer(ask))

    def summarize(self, text: str, *, language: str, model: str | None = None, lines: bool = False) -> Summary:
        """Say in one line what a text is about. lines: in one for each part that is read at once."""
        return self.summarize_many([text], language=language, model=model, lines=lines)[0]

    def summarize_many(
        self, texts: Sequence[str], *, language: str, model: str | None = None, lines: bool = False
    ) -> list[Summary]:
        """Summarize several texts by one request."""
        return summaries_of(self._answer(_summarize(texts, language, model=model, lines=lines)))

    def detect(self, text: str) -> list[Detection]:
        """The languages that the text may be in, the likeliest first."""
        return detections_of(self._answer(_detect(text)))

    def languages(self) -> list[Language]:
        """The served languages."""
        return languages_of(self._answer(_LANGUAGES))

    def models(self) -> list[Model]:
        """The loaded models."""
        return models_of(self._answer(_MODELS))

    def upload_document(
        self, name: str, content: bytes, *, source: str, target: str, model: str | None = None
    ) -> DocumentState:
        """Have a document translated. name: of the file, which says its format."""
        return document_of(self._answer(_upload(name, content, source, target, model=model)))

    def document(self, document_id: str) -> DocumentState:
        """How far a document is."""
        return document_of(self._answer(_document("GET", document_id)))

    def download_document(self, document_id: str) -> bytes:
        """The translated document, once its state is "done"."""
        return content_of(self._response(_document("GET", document_id, "/download")))

    def delete_document(self, document_id: str) -> None:
        """Stop translating a document, and forget it."""
        content_of(self._response(_document("DELETE", document_id)))

    def _answer(self, ask: Ask) -> object:
        return read(self._response(ask))

    def _response(self, ask: Ask) -> httpx.Response:
        try:
            return self._http.request(ask.method, ask.path, json=ask.body, files=_files(ask), data=ask.fields)
        except httpx.TransportError as error:
            raise unreachable(self._http.base_url, error) from error


class AsyncClient:
    """The same for asyncio; each method is that of Client."""

    def __init__(
        self, url: str, *, timeout_s: float = DEFAULT_TIMEOUT_S, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout_s, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def translate(
        self, text: str, *, source: str, target: str, model: str | None = None, n_best: int = 1, format: str = "text"
    ) -> Translation:
        """Translate a text."""
        many = await self.translate_many(
            [text], source=source, target=target, model=model, n_best=n_best, format=format
        )
        return many[0]

    async def translate_many(
        self,
        texts: Sequence[str],
        *,
        source: str,
        target: str,
        model: str | None = None,
        n_best: int = 1,
        format: str = "text",
    ) -> list[Translation]:
        """Translate several texts by one request."""
        ask = _translate(texts, source, target, model=model, n_best=n_best, format=format)
        return translations_of(await self._answer(ask))

    async def summarize(self, text: str, *, language: str, model: str | None = None, lines: bool = False) -> Summary:
        """Summarize a text."""
        return (await self.summarize_many([text], language=language, model=model, lines=lines))[0]

    async def summarize_many(
        self, texts: Sequence[str], *, language: str, model: str | None = None, lines: bool = False
    ) -> list[Summary]:
        """Summarize several texts by one request."""
        return summaries_of(await self._answer(_summarize(texts, language, model=model, lines=lines)))

    async def detect(self, text: str) -> list[Detection]:
        """The languages that the text may be in."""
        return detections_of(await self._answer(_detect(text)))

    async def languages(self) -> list[Language]:
        """The served languages."""
        return languages_of(await self._answer(_LANGUAGES))

    async def models(self) -> list[Model]:
        """The loaded models."""
        return models_of(await self._answer(_MODELS))

    async def upload_document(
        self, name: str, content: bytes, *, source: str, target: str, model: str | None = None
    ) -> DocumentState:
        """Have a document translated."""
        return document_of(await self._answer(_upload(name, content, source, target, model=model)))

    async def document(self, document_id: str) -> DocumentState:
        """How far a document is."""
        return document_of(await self._answer(_document("GET", document_id)))

    async def download_document(self, document_id: str) -> bytes:
        """The translated document."""
        return content_of(await self._response(_document("GET", document_id, "/download")))

    async def delete_document(self, document_id: str) -> None:
        """Stop translating a document, and forget it."""
        content_of(await self._response(_document("DELETE", document_id)))

    async def _answer(self, ask: Ask) -> object:
        return read(await self._response(ask))

    async def _response(self, ask: Ask) -> httpx.Response:
        try:
            return await self._http.request(ask.method, ask.path, json=ask.body, files=_files(ask), data=ask.fields)
        except httpx.TransportError as error:
            raise unreachable(self._http.base_url, error) from error
