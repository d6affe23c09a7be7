"""LibreTranslate's other endpoints: languages, settings, health, suggestions, files, specification."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_store.errors import ConfigError
from service.documents.reading import SUFFIXES
from tests.unit.service.api.client import app_of, ask, get, post
from tests.unit.service.fakes import engine_of, model


def test_languages_name_their_targets() -> None:
    # libretranslatepy sends a urlencoded body with its GET.
    async def call(client: httpx.AsyncClient) -> httpx.Response:
        return await client.request("GET", "/languages", data={"api_key": ""})

    assert ask(app_of(), call).json() == [
        {"code": "de", "name": "German", "targets": ["de"]},
        {"code": "en", "name": "English", "targets": ["de", "en", "ru"]},
        {"code": "ru", "name": "Russian", "targets": ["de", "en", "ru"]},
    ]


def test_health() -> None:
    tiny = model("en-ru")
    assert get(app_of(tiny), "/health").json() == {"status": "ok"}
    engine_of(tiny).healthy = False
    response = get(app_of(tiny), "/health")
    assert (response.status_code, response.json()) == (503, {"error": "unhealthy: tiny: it broke"})


def test_frontend_settings() -> None:
    settings = get(app_of(max_characters=1234), "/frontend/settings").json()
    assert settings == {
        "charLimit": 1234,
        "frontendTimeout": 500,
        "apiKeys": False,
        "keyRequired": False,
        "suggestions": False,
        "filesTranslation": True,
        "supportedFilesFormat": list(SUFFIXES),
        "language": {"source": {"code": "auto", "name": "Auto Detect"}, "target": {"code": "de", "name": "German"}},
    }


def test_frontend_settings_begin_with_another_target_than_the_pivot_however_that_is_written() -> None:
    settings = get(app_of(model("en-ru", "ru-en"), pivot_language="EN"), "/frontend/settings").json()
    assert settings["language"]["target"]["code"] == "ru"


def test_frontend_settings_without_a_translator() -> None:
    response = get(app_of(replace(model("en-en"), task="summarize")), "/frontend/settings")
    assert (response.status_code, response.json()) == (503, {"error": "no model that translates is loaded"})


SUGGESTION = {"q": "one", "s": "один", "source": "en", "target": "RU"}


def test_suggestions_are_off_unless_the_operator_collects_them() -> None:
    response = post(app_of(), "/suggest", data=SUGGESTION)
    assert (response.status_code, response.json()) == (403, {"error": "Suggestions are disabled on this server."})


def test_suggestions_that_cannot_be_written_are_refused_and_spoil_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"suggestions_file: .* cannot be used"):
        app_of(suggestions_file=str(tmp_path / "no" / "folder"))
    response = post(app_of(suggestions_file="/dev/full"), "/suggest", json=SUGGESTION)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json() == {"error": "suggestions cannot be written: No space left on device"}


def test_half_a_suggestion_is_taken_back(tmp_path: Path) -> None:
    file = tmp_path / "suggestions.jsonl"
    file.write_text("{}\n")
    program = (
        "import asyncio, resource; from pathlib import Path; from service.suggestions import Suggestions\n"
        f"kept = Suggestions(Path({str(file)!r}), max_characters=1000, max_bytes=10000)\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "asyncio.run(kept.keep('a', 'b', 'en', 'ru'))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "SuggestionStoreError: suggestions cannot be written: No space left on device" in ended.stderr
    assert file.read_text() == "{}\n"


def test_suggestions_are_appended_as_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "suggestions.jsonl"
    app = app_of(suggestions_file=str(file), max_suggestions_bytes=300, max_characters=100)

    async def call(client: httpx.AsyncClient) -> None:
        assert (await client.get("/frontend/settings")).json()["suggestions"] is True
        assert (await client.post("/suggest", data=SUGGESTION)).json() == {"success": True}
        assert (await client.post("/suggest", json=SUGGESTION | {"q": "a\nb"})).json() == {"success": True}
        for fields, status, message in (
            ({"s": ""}, 400, "Invalid request: missing s parameter"),
            ({"target": "xx"}, 400, "xx is not supported"),
            ({"s": "a" * 101}, 400, "Invalid request: request (101) exceeds text limit (100)"),
            ({}, 403, "suggestions: the file has reached 300 bytes"),
        ):
            refused = await client.post("/suggest", json=SUGGESTION | fields)
            assert (refused.status_code, refused.json()) == (status, {"error": message})

    ask(app, call)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(each["source"], each["target"], each["text"], each["suggestion"]) for each in lines] == [
        ("en", "ru", "one", "один"),
        ("en", "ru", "a\nb", "один"),
    ]


def upload(name: str, content: bytes) -> dict[str, Any]:
    return {"data": {"source": "en", "target": "ru", "api_key": ""}, "files": {"file": (name, content)}}


@pytest.mark.parametrize(
    ("content", "translated"),
    [
        (b"one two.\r\n\r\n\tthree four\r\n", b"two. one\r\n\r\n\tfour three\r\n"),
        ("\ufeffдва три".encode(), "\ufeffтри два".encode()),
        ("\ufeffдва три".encode("utf-16-le"), "\ufeffтри два".encode("utf-16-le")),
        (b"", b""),
    ],
    ids=["crlf", "utf-8-mark", "utf-16", "empty"],
)
def test_a_text_file_comes_back_in_its_own_encoding(content: bytes, translated: bytes) -> None:
    async def call(client: httpx.AsyncClient) -> httpx.Response:
        answer = await client.post("/translate_file", **upload("Mein Büro (1).TXT", content))
        assert answer.status_code == 200, answer.text
        url = answer.json()["translatedFileUrl"]
        assert url.startswith("http://t/download_file/")
        assert url.endswith("Mein_B%C3%BCro_1__ru.TXT")  # such as urllib can open, which takes no other letters
        return await client.get(url)

    downloaded = ask(app_of(), call)
    assert downloaded.content == translated
    assert "attachment" in downloaded.headers["content-disposition"]
    assert downloaded.headers["content-disposition"].endswith("Mein_B%C3%BCro_1__ru.TXT")


@pytest.mark.parametrize(
    ("name", "content", "translated"),
    [
        ("a.html", "<p id=x>one <b>two</b></p>", "<p id=x><b>two</b> one</p>"),
        ("a.MD", "# one *two*\n", "# *two* one\n"),
        ("a.json", '{"x": "one two"}', '{"x": "two one"}'),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\none two\n", "1\n00:00:01,000 --> 00:00:02,000\ntwo one\n"),
    ],
)
def test_other_documents_come_back_translated_too(name: str, content: str, translated: str) -> None:
    async def call(client: httpx.AsyncClient) -> httpx.Response:
        answer = await client.post("/translate_file", **upload(name, content.encode()))
        return await client.get(answer.json()["translatedFileUrl"])

    assert ask(app_of(), call).text == translated


@pytest.mark.parametrize(("proxies", "scheme"), [(("127.0.0.1",), "https"), ((), "http")])
def test_a_trusted_proxy_tells_how_a_file_is_fetched(proxies: tuple[str, ...], scheme: str) -> None:
    headers = {"Host": "verso.example", "X-Forwarded-Proto": "https"}
    app = app_of(trusted_proxies=proxies)
    answer = ask(app, lambda client: client.post("/translate_file", **upload("a.md", b"one two"), headers=headers))
    assert answer.json()["translatedFileUrl"].startswith(f"{scheme}://verso.example/download_file/")


def test_what_reads_a_file_has_no_more_time_than_the_request() -> None:
    app = app_of(request_timeout_s=0.2)

    async def never(_name: str, _content: bytes) -> None:
        await asyncio.Event().wait()

    app.state.services.document_reader.read = never
    answer = ask(app, lambda client: client.post("/translate_file", **upload("a.md", b"one two")))
    assert (answer.status_code, answer.json()) == (504, {"error": "the request was not finished in time"})


def test_a_file_that_takes_too_long_is_a_504_in_its_shape() -> None:
    served = model("en-ru")

    async def call(client: httpx.AsyncClient) -> httpx.Response:
        engine_of(served).gate.clear()
        return await client.post("/translate_file", **upload("a.md", b"one two"))

    answer = ask(app_of(served, request_timeout_s=0.1), call)
    assert (answer.status_code, answer.json()) == (504, {"error": "the request was not finished in time"})


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"data": {"source": "en", "target": "ru"}}, "Invalid request: missing file parameter"),
        ({"data": {"file": "a", "source": "en", "target": "ru"}}, "Invalid request: missing file parameter"),
        ({**upload("a.txt", b"a"), "data": {"target": "ru"}}, "Invalid request: missing source parameter"),
        ({**upload("a.txt", b"a"), "data": {"source": "en", "target": "xx"}}, "xx is not supported"),
        (upload("a.exe", b"a"), f"Invalid request: file format not supported: '.exe'; allowed: {', '.join(SUFFIXES)}"),
        (upload("a", b"a"), f"Invalid request: file format not supported: ''; allowed: {', '.join(SUFFIXES)}"),
        (upload("a.docx", b"a"), "Invalid request: file: not a whole ZIP archive: File is not a zip file"),
        (upload("a.md", b"a\xff"), "Invalid request: file: not utf-8, at byte 1; allowed: UTF-8, UTF-16 with a mark"),
        (upload("a.txt", b"a" * 101), "Invalid request: request (101) exceeds text limit (100)"),
        (
            upload("a.txt", b"a\n" * 50_001),
            "Invalid request: file: 50001 segments, or more; allowed: at most 50000",
        ),
        (upload("a.txt", b"a b c d e\n" * 12), "Invalid request: request (108) exceeds text limit (100)"),
    ],
)
def test_files_that_are_refused(request_: dict[str, Any], message: str) -> None:
    response = post(app_of(max_characters=100), "/translate_file", **request_)
    assert (response.status_code, response.json()) == (400, {"error": message})


@pytest.mark.parametrize("name", ["nothing.txt", "..%2F..%2Fetc%2Fpasswd", "%ff"])
def test_a_file_that_is_not_there_is_a_404_in_its_shape(name: str) -> None:
    response = get(app_of(), f"/download_file/{name}")
    assert response.status_code == 404
    assert isinstance(response.json()["error"], str)


def test_spec_is_swagger_2_without_loose_ends() -> None:
    document = get(app_of(), "/spec").json()
    assert document["swagger"] == "2.0"
    assert document["info"]["title"] == "LibreTranslate"
    assert {"/translate", "/detect", "/languages", "/translate_file", "/suggest"} <= set(document["paths"])
    assert "/v1/translate" not in document["paths"]
    names = [each["name"] for each in document["paths"]["/translate"]["post"]["parameters"]]
    assert names == ["q", "source", "target", "format", "alternatives", "api_key"]
    text = json.dumps(document)
    assert "components" not in text
    assert "anyOf" not in text
    referred = set(text.split('"#/definitions/')[1:])
    assert {each.partition('"')[0] for each in referred} == set(document["definitions"])


ORIGIN = {"Origin": "https://page.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def test_pages_of_any_origin_may_ask() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        for path in ("/translate", "/detect"):
            allowed = await client.options(path, headers=PREFLIGHT)
            assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "*")
            refused = await client.post(path, json={}, headers=ORIGIN)
            assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (400, "*")
        assert "access-control-allow-origin" not in (await client.get("/v1/models", headers=ORIGIN)).headers
        assert (await client.options("/v1/translate", headers=PREFLIGHT)).status_code == 405

    ask(app_of(), call)


def test_pages_from_the_internet_may_ask_a_server_in_a_private_network() -> None:
    """Some versions of Chrome ask for it before they send such a page's JSON."""
    private = {**PREFLIGHT, "Access-Control-Request-Private-Network": "true"}
    allowed = ask(app_of(), lambda client: client.options("/translate", headers=private))
    assert (allowed.status_code, allowed.headers["access-control-allow-private-network"]) == (200, "true")
    refused = ask(app_of(cors_origins=""), lambda client: client.options("/translate", headers=private))
    assert (refused.status_code, refused.headers.get("access-control-allow-origin")) == (400, None)


@pytest.mark.parametrize(("origins", "allowed"), [("https://page.example, https://b.example", True), ("", False)])
def test_the_operator_says_which_origins_may_ask(origins: str, allowed: bool) -> None:
    response = get(app_of(cors_origins=origins), "/languages", headers=ORIGIN)
    assert response.status_code == 200
    assert response.headers.get("access-control-allow-origin") == (ORIGIN["Origin"] if allowed else None)
