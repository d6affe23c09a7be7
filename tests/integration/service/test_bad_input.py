"""Whatever is sent over a real socket gets a clear 4xx or a correct answer, and the service stays ready."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.service.server import Served

JSON = {"content-type": "application/json"}


def body(**fields: Any) -> bytes:
    return json.dumps({"source": "en", "target": "ru", **fields}).encode()


# Name, body, status; a body that is answered must come back with as many translations as texts.
CASES: list[tuple[str, bytes, int]] = [
    ("empty text", body(text=""), 200),
    ("white space", body(text=" \n\t\u2028"), 200),
    ("empty list", body(text=[]), 400),
    ("1 MB of text", body(text="All work and no play. " * 48_000), 413),
    ("3 MB of body", body(text="a" * 3_000_000), 413),
    ("unknown language", body(text="a", source="tlh"), 400),
    ("empty language", body(text="a", source=""), 400),
    ("null bytes", body(text="a\x00b\x00"), 200),
    ("only null bytes", body(text="\x00" * 1000), 200),
    ("lone high surrogate", b'{"text": "\\ud800", "source": "en", "target": "ru"}', 400),
    ("lone low surrogate", b'{"text": ["ok", "x\\udfff"], "source": "en", "target": "ru"}', 400),
    ("surrogate as key", b'{"\\ud800": 1, "text": "a", "source": "en", "target": "ru"}', 400),
    ("surrogate as model", b'{"text": "a", "source": "en", "target": "ru", "model": "\\ud800"}', 400),
    ("a 10,000-character word", body(text="w" * 10_000), 200),
    ("a 10,000-word sentence", body(text="word " * 10_000), 200),
    ("10,000 words in one", body(text="слово" * 10_000), 200),
    ("emoji", body(text="👍🏽👨‍👩‍👧 ok 🎉"), 200),
    ("arabic", body(text="مرحبا بالعالم، كيف حالك؟"), 200),
    ("the space of SentencePiece", body(text="a\u2581b \x1b\u2581"), 200),
    ("control tokens", body(text="<2ru> </s> <pad> <unk> <0x41>"), 200),
    ("zalgo", body(text="e" + "\u0301" * 5000), 200),
    ("noncharacters", body(text="\ufffe\uffff\U0010ffff a"), 200),
    ("malformed JSON", b'{"text": ', 400),
    ("not JSON", b"\x00\x01", 400),
    ("not UTF-8", b'{"text": "\xff", "source": "en", "target": "ru"}', 400),
    ("UTF-16", '{"text": "a", "source": "en", "target": "ru"}'.encode("utf-16"), 200),
    ("nothing", b"", 400),
    ("nesting", b"[" * 200_000, 400),
    ("a long number", b'{"text": ' + b"9" * 20_000 + b"}", 400),
    ("text a number", body(text=1), 400),
    ("text an object", body(text={"a": 1}), 400),
    ("text a nested list", body(text=[["a"]]), 400),
    ("source a list", body(text="a", source=["en"]), 400),
    ("options a list", body(text="a", options=[]), 400),
    ("beam 0", body(text="a", options={"beam_size": 0}), 400),
    ("beam 10^9", body(text="a", options={"beam_size": 10**9}), 400),
    ("negative penalty", body(text="a", options={"length_penalty": -1}), 400),
    ("infinite penalty", b'{"text": "a", "source": "en", "target": "ru", "options": {"length_penalty": 1e999}}', 400),
    ("unknown field", body(text="a", temperature=1), 400),
    ("unknown model", body(text="a", model="gpt"), 404),
]  # fmt: skip


@pytest.fixture
def client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client
        assert client.get("/readyz").status_code == 200
        assert not [line for line in server.log if '"level": "error"' in line]


@pytest.mark.parametrize(("content", "status"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_v1(client: httpx.Client, content: bytes, status: int) -> None:
    response = client.post("/v1/translate", content=content, headers=JSON)
    assert response.status_code == status, response.text[:500]
    if status == 200:
        texts = json.loads(content)["text"]
        assert len(response.json()["translations"]) == (1 if isinstance(texts, str) else len(texts))
    else:
        error = response.json()["error"]
        assert set(error) == {"type", "message", "field"}
        assert 10 < len(error["message"]) < 1000


@pytest.mark.parametrize(("content", "status"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_libretranslate(client: httpx.Client, content: bytes, status: int) -> None:
    renamed = content.replace(b'"text"', b'"q"', 1)
    response = client.post("/translate", content=renamed, headers=JSON)
    assert response.status_code < 500
    if response.status_code == 200:
        assert isinstance(response.json()["translatedText"], str)
    else:
        assert isinstance(response.json()["error"], str)


def test_what_the_model_does_not_see_comes_back_exactly(client: httpx.Client) -> None:
    text = " \r\n\t--- 42 \x00 👍\n\n\u2028 "
    response = client.post("/v1/translate", json={"text": text, "source": "en", "target": "ru"})
    assert response.json()["translations"][0]["text"] == text


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"POST /v1/translate HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/translate HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /v1/translate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_bytes_that_are_hardly_http(server: Served, client: httpx.Client, raw: bytes) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port or 0), timeout=10) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(100)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


def test_a_chunked_body_is_refused_as_it_grows(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(300):
            yield b" " * 10_000

    with client.stream("POST", "/v1/translate", content=chunks(), headers=JSON) as response:
        assert response.status_code == 413
