"""A server is asked for as many texts at once as it takes."""

from __future__ import annotations

import httpx
import pytest

from training.server import CHARACTERS_PER_REQUEST, TEXTS_PER_REQUEST, Server


def test_requests_are_bounded_in_texts_and_characters_and_lose_none(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def post(_client: httpx.Client, path: str, json: dict[str, list[str]]) -> httpx.Response:
        assert path == "/v1/summarize"
        asked.append(json["text"])
        items = [{"text": text[::-1], "warnings": []} for text in json["text"]]
        return httpx.Response(200, json={"summaries": items, "model": {"name": "short", "version": "1"}})

    monkeypatch.setattr(httpx.Client, "post", post)
    texts = [*(f"{number} " * 400 for number in range(300)), "x" * 2 * CHARACTERS_PER_REQUEST, *map(str, range(500))]
    decoded = Server("http://127.0.0.1:1", "summarize").decode(texts, "en", "en")
    assert decoded.outputs == [text[::-1] for text in texts]
    assert [text for some in asked for text in some] == texts
    assert max(map(len, asked)) == TEXTS_PER_REQUEST
    assert all(len(some) == 1 or sum(map(len, some)) <= CHARACTERS_PER_REQUEST for some in asked)
