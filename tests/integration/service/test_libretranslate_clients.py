"""LibreTranslate's clients against a real server: its own Python client, and the requests of others as they send them.

What each sends and reads is taken from its source; the names stand at the head of each test.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from libretranslatepy import LibreTranslateAPI

from tests.integration.service.server import Served

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ENGLISH = "The quick brown fox jumps over the lazy dog."


def answer_of(response: httpx.Response) -> Any:
    """The answer, which has to be one."""
    assert response.status_code == 200, response.text
    return response.json()


def v1(server: Served, text: str) -> str:
    body = {"text": text, "source": "en", "target": "ru"}
    answer = httpx.post(f"{server.url}/v1/translate", json=body, timeout=60).json()
    return str(answer["translations"][0]["text"])


@pytest.mark.parametrize("api_key", [None, "", "some-key"])
def test_libretranslatepy(server: Served, api_key: str | None) -> None:
    """libretranslatepy 2.1: urlencoded, a body with GET /languages."""
    client = LibreTranslateAPI(server.url, api_key)
    assert client.translate(ENGLISH, "en", "ru", timeout=60) == v1(server, ENGLISH)
    assert client.translate(ENGLISH, "auto", "ru", timeout=60) == v1(server, ENGLISH)
    detected = client.detect(ENGLISH, timeout=60)
    assert detected[0]["language"] == "en"
    assert 50 < detected[0]["confidence"] <= 100
    languages = {each["code"]: each for each in client.languages(timeout=60)}
    assert languages["en"]["name"] == "English"
    assert "ru" in languages["en"]["targets"]


def test_weblate(server: Served) -> None:
    """weblate/machinery/libretranslate.py: JSON lists without a format, an empty key; strings of equal number."""
    languages = httpx.get(f"{server.url}/languages").json()
    assert {"en", "ru"} <= {each["code"] for each in languages}
    q = ["quick", "Save [X12X] now", "One\ntwo", "100%", " leading"] * 4
    body = {"api_key": "", "q": q, "source": "en", "target": "ru"}
    answer = answer_of(httpx.post(f"{server.url}/translate", json=body, timeout=60))
    assert set(answer) == {"translatedText"}
    assert [type(each) for each in answer["translatedText"]] == [str] * len(q)
    assert answer["translatedText"][3::5] == ["100%"] * 4
    # Saving its settings translates "test" from English to German.
    test = {"api_key": "", "q": ["test"], "source": "en", "target": "de"}
    assert len(answer_of(httpx.post(f"{server.url}/translate", json=test, timeout=60))["translatedText"]) == 1


@pytest.mark.parametrize("source", ["en", "auto"])
def test_mastodon(server: Served, source: str) -> None:
    """app/lib/translation_service/libre_translate.rb: a JSON list of HTML, a null key, detectedLanguage by index."""
    languages = httpx.get(f"{server.url}/languages").json()
    assert all(isinstance(each["targets"], list) for each in languages)
    q = ["<p>The quick brown fox jumps over the lazy dog.</p>", "<p>One &amp; two</p>"]
    body = {"q": q, "source": source, "target": "ru", "format": "html", "api_key": None}
    answer = answer_of(httpx.post(f"{server.url}/translate", json=body, timeout=60))
    assert len(answer["translatedText"]) == len(q)
    assert all(each.startswith("<p>") and each.endswith("</p>") for each in answer["translatedText"])
    if source == "auto":
        assert [each["language"] for each in answer["detectedLanguage"]] == ["en", "en"]


def test_discourse(server: Served) -> None:
    """app/services/discourse_translator/libre_translate.rb: urlencoded /detect, then /languages, then HTML."""
    body = urlencode({"q": ENGLISH, "api_key": ""})
    detected = answer_of(httpx.post(f"{server.url}/detect", content=body, headers=FORM, timeout=60))
    language = detected[0]["language"]
    codes = {each["code"] for each in httpx.get(f"{server.url}/languages").json()}
    assert {language, "ru"} <= codes
    fields = {"q": f"<p>{ENGLISH}</p>", "source": language, "target": "ru", "format": "html", "api_key": ""}
    response = httpx.post(f"{server.url}/translate", content=urlencode(fields), headers=FORM, timeout=60)
    assert answer_of(response)["translatedText"].startswith("<p>")


@pytest.mark.parametrize("api_key", ["", "key"])
def test_twp(server: Served, api_key: str) -> None:
    """src/background/translationService.js: URL parameters of text from "auto", detectedLanguage read at once."""
    fields = {"q": ENGLISH, "source": "auto", "target": "ru", "format": "text", "api_key": api_key}
    response = httpx.post(f"{server.url}/translate", content=urlencode(fields), headers=FORM, timeout=60)
    answer = answer_of(response)
    assert answer["translatedText"] == v1(server, ENGLISH)
    assert answer["detectedLanguage"]["language"] == "en"


def test_dialect(server: Served) -> None:
    """dialect/providers/modules/libretrans.py: an address is one of LibreTranslate's if /spec has that title; JSON
    without a format; the test of a key, and suggestions, as forms."""
    assert answer_of(httpx.get(f"{server.url}/spec"))["info"]["title"] == "LibreTranslate"
    assert all({"code", "name"} <= set(each) for each in answer_of(httpx.get(f"{server.url}/languages")))
    settings = answer_of(httpx.get(f"{server.url}/frontend/settings"))
    assert [settings[each] for each in ("suggestions", "apiKeys", "keyRequired")] == [False] * 3
    assert int(settings["charLimit"]) > 0
    body = {"q": ENGLISH, "source": "auto", "target": "ru"}
    answer = answer_of(httpx.post(f"{server.url}/translate", json=body, timeout=60))
    assert (answer["translatedText"], answer["detectedLanguage"]["language"]) == (v1(server, ENGLISH), "en")
    key = httpx.post(f"{server.url}/detect", data={"q": "hello", "api_key": "key"}, timeout=60)
    assert "confidence" in answer_of(key)[0]
    refused = httpx.post(f"{server.url}/translate", json={**body, "target": "xx"}, timeout=60)
    assert "is not supported" in refused.json()["error"]


def test_a_file_there_and_back(server: Served) -> None:
    """LibreTranslate's own page: multipart /translate_file, then its translatedFileUrl."""
    files = {"file": ("notes.txt", ENGLISH.encode())}
    data = {"source": "auto", "target": "ru", "api_key": ""}
    url = answer_of(httpx.post(f"{server.url}/translate_file", data=data, files=files, timeout=60))["translatedFileUrl"]
    assert url.startswith(server.url)
    assert httpx.get(url).text == v1(server, ENGLISH)
