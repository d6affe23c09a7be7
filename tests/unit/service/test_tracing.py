"""Traces: a span for each phase of a request, inside the client's trace, without texts and keys."""

from __future__ import annotations

import asyncio
import http.server
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from model_store.errors import ConfigError
from service.catalogue import ServedModel
from service.engine.engine import Engine
from service.errors import EngineFailedError
from service.keys import KeyStore
from service.tracing import Tracing, current_trace_id, open_tracing, phase
from tests.unit.service.api.client import app_of, ask, two_models
from tests.unit.service.engine.fakes import FakeFactory, make_segment
from tests.unit.service.fakes import engine_of, model, summarizer

SECRET = "Quite secret words"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
W3C = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


def kept_in(exporter: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


def traced(*requests: dict[str, Any], models: tuple[ServedModel, ...] = (), **settings: Any) -> list[ReadableSpan]:
    """What the requests leave in the exporter, in the order in which it ended."""
    exporter = InMemorySpanExporter()

    async def call(client: httpx.AsyncClient) -> None:
        for request in requests:
            await client.request(**{"method": "POST", "url": "/v1/translate"} | request)

    ask(app_of(*(models or two_models()), tracing=kept_in(exporter), **settings), call)
    return list(exporter.get_finished_spans())


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def by_name(spans: list[ReadableSpan]) -> dict[str, ReadableSpan]:
    """The first of each name."""
    return {span.name: span for span in reversed(spans)}


def body(text: str = SECRET, source: str = "en") -> dict[str, Any]:
    return {"json": {"text": text, "source": source, "target": "ru"}}


def test_every_phase_has_its_span_in_the_clients_trace() -> None:
    spans = traced(body(f"{SECRET}. {SECRET} again.", "auto") | {"headers": W3C | {"X-Request-ID": "mine"}})
    found = by_name(spans)
    root = found["POST /v1/translate"]
    phases = {"admission", "detection", "segmentation", "preparation", "tokenization", "engine", "join"}
    assert set(found) == {"POST /v1/translate", *phases, "queue", "encode", "decode"}
    assert root.parent is not None
    assert (f"{root.parent.trace_id:032x}", f"{root.parent.span_id:016x}") == (TRACE, PARENT)
    assert {f"{span.context.trace_id:032x}" for span in spans} == {TRACE}
    for name in phases:
        assert found[name].parent == root.context, name
    for name in ("queue", "encode", "decode"):
        assert found[name].parent == found["engine"].context
    assert attributes(root) == {
        "http.request.method": "POST",
        "http.route": "/v1/translate",
        "http.response.status_code": 200,
        "verso.pair": "en-ru",
        "verso.request_id": "mine",
    }
    assert attributes(found["engine"]) == {
        "verso.segments": 2,
        "verso.decoded": 2,
        "verso.shared": 0,
        "verso.cache": 0,
        "verso.model": "tiny@1",
    }
    assert attributes(found["decode"])["verso.steps"] == 3
    assert _seconds(found["queue"]) == pytest.approx(0.25)
    assert _seconds(found["decode"]) == pytest.approx(0.5)


def _seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def test_summaries_and_libretranslates_forms_are_traced_too() -> None:
    form = {"url": "/translate", "data": {"q": SECRET, "source": "en", "target": "ru"}}
    summary = {"url": "/v1/summarize", "json": {"text": SECRET, "language": "en"}}
    for asked, models in ((form, two_models()), (summary, (summarizer("en"),))):
        names = set(by_name(traced(asked, models=models)))
        assert {f"POST {asked['url']}", "admission", "segmentation", "engine", "decode", "join"} <= names


def test_of_a_long_text_the_slowest_segments_are_told() -> None:
    spans = traced(body(". ".join(f"{SECRET} {number}" for number in range(40))))
    assert attributes(by_name(spans)["engine"])["verso.segments"] == 40
    assert sum(span.name == "decode" for span in spans) == 16


def test_probes_and_files_of_the_page_are_not_traced() -> None:
    paths = ("/livez", "/readyz", "/metrics", "/health", "/web/style.css")
    assert traced(*({"method": "GET", "url": path} for path in paths)) == []


def test_no_text_and_no_key_is_in_a_span(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    key = KeyStore(file).create("ann", requests_per_minute=0, characters_per_day=0, weight=1.0)
    bearer = {"Authorization": f"Bearer {key}"}
    query = {"q": SECRET, "source": "en", "target": "ru", "api_key": key}
    spans = traced(
        body() | {"headers": bearer},
        body(source=SECRET) | {"headers": bearer},  # an error that quotes what it was given
        {"url": "/translate", "params": query},
        {"url": "/translate", "params": query | {"api_key": "verso_a_guess"}},
        {"content": f'{{"text": "{SECRET}', "headers": bearer},
        {"url": f"/{SECRET}"},
        keys_file=str(file),
    )
    told = " ".join(span.to_json() for span in spans)
    assert sum(span.name.startswith("POST") for span in spans) == 6
    for secret in (SECRET, "secret", key, key.split("_", 2)[2], "guess"):
        assert secret not in told
    assert all(not span.events for span in spans), "an exception with its message is an event"


def test_what_failed_is_marked_with_the_class_of_the_error_alone() -> None:
    failing = model("en-ru")

    async def call(client: httpx.AsyncClient) -> int:
        engine_of(failing).errors.append(EngineFailedError(SECRET))  # after it was warmed up
        return (await client.post("/v1/translate", **body())).status_code

    exporter = InMemorySpanExporter()
    assert ask(app_of(failing, tracing=kept_in(exporter)), call) == 500
    spans = list(exporter.get_finished_spans())
    engine, root = by_name(spans)["engine"], by_name(spans)["POST /v1/translate"]
    assert attributes(engine)["error.type"] == "EngineFailedError"
    assert engine.status.status_code.name == root.status.status_code.name == "ERROR"
    assert SECRET not in "".join(span.to_json() for span in spans)


def test_log_lines_name_the_trace(caplog: pytest.LogCaptureFixture) -> None:
    from service.telemetry import JsonFormatter

    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonFormatter().format(record))

    handler = Keep()
    with caplog.at_level(logging.INFO):
        logging.getLogger("verso.access").addHandler(handler)
        traced(body() | {"headers": W3C})
        logging.getLogger("verso.access").removeHandler(handler)
    assert any(f'"trace_id": "{TRACE}"' in line for line in lines)


def test_the_engine_measures_encoding_apart() -> None:
    engine = Engine(FakeFactory(rows=8))
    engine.start()
    [result] = asyncio.run(_submitted(engine))
    engine.close()
    assert 0 < result.timings.encode_s <= result.timings.decode_s


async def _submitted(engine: Engine) -> list[Any]:
    return await engine.submit_all([make_segment(1, 2, 3, steps=5)])


def test_without_a_collector_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_tracing("", 1.0) is None
    with phase("engine", {"segments": 1}) as engine:
        engine.part("queue", after_s=0, lasting_s=1, counts={})
        assert not engine.recorded
        assert current_trace_id() is None
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"traces_endpoint: .* needs the extra `tracing`"):
        open_tracing("http://127.0.0.1:4318/v1/traces", 1.0)
    assert ask(app_of(), lambda client: client.post("/v1/translate", **body())).status_code == 200


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes spans as a collector does, and keeps the bytes."""

    received: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.received.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def collector() -> Iterator[str]:
    Collector.received.clear()
    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces"
        server.shutdown()
        thread.join()


def test_a_collector_gets_the_spans_when_the_app_ends_at_the_latest(collector: str) -> None:
    ask(app_of(traces_endpoint=collector), lambda client: client.post("/v1/translate", **body()))
    request = ExportTraceServiceRequest.FromString(b"".join(Collector.received))
    spans = [span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans]
    assert {"POST /v1/translate", "engine", "decode"} <= {span.name for span in spans}
    assert SECRET.encode() not in b"".join(Collector.received)


def test_a_share_of_none_leaves_the_decision_to_the_client(collector: str) -> None:
    async def call(client: httpx.AsyncClient) -> None:
        await client.post("/v1/translate", **body())
        assert not Collector.received
        await client.post("/v1/translate", **body(), headers=W3C)

    ask(app_of(traces_endpoint=collector, traces_share=0.0), call)
    request = ExportTraceServiceRequest.FromString(b"".join(Collector.received))
    traces = {span.trace_id.hex() for each in request.resource_spans for s in each.scope_spans for span in s.spans}
    assert traces == {TRACE}


def test_a_collector_that_is_down_stops_nobody() -> None:
    app = app_of(traces_endpoint="http://127.0.0.1:1/v1/traces")
    assert ask(app, lambda client: client.post("/v1/translate", **body())).status_code == 200
