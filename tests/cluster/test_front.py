"""The front of a cluster with replicas that are made up: what it answers itself, and what it does when they die."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.settings import Settings
from tests.unit.service.api.client import app_of

pytest.importorskip("ray", reason="the extra `ray` is not installed: make test-ray")

from ray.exceptions import ActorDiedError, NodeDiedError, ObjectLostError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from service.cluster.front import Front
from service.cluster.messages import Answered, Asked

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own warnings are not ours to mend

ANSWER = Answered(200, ((b"content-type", b"text/plain"), (b"connection", b"close")), b"answer", "one")
Answering = Callable[[Asked], Awaitable[Answered]]


async def answering(_asked: Asked) -> Answered:
    return ANSWER


@pytest.fixture(autouse=True)
def _logging_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The front sets up its process's log, which here is pytest's."""
    monkeypatch.setattr("service.cluster.front.configure_logging", lambda _level: None)


@dataclass
class Replicas:
    """A handle of them. results: what a broadcast gives."""

    answers: Answering = answering
    results: list[Any] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def answer(self) -> Replicas:
        return self

    def remote(self, asked: Asked) -> Awaitable[Answered]:
        self.told.append(asked.path)
        return self.answers(asked)

    def broadcast(self, method: str, *_arguments: object) -> Replicas:
        self.told.append(method)
        return self

    async def results_async(self) -> list[Any]:
        return self.results


def front(replicas: Replicas | None = None, **settings: Any) -> Front:
    return Front(cast(Any, replicas or Replicas()), Settings(**settings))


def served(front: Front) -> ASGIApp:
    """As Ray Serve asks it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await front(Request(scope, receive))
        await response(scope, receive, send)

    return app


def asked(app: ASGIApp, method: str, path: str, **request: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            return await client.request(method, path, **request)

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/translate", "/translate"])
def test_what_the_front_refuses_is_what_a_process_by_itself_would_answer(path: str) -> None:
    request: dict[str, Any] = {"content": b" " * 101, "headers": {"Origin": "https://a.example"}}
    alone = asked(app_of(max_body_bytes=100), "POST", path, **request)
    refused = asked(served(front(max_body_bytes=100)), "POST", path, **request)
    assert (refused.status_code, refused.json()) == (413, alone.json())
    del alone.headers["x-request-id"]  # which the HTTP server of Ray Serve writes
    assert dict(refused.headers) == dict(alone.headers)


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def run() -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        scope = {"type": "http", "method": "POST", "path": "/v1/translate", "headers": [], "query_string": b""}
        await served(front(body_timeout_s=0.01))(scope, receive, send)
        return sent

    start, body = asyncio.run(run())
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert json.loads(body["body"])["error"]["message"] == "body: 0 bytes came in 0.01 s, and then no end"


def test_a_client_that_leaves_before_the_end_of_its_body_is_no_fault() -> None:
    async def run() -> int:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "POST", "path": "/v1/translate", "headers": [], "query_string": b""}
        return (await front()(Request(scope, receive))).status_code

    assert asyncio.run(run()) == 499


def test_only_what_one_replica_would_remember_is_refused() -> None:
    for path in ("/v1/documents", "/v1/documents/a/download", "/v1/admin/models", "/v1/glossaries", "/v1/glossaries/a"):
        assert asked(served(front()), "GET", path).status_code == 403, path
        assert asked(served(front()), "GET", f"http://t/{path}").status_code == 403, f"/{path}"
    for path in ("/v1/documentsx", "/v1/glossariesx", "/v1", "/"):
        assert asked(served(front()), "GET", path).status_code == 200, path
    assert asked(served(front(glossaries_file="a")), "GET", "/v1/glossaries/a").status_code == 200


@pytest.mark.parametrize("lost", [ActorDiedError(), NodeDiedError("gone"), ObjectLostError("", None, "")])
def test_whom_a_replica_is_lost_to_another_one_answers(lost: Exception) -> None:
    coming: list[Exception | Answered] = [lost, lost, ANSWER]

    async def answers(_asked: Asked) -> Answered:
        first = coming.pop(0)
        if isinstance(first, Exception):
            raise first
        return first

    answer = asked(served(front(Replicas(answers))), "POST", "/v1/translate", content=b"{}")
    assert (answer.status_code, answer.text, coming) == (200, "answer", [])
    assert "connection" not in answer.headers


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (BackPressureError(num_queued_requests=1, max_queued_requests=1), 503, "too many requests wait for a replica"),
        (DeploymentUnavailableError(cast(Any, "replica")), 503, "no replica could be started"),
        (TimeoutError(), 503, "no replica has answered in time"),
        (ZeroDivisionError("secret"), 500, "an error inside the service"),
    ],
)
def test_why_no_replica_has_answered(error: Exception, status: int, message: str) -> None:
    async def answers(_asked: Asked) -> Answered:
        raise error

    answer = asked(served(front(Replicas(answers))), "POST", "/v1/translate", content=b"{}")
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


def test_an_answer_without_a_body_has_no_length() -> None:
    async def answers(_asked: Asked) -> Answered:
        return Answered(204, (), b"", "one")

    assert "content-length" not in asked(served(front(Replicas(answers))), "DELETE", "/v1/x").headers


def test_metrics_are_those_of_all_and_as_one_says_them() -> None:
    headers = ((b"content-type", b"text/plain; version=1.0.0"), (b"x-frame-options", b"DENY"))
    samples = b"# HELP a_total a\n# TYPE a_total counter\na_total 1.0\n"
    answers = [Answered(200, headers, samples, name) for name in ("one", "two")]
    answer = asked(served(front(Replicas(results=answers))), "GET", "/metrics")
    assert [line for line in answer.text.splitlines() if line.startswith("a_total")] == [
        'a_total{replica="one"} 1.0',
        'a_total{replica="two"} 1.0',
    ]
    assert answer.headers["content-type"] == "text/plain; version=1.0.0"
    assert answer.headers["x-frame-options"] == "DENY"
    refused = Answered(401, (), b"no", "three")
    assert asked(served(front(Replicas(results=[*answers, refused]))), "GET", "/metrics").status_code == 401
    assert asked(served(front(Replicas(results=[]))), "GET", "/metrics").status_code == 503


def test_what_the_front_answers_itself_is_in_its_log_and_metrics(caplog: pytest.LogCaptureFixture) -> None:
    async def answers(asked: Asked) -> Answered:
        if asked.path == "/translate":
            raise TimeoutError
        return ANSWER

    replicas = Replicas(answers, results=[Answered(200, (), b"", "one")])
    app = served(front(replicas, max_body_bytes=100))
    caplog.set_level("INFO", "verso.access")
    requests: list[tuple[str, str, bytes]] = [
        ("POST", "/v1/translate", b" " * 101),
        ("POST", "/v1/translate", b"{}"),
        ("POST", "/translate", b"{}"),
        ("GET", "/v1/documents/of-a-user", b""),
        ("GET", "/v1/admin/of-a-user", b""),
    ]
    for number, (method, path, body) in enumerate(requests):
        asked(app, method, path, content=body, headers={"X-Request-ID": f"id-{number}"})
    told = [vars(record) for record in caplog.records]
    assert [(each["method"], each["route"], each["status"]) for each in told] == [
        ("POST", "/v1/translate", 413),
        ("POST", "/translate", 503),
        ("GET", "/v1/documents/{document_id}", 403),
        ("GET", "other", 403),
    ]
    samples = set(asked(app, "GET", "/metrics").text.splitlines())
    assert samples >= {
        'verso_requests_total{pair="",replica="front",route="/v1/translate",status="413"} 1.0',
        'verso_requests_total{pair="",replica="front",route="/translate",status="503"} 1.0',
        'verso_requests_total{pair="",replica="front",route="other",status="403"} 1.0',
        'verso_request_duration_seconds_count{replica="front",route="/v1/translate"} 1.0',
        'verso_request_rejections_total{reason="too_large",replica="front"} 1.0',
        'verso_request_rejections_total{reason="unavailable",replica="front"} 1.0',
        'verso_request_rejections_total{reason="forbidden",replica="front"} 2.0',
        'verso_request_rejections_total{reason="overloaded",replica="front"} 0.0',
    }


@pytest.mark.parametrize("in_time", [True, False])
def test_what_was_accepted_is_answered_before_the_front_is_drained(
    monkeypatch: pytest.MonkeyPatch, *, in_time: bool
) -> None:
    monkeypatch.setattr("service.cluster.front.CLOSE_S", 0.0)

    async def run() -> Response:
        enough = asyncio.Event()

        async def answers(_asked: Asked) -> Answered:
            await enough.wait()
            return ANSWER

        async def receive() -> Message:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        replicas = Replicas(answers)
        one = front(replicas, drain_s=60.0 if in_time else 0.01)
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/translate",
            "headers": [],
            "query_string": b"",
            "scheme": "",
        }
        accepted = asyncio.create_task(one(Request(scope, receive)))
        while not replicas.told:
            await asyncio.sleep(0)
        draining = asyncio.create_task(one.drain())
        while "drain" not in replicas.told:
            await asyncio.sleep(0)
        assert not accepted.done()
        if in_time:
            for _turn in range(10):  # of a front that waits for nothing the drain has ended by then
                await asyncio.sleep(0)
            assert not draining.done()
            enough.set()
        await draining
        assert accepted.done() or not in_time
        return await accepted

    assert asyncio.run(run()).status_code == (200 if in_time else 503)
