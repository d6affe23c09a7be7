"""Traces of requests as OpenTelemetry has them: with the extra `tracing` and a collector that is named, else nothing.

The spans are Verso's own. The ready-made instrumentation of ASGI notes URLs whole, and the query string of a
LibreTranslate client has a text in it, perhaps a key. Here the type of what a span may be told keeps texts out: counts,
and names that are the server's own. An exception leaves its class, for its message may quote a text.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from model_store.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span, TracerProvider
    from opentelemetry.trace import Tracer

PhaseName = Literal["admission", "detection", "segmentation", "preparation", "tokenization", "engine", "join"]
SegmentPhase = Literal["queue", "encode", "decode"]
# How long a batch of spans is offered to a collector that does not answer; a server that ends waits for that, too.
_EXPORT_S = 2.0
NO_COUNTS: Mapping[str, int] = {}

_TRACER: ContextVar[Tracer | None] = ContextVar("verso_tracer", default=None)


class Phase:
    """A part of a request under way; of one that is not traced, nothing."""

    def __init__(self, tracer: Tracer | None = None, span: Span | None = None) -> None:
        self._tracer = tracer
        self._span = span

    @property
    def recorded(self) -> bool:
        """Whether anything that it is told is kept."""
        return self._span is not None

    def part(self, name: SegmentPhase, *, after_s: float, lasting_s: float, counts: Mapping[str, int]) -> None:
        """Tell of a part that is over: it began `after_s` seconds after this phase did, and took `lasting_s`."""
        if self._tracer is None or self._span is None or self._span.start_time is None:
            return
        start_ns = self._span.start_time + int(after_s * 1e9)
        span = self._tracer.start_span(name, start_time=start_ns, attributes=_named(counts))
        span.end(end_time=start_ns + int(lasting_s * 1e9))

    def counted(self, counts: Mapping[str, int]) -> None:
        """Tell of what is known only now."""
        if self._span is not None:
            self._span.set_attributes(_named(counts))


class RequestSpan(Phase):
    """A whole request."""

    def answered(self, *, method: str, route: str, status: int, pair: str, request_id: str) -> None:
        """How it ended. route: the template, not what was asked for; pair: one that is served, or empty."""
        if self._span is None:
            return
        from opentelemetry.trace import StatusCode

        self._span.update_name(f"{method} {route}")
        self._span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "verso.pair": pair,
                "verso.request_id": request_id,
            }
        )
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)


class Tracing:
    """Makes the spans of one app's requests and sends them on."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("verso", version("verso"))

    @contextlib.contextmanager
    def request(self, traceparent: str | None, tracestate: str | None) -> Iterator[RequestSpan]:
        """A request in this context, as a part of the client's trace if its headers name one (W3C Trace Context)."""
        from opentelemetry.sdk.trace import Span
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carried = {"traceparent": traceparent or "", "tracestate": tracestate or ""}
        parent = TraceContextTextMapPropagator().extract(carried)
        with self._tracer.start_as_current_span(
            "request", parent, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            recorded = span if isinstance(span, Span) else None
            token = _TRACER.set(self._tracer)
            try:
                with _noting_errors(recorded):
                    yield RequestSpan(self._tracer, recorded)
            finally:
                _TRACER.reset(token)

    def close(self) -> None:
        """Send what is left. Blocks for as long as the exporter tries."""
        self._provider.shutdown()


def open_tracing(endpoint: str, share: float) -> Tracing | None:
    """Traces of that share of the requests to a collector (OTLP over HTTP) at the URL `endpoint`; None if it is empty.

    Raises:
        ConfigError: the extra is not installed.
    """
    if not endpoint:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError as error:
        raise ConfigError(
            f"traces_endpoint: {endpoint!r} needs the extra `tracing` (pip install '.[tracing]', in the folder of "
            f"Verso's sources): {error}"
        ) from error
    resource = Resource.create({"service.name": "verso", "service.version": version("verso")})
    provider = TracerProvider(ParentBased(TraceIdRatioBased(share)), resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint, timeout=_EXPORT_S)))
    return Tracing(provider)


@contextlib.contextmanager
def phase(name: PhaseName, counts: Mapping[str, int] = NO_COUNTS, *, model: str = "") -> Iterator[Phase]:
    """A part of the request that runs in this context. model: "name@version" where one is at work."""
    tracer = _TRACER.get()
    if tracer is None:
        yield Phase()
        return
    from opentelemetry.sdk.trace import Span

    attributes = _named(counts) | ({"verso.model": model} if model else {})
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        recorded = span if isinstance(span, Span) else None
        with _noting_errors(recorded):
            yield Phase(tracer, recorded)


def current_trace_id() -> str | None:
    """The id of the trace that this context is in, as 32 hexadecimal digits; None without one."""
    if _TRACER.get() is None:
        return None
    from opentelemetry.trace import format_trace_id, get_current_span

    return format_trace_id(get_current_span().get_span_context().trace_id)


@contextlib.contextmanager
def _noting_errors(span: Span | None) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if span is not None:
            from opentelemetry.trace import StatusCode

            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
        raise


def _named(counts: Mapping[str, int]) -> dict[str, str | int]:
    return {f"verso.{name}": count for name, count in counts.items()}
