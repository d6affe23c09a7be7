"""The Python client of a Verso server, sync and async, over httpx; it imports neither torch nor fastapi.

with Client("http://127.0.0.1:5000") as verso:
    print(verso.translate("Open the file", source="en", target="ru").text)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from types import TracebackType
from typing import Self, Unpack

import httpx

from service import client_requests as requests
from service.client_answers import (
    ConnectionFailedError,
    Detection,
    DocumentState,
    Language,
    Model,
    Output,
    Summary,
    Translation,
    content_of,
    detections_of,
    document_of,
    event_of,
    languages_of,
    models_of,
    outputs_of,
    read,
    summaries_of,
    translations_of,
    unreachable,
)
from service.client_requests import TranslateOptions

DEFAULT_TIMEOUT_S = 150.0  # above what a request may take in the server, so that its own words are heard


class Client:
    """A server at `url`. api_key: one that it knows, if it asks for one. timeout_s: how long an answer is waited for,
    in seconds. Every method raises AnswerError, or one of its subclasses, for what the server refuses, and
    ConnectionFailedError if it does not answer. Raises InputError if the key can be none."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=_address(url), timeout=timeout_s, transport=transport, headers=requests.headers(api_key)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def translate(self, text: str, *, source: str, target: str, **options: Unpack[TranslateOptions]) -> Translation:
        """Translate a text. source: a language code, or "auto"."""
        return self.translate_many([text], source=source, target=target, **options)[0]

    def translate_many(
        self, texts: Sequence[str], *, source: str, target: str, **options: Unpack[TranslateOptions]
    ) -> list[Translation]:
        """Translate several texts by one request."""
        return translations_of(self._answer(requests.translation(texts, source, target, options)))

    def stream(self, text: str, *, source: str, target: str, **options: Unpack[TranslateOptions]) -> Iterator[str]:
        """What the translation of a text is sure to begin with, again and again, and at last the translation."""
        ask = requests.translation([text], source, target, options, stream=True)
        try:
            with self._http.stream(ask.method, ask.path, json=ask.body) as response:
                if not response.is_success:
                    response.read()
                    read(response)
                for line in response.iter_lines():
                    if (event := event_of(line)) is not None:
                        yield event
        except httpx.TransportError as error:
            raise unreachable(self._http.base_url, error) from error

    def generate(self, texts: Sequence[str], *, model: str, language: str | None = None) -> list[Output]:
        """Ask a model of another task (comment, math, style), by its name."""
        return outputs_of(self._answer(requests.generation(texts, model, language)))

    def summarize(self, text: str, *, language: str, model: str | None = None, lines: bool = False) -> Summary:
        """Say in one line what a text is about. lines: in one for each part that is read at once."""
        return self.summarize_many([text], language=language, model=model, lines=lines)[0]

    def summarize_many(
        self, texts: Sequence[str], *, language: str, model: str | None = None, lines: bool = False
    ) -> list[Summary]:
        """Summarize several texts by one request."""
        return summaries_of(self._answer(requests.summary(texts, language, model=model, lines=lines)))

    def detect(self, text: str) -> list[Detection]:
        """The languages that the text may be in, the likeliest first."""
        return detections_of(self._answer(requests.detection(text)))

    def languages(self) -> list[Language]:
        """The served languages."""
        return languages_of(self._answer(requests.LANGUAGES))

    def models(self) -> list[Model]:
        """The loaded models."""
        return models_of(self._answer(requests.MODELS))

    def upload_document(
        self, name: str, content: bytes, *, source: str, target: str, model: str | None = None
    ) -> DocumentState:
        """Have a document translated. name: of the file, which says its format."""
        return document_of(self._answer(requests.upload(name, content, source, target, model=model)))

    def document(self, document_id: str) -> DocumentState:
        """How far a document is."""
        return document_of(self._answer(requests.document("GET", document_id)))

    def download_document(self, document_id: str) -> bytes:
        """The translated document, once its state is "done"."""
        return content_of(self._response(requests.document("GET", document_id, "/download")))

    def delete_document(self, document_id: str) -> None:
        """Stop translating a document, and forget it."""
        content_of(self._response(requests.document("DELETE", document_id)))

    def _answer(self, ask: requests.Ask) -> object:
        return read(self._response(ask))

    def _response(self, ask: requests.Ask) -> httpx.Response:
        try:
            return self._http.request(ask.method, ask.path, json=ask.body, files=requests.files(ask), data=ask.fields)
        except httpx.TransportError as error:
            raise unreachable(self._http.base_url, error) from error


class AsyncClient:
    """The same for asyncio; each method is that of Client."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=_address(url), timeout=timeout_s, transport=transport, headers=requests.headers(api_key)
        )

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
        self, text: str, *, source: str, target: str, **options: Unpack[TranslateOptions]
    ) -> Translation:
        """Translate a text."""
        return (await self.translate_many([text], source=source, target=target, **options))[0]

    async def translate_many(
        self, texts: Sequence[str], *, source: str, target: str, **options: Unpack[TranslateOptions]
    ) -> list[Translation]:
        """Translate several texts by one request."""
        return translations_of(await self._answer(requests.translation(texts, source, target, options)))

    async def stream(
        self, text: str, *, source: str, target: str, **options: Unpack[TranslateOptions]
    ) -> AsyncIterator[str]:
        """What the translation of a text is sure to begin with, and at last the translation."""
        ask = requests.translation([text], source, target, options, stream=True)
        try:
            async with self._http.stream(ask.method, ask.path, json=ask.body) as response:
                if not response.is_success:
                    await response.aread()
                    read(response)
                async for line in response.aiter_lines():
                    if (event := event_of(line)) is not None:
                        yield event
        except httpx.TransportError as error:
            raise unreachable(self._http.base_url, error) from error

    async def generate(self, texts: Sequence[str], *, model: str, language: str | None = None) -> list[Output]:
        """Ask a model of another task, by its name."""
        return outputs_of(await self._answer(requests.generation(texts, model, language)))

    async def summarize(self, text: str, *, language: str, model: str | None = None, lines: bool = False) -> Summary:
        """Summarize a text."""
        return (await self.summarize_many([text], language=language, model=model, lines=lines))[0]

    async def summarize_many(
        self, texts: Sequence[str], *, language: str, model: str | None = None, lines: bool = False
    ) -> list[Summary]:
        """Summarize several texts by one request."""
        return summaries_of(await self._answer(requests.summary(texts, language, model=model, lines=lines)))

    async def detect(self, text: str) -> list[Detection]:
        """The languages that the text may be in."""
        return detections_of(await self._answer(requests.detection(text)))

    async def languages(self) -> list[Language]:
        """The served languages."""
        return languages_of(await self._answer(requests.LANGUAGES))

    async def models(self) -> list[Model]:
        """The loaded models."""
        return models_of(await self._answer(requests.MODELS))

    async def upload_document(
        self, name: str, content: bytes, *, source: str, target: str, model: str | None = None
    ) -> DocumentState:
        """Have a document translated."""
        return document_of(await self._answer(requests.upload(name, content, source, target, model=model)))

    async def document(self, document_id: str) -> DocumentState:
        """How far a document is."""
        return document_of(await self._answer(requests.document("GET", document_id)))

    async def download_document(self, document_id: str) -> bytes:
        """The translated document."""
        return content_of(await self._response(requests.document("GET", document_id, "/download")))

    async def delete_document(self, document_id: str) -> None:
        """Stop translating a document, and forget it."""
        content_of(await self._response(requests.document("DELETE", document_id)))

    async def _answer(self, ask: requests.Ask) -> object:
        return read(await self._response(ask))

    async def _response(self, ask: requests.Ask) -> httpx.Response:
        try:
            return await self._http.request(
                ask.method, ask.path, json=ask.body, files=requests.files(ask), data=ask.fields
            )
        except httpx.TransportError as error:
            raise unreachable(self._http.base_url, error) from error


def _address(url: str) -> str:
    """The URL of a server. Raises ConnectionFailedError if it is none."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        parts = httpx.URL("")
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ConnectionFailedError(f"{url!r} is no address of a server; allowed: http://HOST:PORT, https://HOST")
    return url
