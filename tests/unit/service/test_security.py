"""The threats of docs/security.md that concern who asks: a test for each line, found by its name there."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from limits import RateLimitItemPerMinute
from typer.testing import CliRunner

from model_store.errors import ConfigError
from service.access import network_of
from service.cli import app as cli
from service.keys import KeyStore
from service.quota_store import REST_S, QuotaStore
from tests.unit.service.api.client import app_of, ask, get
from tests.unit.service.engine.fakes import FakeClock
from tests.unit.service.fakes import engine_of, model

ONE = {"text": "one two", "source": "en", "target": "ru"}
LT = {"q": "one two", "source": "en", "target": "ru"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def make(file: Path, name: str = "ann", requests: int = 0, characters: int = 0, weight: float = 1.0) -> str:
    store = KeyStore(file)
    return store.create(name, requests_per_minute=requests, characters_per_day=characters, weight=weight)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def posts(calls: list[tuple[str, dict[str, Any]]], **settings: Any) -> list[httpx.Response]:
    async def call(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.post(path, **request) for path, request in calls]

    return ask(app_of(**settings), call)


def test_a_stolen_file_of_keys_opens_nothing(file: Path) -> None:
    key = make(file)
    assert key.split("_", 2)[2] not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [kept] = KeyStore(file).keys()
    assert KeyStore(file).find(f"verso_{kept.key_id}_{kept.digest}") is None
    assert KeyStore(file).find(key) == kept


def test_a_key_that_is_guessed_or_missing_is_refused(file: Path) -> None:
    key = make(file)
    settings = {"keys_file": str(file), "keys_required": True, "suggestions_file": f"{file}.suggested"}
    right = [("/v1/translate", {"json": ONE, "headers": bearer(key)}), ("/translate", {"json": {**LT, "api_key": key}})]
    right += [("/translate", {"json": LT, "headers": bearer(key)}), ("/translate", {"data": {**LT, "api_key": key}})]
    assert [answer.status_code for answer in posts(right, **settings)] == [200] * 4
    wrong: list[tuple[str, dict[str, Any]]] = [("/v1/translate", {"json": ONE})]
    wrong += [("/v1/translate", {"json": ONE, "headers": bearer(bad)}) for bad in (key[:-1], key + "x", "verso__", "e")]
    wrong += [("/v1/summarize", {"json": {}}), ("/translate", {"json": {**LT, "api_key": key[:-1]}})]
    wrong += [(f"/{path}", {"json": LT}) for path in ("translate", "detect", "suggest", "translate_file")]
    assert [answer.status_code for answer in posts(wrong, **settings)] == [401] * 6 + [403] + [400] * 4
    with pytest.raises(ConfigError, match="VERSO_KEYS_FILE"):
        app_of(keys_required=True)
    file.write_text('{"keys": [')
    with pytest.raises(ConfigError, match=r"keys_file .*keys\.json"):
        app_of(keys_file=str(file))


def test_a_glossary_is_not_read_before_its_key(file: Path) -> None:
    key = make(file, requests=1)

    async def call(client: httpx.AsyncClient) -> list[int]:
        broken: list[dict[str, Any]] = [{}, {"headers": bearer(key)}, {"headers": bearer(key)}]
        answers = [await client.put("/v1/glossaries/mine", content=b"{", **each) for each in broken]
        return [answer.status_code for answer in answers]

    assert ask(app_of(keys_file=str(file), keys_required=True), call) == [401, 400, 429]


def test_a_revoked_key_is_refused_from_the_next_request_on(file: Path) -> None:
    key, other = make(file), make(file, "bob")

    async def call(client: httpx.AsyncClient) -> list[int]:
        before = await client.post("/v1/translate", json=ONE, headers=bearer(key))
        KeyStore(file).revoke(key.split("_")[1])
        after = [await client.post("/v1/translate", json=ONE, headers=bearer(each)) for each in (key, other)]
        return [answer.status_code for answer in (before, *after)]

    assert ask(app_of(keys_file=str(file)), call) == [200, 401, 200]


def test_while_the_file_of_keys_cannot_be_read_nobody_has_one(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = make(file)

    async def call(client: httpx.AsyncClient) -> None:
        whole = file.read_text()
        file.write_text(whole[:-3])
        for path, body in (("/v1/translate", ONE), ("/translate", {**LT, "api_key": key})):
            refused = await client.post(path, json=body, headers=bearer(key) if path == "/v1/translate" else None)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert str(file) not in refused.text
        assert (await client.post("/v1/translate", json=ONE)).status_code == 200
        file.write_text(whole)
        assert (await client.post("/v1/translate", json=ONE, headers=bearer(key))).status_code == 200

    ask(app_of(keys_file=str(file)), call)
    assert "keys_file" in caplog.text


def test_too_many_requests_are_refused_by_key_before_their_body_is_read(file: Path) -> None:
    first, second = make(file, requests=2), make(file, requests=2)
    calls: list[tuple[str, dict[str, Any]]] = [("/v1/translate", {"json": ONE, "headers": bearer(first)})] * 2
    broken: list[dict[str, Any]] = [{"content": b"{", "headers": bearer(each)} for each in (first, second)]
    calls += [("/v1/translate", each) for each in broken]
    answers = posts(calls, keys_file=str(file))
    assert [answer.status_code for answer in answers] == [200, 200, 429, 400]
    assert answers[2].json()["error"]["type"] == "quota_exceeded"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60


def test_too_many_characters_are_refused_and_none_is_taken_for_them(file: Path) -> None:
    key = make(file, characters=10)
    asked = [{**ONE, "text": text} for text in ("a" * 6, "b" * 6, "c" * 4, "d")]
    calls = [("/v1/translate", {"json": body, "headers": bearer(key)}) for body in asked]
    answers = posts(calls, keys_file=str(file))
    assert [answer.status_code for answer in answers] == [200, 429, 200, 429]
    assert "of which 4 are left" in answers[1].json()["error"]["message"]


def test_anonymous_clients_are_limited_by_address() -> None:
    calls = [("/v1/translate", {"json": ONE})] * 2 + [("/translate", {"json": LT})]
    assert [each.status_code for each in posts(calls, anonymous_requests_per_minute=2)] == [200, 200, 429]
    calls = [("/v1/translate", {"json": ONE}), ("/translate", {"json": LT})]
    assert [each.status_code for each in posts(calls, anonymous_characters_per_day=10)] == [200, 429]


def test_an_address_is_believed_from_trusted_proxies_only() -> None:
    calls = [("/v1/translate", {"json": ONE, "headers": {"X-Forwarded-For": f"192.0.2.{n}"}}) for n in (1, 2)]
    one = {"anonymous_requests_per_minute": 1}
    assert [each.status_code for each in posts(calls, **one)] == [200, 429]
    assert [each.status_code for each in posts(calls, **one, trusted_proxies=("127.0.0.1",))] == [200, 200]
    assert [each.status_code for each in posts(calls, **one, trusted_proxies=("10.0.0.1",))] == [200, 429]


def test_an_ipv6_network_is_one_client() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2") == "2001:db8::/64"
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("") == "unknown"
    assert network_of("192.0.2.1:4711") == "192.0.2.1"
    assert network_of("[2001:db8::1]:4711") == network_of("[2001:db8::1]") == "2001:db8::/64"
    assert network_of("192.0.2.1:x") == network_of("[192.0.2.1") == "unknown"


def test_a_quota_store_that_is_down_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    settings = {"quota_store": "redis://127.0.0.1:1", "anonymous_requests_per_minute": 1}
    with caplog.at_level(logging.ERROR):
        answers = posts([("/v1/translate", {"json": ONE})] * 2, **settings)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "the quota store cannot be asked" in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://u:secret@host",
        "redis://:secret@host:port",
        "redis://:sec/ret@host:6379",
        "redis+cluster://:secret@host:port",
        "redis:/:secret@host",
    ],
)
def test_a_quota_store_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match=r"quota_store: .*allowed: memory://") as refused:
        QuotaStore(url)
    assert "sec" not in str(refused.value)


def test_a_quota_store_that_is_down_is_not_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, asked = FakeClock(), 0
    store = QuotaStore("memory://", clock)

    async def hit(*_arguments: object, **_options: object) -> bool:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ConnectionError
        return False

    monkeypatch.setattr(store._limiter, "hit", hit)

    async def run() -> list[int | None]:
        item = RateLimitItemPerMinute(1)
        taken = [await store.take(item, "ann", amount=1) for _ in range(2)]
        clock.now_s += REST_S
        return [*taken, await store.take(item, "ann", amount=1)]

    assert (asyncio.run(run()), asked) == ([0, 0, None], 2)


def test_metrics_can_be_kept_from_strangers() -> None:
    app = app_of(metrics_token="a token")
    assert get(app, "/metrics").status_code == get(app, "/metrics", headers=bearer("another")).status_code == 401
    assert get(app, "/metrics", headers=bearer("a token")).status_code == 200
    of_a_file = app_of(metrics_token="a token\n")
    assert get(of_a_file, "/metrics", headers=bearer("a token")).status_code == 200


def test_a_browser_is_told_to_be_careful() -> None:
    for path in ("/v1/models", "/languages", "/nowhere", "/docs"):
        headers = get(app_of(), path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_keys_and_texts_are_not_logged(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = make(file)
    body = {**ONE, "text": "very secret"}
    with caplog.at_level(logging.DEBUG):
        posts([("/v1/translate", {"json": body, "headers": bearer(key)})], keys_file=str(file))
    lines = json.dumps([vars(record) for record in caplog.records], default=str)
    [access] = [vars(record) for record in caplog.records if record.name == "verso.access" and "/v1" in record.route]  # type: ignore[attr-defined]
    assert (access["key"], access["segments"], access["decode_s"]) == ("ann", 1, 0.5)
    assert "very secret" not in lines
    assert key.split("_", 2)[2] not in lines


def test_a_request_says_how_urgent_it_is_and_who_asks(file: Path) -> None:
    served = model("en-ru")
    key = make(file, weight=2.0)

    async def call(client: httpx.AsyncClient) -> None:
        body = {**ONE, "priority": "bulk", "timeout_s": 1.5}
        assert (await client.post("/v1/translate", json=body, headers=bearer(key))).status_code == 200
        late = await client.post("/v1/translate", json={**ONE, "timeout_s": 1e-9})
        assert late.status_code == 504
        assert (await client.post("/v1/translate", json={**ONE, "priority": "urgent"})).status_code == 400

    ask(app_of(served, keys_file=str(file)), call)
    client, priority, deadline_s = engine_of(served).asked[-1]
    assert (client.name, client.weight, priority.name) == (f"key:{key.split('_')[1]}", 2.0, "BULK")
    assert deadline_s is not None
    assert deadline_s <= 1.5


def test_keys_are_made_listed_and_revoked_by_the_command_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSO_KEYS_FILE", str(file))
    run = CliRunner().invoke
    key = run(cli, ["keys", "create", "ann", "--requests-per-minute", "5"]).stdout.strip()
    listed = run(cli, ["keys", "list"]).stdout
    assert "ann  5 requests/min" in listed
    assert key.split("_", 2)[2] not in listed
    assert run(cli, ["keys", "revoke", "nobody"]).exit_code == 2
    assert run(cli, ["keys", "revoke", key.split("_")[1]]).exit_code == 0
    assert KeyStore(file).keys() == ()


def test_keys_that_are_made_at_the_same_time_are_all_kept(file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _number: make(file), range(24)))
    assert all(KeyStore(file).find(key) for key in keys)


def test_a_broken_file_of_keys_is_said_so(file: Path) -> None:
    file.write_text('{"keys": [{"name": "x"}]}')
    with pytest.raises(ConfigError, match="keys_file"):
        KeyStore(file).keys()


def test_every_threat_in_the_document_has_its_test() -> None:
    root = Path(__file__).parents[3]
    text = (root / "docs" / "security.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    there: set[str] = set()
    for path in root.glob("tests/**/test_*.py"):
        there.update(re.findall(r"def (test_\w+)", path.read_text()))
    for row in rows:
        found = re.search(r"`(test_\w+)` \|$", row)
        assert found, row
        assert found[1] in there
