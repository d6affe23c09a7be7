"""The only file that names Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from service.engine.stats import EngineHealth, Rejection, SegmentReport

# From a cache hit to a long document; vLLM's own start at 0.3 s, which hides everything here.
_LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_STEP_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)


class Metrics:
    """The metrics of one app, in a registry of their own.

    Labels are bounded: `route` is the template, `pair` one that is served, `model` a loaded bundle, the rest are
    enumerations. No text, address or key of a user is ever a label.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = Counter(
            "verso_requests", "Answered HTTP requests.", ["route", "pair", "status"], registry=registry
        )
        self._latency = Histogram(
            "verso_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ["route"],
            buckets=_LATENCY_S,
            registry=registry,
        )
        self._in_progress = Gauge(
            "verso_requests_in_progress", "Requests that are not answered yet.", registry=registry
        )
        self._rejections = Counter(
            "verso_request_rejections", "Requests that were refused or failed.", ["reason"], registry=registry
        )
        self._warnings = Counter(
            "verso_translation_warnings", "Warnings given with translated segments.", ["warning"], registry=registry
        )
        self._model_info = Gauge(
            "verso_model_info", "1 for each loaded bundle.", ["model", "version"], registry=registry
        )
        self._model_load = Gauge(
            "verso_model_load_seconds", "Loading and warming up a bundle.", ["model"], registry=registry
        )
        self._engine = _EngineMetrics(registry)
        self._healths: dict[str, dict[str, Callable[[], EngineHealth]]] = {}

    def request_started(self) -> None:
        """A request arrived."""
        self._in_progress.inc()

    def request_finished(self, *, route: str, pair: str, status: int, duration_s: float) -> None:
        """A request was answered, or its client went away (status 499)."""
        self._in_progress.dec()
        self._requests.labels(route, pair, str(status)).inc()
        self._latency.labels(route).observe(duration_s)

    def request_rejected(self, reason: str) -> None:
        """A request was refused or failed; `reason` is an error type of api/error_handlers.py."""
        self._rejections.labels(reason).inc()

    def warned(self, warning: str) -> None:
        """A segment's translation carries a warning."""
        self._warnings.labels(warning).inc()

    def model_loaded(self, *, name: str, version: str, load_s: float, health: Callable[[], EngineHealth]) -> None:
        """A bundle is ready; its engine's `health` is read whenever metrics are, and added up over versions."""
        self._model_info.labels(name, version).set(1)
        self._model_load.labels(name).set(load_s)
        healths = self._healths.setdefault(name, {})
        healths[version] = health
        self._engine.running.labels(name).set_function(lambda: sum(each().live for each in list(healths.values())))
        self._engine.waiting.labels(name).set_function(lambda: sum(each().queued for each in list(healths.values())))

    def model_unloaded(self, *, name: str, version: str) -> None:
        """A bundle was freed."""
        self._model_info.remove(name, version)
        self._healths[name].pop(version, None)

    def engine_observer(self, model: str) -> EngineMetricsObserver:
        """Who turns what the engine of `model` reports into metrics."""
        return EngineMetricsObserver(self._engine, model)

    def render(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self.registry)


class _EngineMetrics:
    """Metrics by model."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, ["model", *labels], registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(name, text, ["model"], buckets=buckets, registry=registry)

        self.running = Gauge("verso_segments_running", "Segments in decoder slots.", ["model"], registry=registry)
        self.waiting = Gauge("verso_segments_waiting", "Segments in the queue.", ["model"], registry=registry)
        self.segments = counter("verso_segments", "Segments by how they ended.", "outcome")
        self.rejected = counter("verso_segment_rejections", "Segments that were not queued.", "reason")
        self.cache_hits = counter("verso_cache_hits", "Segments answered from the cache of exact results.")
        self.source_tokens = counter("verso_source_tokens", "Source tokens of answered segments.")
        self.target_tokens = counter("verso_target_tokens", "Target tokens of answered segments.")
        self.restarts = counter("verso_decoder_restarts", "Times the decoder failed and was rebuilt.")
        self.queue = histogram("verso_segment_queue_seconds", "Waiting for a slot, if decoded.", _LATENCY_S)
        self.decode = histogram("verso_segment_decode_seconds", "In a slot, if decoded.", _LATENCY_S)
        self.step = histogram("verso_decoder_step_seconds", "One batched decoding step.", _STEP_S)
        self.occupancy = counter("verso_decoder_step_segments", "Live segments, summed over steps.")


class EngineMetricsObserver:
    """An EngineObserver that counts."""

    def __init__(self, metrics: _EngineMetrics, model: str) -> None:
        self._metrics = metrics
        self._model = model

    def segment_finished(self, report: SegmentReport) -> None:
        """Counts the segment, its tokens and its times."""
        metrics, model = self._metrics, self._model
        metrics.segments.labels(model, report.outcome).inc()
        if report.outcome in ("decoded", "shared", "cache"):
            metrics.source_tokens.labels(model).inc(report.source_tokens)
            metrics.target_tokens.labels(model).inc(report.target_tokens)
        if report.outcome == "cache":
            metrics.cache_hits.labels(model).inc()
        if report.outcome == "decoded":
            metrics.queue.labels(model).observe(report.timings.queue_s)
            metrics.decode.labels(model).observe(report.timings.decode_s)

    def segment_rejected(self, reason: Rejection, segments: int) -> None:
        """Counts the refused segments."""
        self._metrics.rejected.labels(self._model, reason).inc(segments)

    def step(self, live_segments: int, queued: int, duration_s: float) -> None:
        """Measures the step."""
        self._metrics.step.labels(self._model).observe(duration_s)
        self._metrics.occupancy.labels(self._model).inc(live_segments)

    def restarted(self) -> None:
        """Counts the restart."""
        self._metrics.restarts.labels(self._model).inc()
