"""LibreTranslate's clients against a real server: its own Python client, and the requests of others as they send them.

What each sends and reads is taken from its source; the names stand at the head of each test.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from libretranslatepy import LibreTranslateAPI

from tests.integration.service.server import Served

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ENGLISH = "The quick brown fox jumps over the lazy dog."
TAGS = ("<br />", "<i>", "</i>")


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


@pytest.mark.parametrize("slashes", ["/", "//"])
def test_lingarr(server: Served, slashes: str) -> None:
    """Lingarr.Server/Services/Translation/LibreService.cs: "/translate" behind the address as it was given, which may
    end in a slash; a null key."""
    body = {"q": ENGLISH, "source": "en", "target": "ru", "format": "text", "api_key": None}
    response = httpx.post(f"{server.url}{slashes}translate", json=body, timeout=60)
    assert answer_of(response)["translatedText"] == v1(server, ENGLISH)


def test_subtitle_edit(server: Served) -> None:
    """src/libse/AutoTranslate/LibreTranslate.cs: line breaks of a subtitle as <br />, italics as <i>, in plain text."""
    for q in ("- Are you there?<br />- Yes, I am.", "<i>Save the file.</i>"):
        body = {"q": q, "source": "en", "target": "ru"}
        text = answer_of(httpx.post(f"{server.url}/translate", json=body, timeout=60))["translatedText"]
        assert [text.count(tag) for tag in TAGS] == [q.count(tag) for tag in TAGS]


@pytest.mark.parametrize("source", [None, "en"])
def test_akkoma(server: Served, source: str | None) -> None:
    """Pleroma.Akkoma.Translators.LibreTranslate: JSON of HTML, a null key; detectedLanguage only if it is there."""
    body = {"q": f"<p>{ENGLISH}</p>", "source": source or "auto", "target": "ru", "format": "html", "api_key": None}
    answer = answer_of(httpx.post(f"{server.url}/translate", json=body, timeout=60))
    assert answer["translatedText"].startswith("<p>")
    assert answer.get("detectedLanguage", {"language": source})["language"] == "en"


def test_crow_translate_and_digikam(server: Served) -> None:
    """src/qonlinetranslator.cpp: forms that begin with "&"; what /detect finds first is the source."""
    detected = httpx.post(f"{server.url}/detect", content=f"&q={quote(ENGLISH)}&api_key=", headers=FORM, timeout=60)
    source = answer_of(detected)[0]["language"]
    form = f"&q={quote(ENGLISH)}&source={source}&target=ru&api_key="
    response = httpx.post(f"{server.url}/translate", content=form, headers=FORM, timeout=60)
    assert answer_of(response)["translatedText"] == v1(server, ENGLISH)


def test_deep_translator(server: Served) -> None:
    """deep_translator/libre.py: everything in the query string, up to 5,000 characters of any script; no body."""
    q = ("сохранить файл " * 400)[:5000].strip()
    fields = {"q": q, "source": "ru", "target": "en", "format": "text", "api_key": "key"}
    assert answer_of(httpx.post(f"{server.url}/translate", params=fields, timeout=60))["translatedText"]


def test_flex(server: Served) -> None:
    """LibreTranslateTranslator.kt of Mindustry's Flex, with Java's HttpClient: a query string and an empty body, and
    an offer of HTTP/2 with each request."""
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABk"}
    fields = {"q": ENGLISH, "source": "en", "target": "ru", "api_key": "", "format": "text"}
    response = httpx.post(f"{server.url}/translate", params=fields, headers=offer, timeout=60)
    assert answer_of(response)["translatedText"] == v1(server, ENGLISH)
    body = {"q": ENGLISH, "source": "en", "target": "ru"}
    response = httpx.post(f"{server.url}/translate", json=body, headers=offer, timeout=60)
    assert answer_of(response)["translatedText"] == v1(server, ENGLISH)


def test_jefs42_and_nextcloud(server: Served) -> None:
    """src/LibreTranslate.php of jefs42/libretranslate: an empty form of multipart with everything that has no fields;
    /detect by the query string; HTML of fields in multipart."""
    empty: dict[str, Any] = {"content": b"--x--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}
    languages = httpx.request("GET", f"{server.url}/languages", timeout=60, **empty)
    assert {"en", "ru"} <= {each["code"] for each in answer_of(languages)}
    answer_of(httpx.request("GET", f"{server.url}/frontend/settings", timeout=60, **empty))
    query = urlencode({"q": ENGLISH, "api_key": ""})
    detected = httpx.post(f"{server.url}/detect?{query}", timeout=60, **empty)
    assert answer_of(detected)[0]["language"] == "en"
    fields = {"q": ENGLISH, "format": "html", "source": "en", "target": "ru", "api_key": ""}
    form = {key: (None, value) for key, value in fields.items()}
    response = httpx.post(f"{server.url}/translate", files=form, timeout=60)
    assert answer_of(response)["translatedText"] == v1(server, ENGLISH)


def test_libretranslate_net(server: Served) -> None:
    """LibreTranslate.Net.Enhanced: .NET's multipart, with a boundary in quotes, names without them, and types of
    fields; a file's name is its path."""
    fields = "".join(part(key, value) for key, value in {"source": "en", "target": "ru", "api_key": ""}.items())
    file = part('"file"; filename="C:\\notes\\to do.txt"', ENGLISH)
    headers = {"Content-Type": 'multipart/form-data; boundary="a-b"'}
    response = httpx.post(
        f"{server.url}/translate_file", content=f"{fields}{file}--a-b--\r\n", headers=headers, timeout=60
    )
    assert httpx.get(answer_of(response)["translatedFileUrl"]).text == v1(server, ENGLISH)


def part(name: str, value: str) -> str:
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name={name}"
    return f"--a-b\r\n{head}\r\n\r\n{value}\r\n"


def test_clients_that_read_detections_strictly(server: Served) -> None:
    """libretranslate.go of SnakeSel: one language or none was found. LibreTranslateApi.kt of LiquidBounce: integers.
    libre_translate of Dart: numbers with a point."""
    response = httpx.post(f"{server.url}/detect", data={"q": ENGLISH}, timeout=60)
    assert len(answer_of(response)) == 1
    for text in (ENGLISH, "Hello world", "12"):
        response = httpx.post(f"{server.url}/detect", data={"q": text}, timeout=60)
        confidences = [each["confidence"] for each in answer_of(response)]
        assert all(isinstance(each, float) and each.is_integer() for each in confidences)


def test_the_page_of_libretranslate(server: Served) -> None:
    """libretranslate/templates/app.js.template: settings and languages, then a form in multipart with alternatives."""
    settings = answer_of(httpx.get(f"{server.url}/frontend/settings"))
    languages = {each["code"]: each for each in answer_of(httpx.get(f"{server.url}/languages"))}
    assert settings["language"]["target"]["code"] in languages
    assert all(target in languages for each in languages.values() for target in each["targets"])
    fields = {"q": ENGLISH, "source": "auto", "target": "ru", "format": "text", "alternatives": "3", "api_key": ""}
    form = {key: (None, value) for key, value in fields.items()}
    answer = answer_of(httpx.post(f"{server.url}/translate", files=form, timeout=60))
    assert answer["translatedText"] == v1(server, ENGLISH)
    assert answer["detectedLanguage"]["language"] in languages
    assert all(isinstance(each, str) for each in answer["alternatives"])


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/detect"), ("POST", "/languages"), ("POST", "/health"), ("POST", "/spec"), ("GET", "/translate")],
)
def test_methods_that_libretranslate_refuses(server: Served, method: str, path: str) -> None:
    """libretranslate/tests/test_api."""
    assert httpx.request(method, f"{server.url}{path}").status_code == 405
