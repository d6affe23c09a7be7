"""Everything that is measured, as Prometheus metrics; answers, documents and the machine have their own files."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from typing import get_args

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
from prometheus_client.metrics import MetricWrapperBase

from service.document_metrics import DocumentMetrics
from service.engine.segment import Priority
from service.engine.stats import EngineHealth, EngineIdentity, EngineObserver, Outcome, Rejection, SegmentReport
from service.machine_metrics import GpuMemoryCollector, ProcessTreeCollector
from service.recent import Recent, Work
from service.request_metrics import LATENCY_S, RequestMetrics

_STEP_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
_TOKENS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
# Who asks these asks for ever; they are left out of what people want to know as work.
_PROBES = ("/livez", "/readyz", "/metrics", "/health", "/v1/status")
_ANSWERED = ("decoded", "shared", "cache")


class Metrics:
    """The metrics of one app, in a registry of their own.

    Labels are bounded: `route` is the template, `pair` one that is served; `model`, `version` and `device` are those of
    engines in memory, and what they label goes with them; the rest are enumerations. No text, address or key of a
    user is ever a label.
    """

    def __init__(self) -> None:
        self.recent = Recent()
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._requests = RequestMetrics(registry)
        self._in_progress = Gauge(
            "verso_requests_in_progress", "Requests that are not answered yet.", registry=registry
        )
        self._warnings = Counter(
            "verso_translation_warnings", "Warnings given with translated segments.", ["warning"], registry=registry
        )
        self.documents = DocumentMetrics(registry)
        self._app = _AppMetrics(registry)
        self._engine = _EngineMetrics(registry)
        registry.register(GpuMemoryCollector())
        registry.register(ProcessTreeCollector())

    def app_started(
        self,
        *,
        ready: Callable[[], bool],
        failed: Callable[[], int],
        queue_segments: int,
        queue_tokens: int,
        memory_bytes: int,
        reasons: Iterable[str],
        warnings: Iterable[str],
    ) -> None:
        """An app is wired: how to ask whether it is ready and how many bundles could not be loaded, its limits, why it
        may refuse a request, and of what it may warn. Both start at zero, since a counter that is born at one never
        shows an increase."""
        self._app.ready.set_function(lambda: float(ready()))
        self._app.failed.set_function(failed)
        self._app.queue_segments.set(queue_segments)
        self._app.queue_tokens.set(queue_tokens)
        self._app.memory.set(memory_bytes)
        self._requests.watch(reasons)
        for warning in warnings:
            self._warnings.labels(warning)

    def request_started(self) -> None:
        """A request arrived."""
        self._in_progress.inc()

    def request_finished(self, *, route: str, pair: str, status: int, duration_s: float) -> None:
        """A request was answered, or its client went away (status 499)."""
        self._in_progress.dec()
        self._requests.finished(route=route, pair=pair, status=status, duration_s=duration_s)
        if route not in _PROBES:
            self.recent.note(Work(requests=1, refused=status == 429, failed=status >= 500))

    def request_rejected(self, reason: str) -> None:
        """A request was refused or failed; `reason` is an error type of api/error_handlers.py."""
        self._requests.rejected(reason)

    def warned(self, warning: str) -> None:
        """A segment's translation carries a warning."""
        self._warnings.labels(warning).inc()

    def model_loaded(
        self, identity: EngineIdentity, *, load_s: float, memory_bytes: int, health: Callable[[], EngineHealth]
    ) -> None:
        """A bundle is ready; its engine's `health` is read whenever metrics are."""
        engine, labels = self._engine, _labels(identity)
        engine.info.labels(*labels).set(1)
        engine.load.labels(*labels).set(load_s)
        engine.memory.labels(*labels).set(memory_bytes)
        engine.healthy.labels(*labels).set_function(lambda: float(health().healthy))
        engine.running.labels(*labels).set_function(lambda: health().live)
        for priority in Priority:
            by = (*labels, priority.name.lower())
            engine.waiting.labels(*by).set_function(partial(_waiting_segments, health, priority))
            engine.waiting_tokens.labels(*by).set_function(partial(_waiting_tokens, health, priority))
        engine.hypotheses.labels(*labels).set_function(lambda: health().hypotheses)
        engine.rows.labels(*labels).set_function(lambda: health().rows)

    def model_unloaded(self, identity: EngineIdentity) -> None:
        """A bundle was freed: nothing of it is told any more."""
        self._engine.forget(identity)

    def engine_observer(self, identity: EngineIdentity) -> EngineMetricsObserver:
        """Who turns what that engine reports into metrics."""
        return EngineMetricsObserver(self._engine, identity, self.recent)

    def render(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self.registry)


class _AppMetrics:
    """What is known from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, registry=registry)

        self.ready = gauge("verso_ready", "1 if /readyz says so.")
        self.failed = gauge("verso_bundles_failed", "Bundles that could not be loaded and are still to be.")
        self.queue_segments = gauge("verso_queue_limit_segments", "Segments of each priority that may wait.")
        self.queue_tokens = gauge("verso_queue_limit_tokens", "Source tokens of each priority that may wait.")
        self.memory = gauge("verso_memory_limit_bytes", "Memory that the service may take: its cgroup's or all.")
        build = Gauge(
            "verso_build_info", "1; the versions of what runs.", ["version", "python", "torch"], registry=registry
        )
        build.labels(version("verso"), platform.python_version(), version("torch")).set(1)


class _EngineMetrics:
    """Metrics by engine: one bundle on one device."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._all: list[MetricWrapperBase] = []

        def counter(name: str, text: str, *labels: str) -> Counter:
            self._all.append(made := Counter(name, text, [*_LABELS, *labels], registry=registry))
            return made

        def histogram(name: str, text: str, buckets: Iterable[float]) -> Histogram:
            self._all.append(made := Histogram(name, text, _LABELS, buckets=tuple(buckets), registry=registry))
            return made

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            self._all.append(made := Gauge(name, text, [*_LABELS, *labels], registry=registry))
            return made

        self.info = gauge("verso_model_info", "1 for each loaded bundle.")
        self.load = gauge("verso_model_load_seconds", "Loading and warming up a bundle.")
        self.memory = gauge("verso_model_memory_bytes", "Memory of a bundle, by an upper estimate.")
        self.healthy = gauge("verso_engine_healthy", "1 if the engine can be expected to answer.")
        self.running = gauge("verso_segments_running", "Segments in decoder slots.")
        self.waiting = gauge("verso_segments_waiting", "Segments in the queue.", "priority")
        self.waiting_tokens = gauge("verso_tokens_waiting", "Source tokens in the queue.", "priority")
        self.hypotheses = gauge("verso_hypotheses_running", "Beams of the segments in slots, added up.")
        self.rows = gauge("verso_decoder_rows", "Hypotheses that the decoder holds at most.")
        self.segments = counter("verso_segments", "Segments by how they ended.", "outcome")
        self.rejected = counter("verso_segment_rejections", "Segments that were not queued.", "reason")
        self.source_tokens = counter("verso_source_tokens", "Source tokens of answered segments.")
        self.target_tokens = counter("verso_target_tokens", "Target tokens of answered segments.")
        self.restarts = counter("verso_decoder_restarts", "Times the decoder failed and was rebuilt.")
        self.continued = counter(
            "verso_prefixes_continued", "Segments that went on from where an earlier one had come to with their prefix."
        )
        self.queue = histogram("verso_segment_queue_seconds", "Waiting for a slot, if decoded.", LATENCY_S)
        self.first = histogram(
            "verso_segment_first_token_seconds", "From submission to the first decoding step, if decoded.", LATENCY_S
        )
        self.decode = histogram("verso_segment_decode_seconds", "In a slot, if decoded.", LATENCY_S)
        about = "Encoding segments together, steps of others between, and giving them slots."
        self.encode = histogram("verso_encode_seconds", about, LATENCY_S)
        self.encoded = histogram("verso_encode_segments", "Segments encoded together.", _COUNTS)
        self.step = histogram("verso_decoder_step_seconds", "One batched decoding step.", _STEP_S)
        self.live = histogram("verso_decoder_step_segments", "Segments in a decoding step.", _COUNTS)
        self.beam = histogram("verso_segment_beam_size", "Beams of answered segments.", _COUNTS[:6])
        self.source_length = histogram("verso_segment_source_tokens", "Source lengths of answered segments.", _TOKENS)
        self.target_length = histogram("verso_segment_target_tokens", "Target lengths of answered segments.", _TOKENS)

    def forget(self, identity: EngineIdentity) -> None:
        """Drop all that is labelled with that engine."""
        for metric in self._all:
            metric.remove_by_labels(dict(zip(_LABELS, _labels(identity), strict=True)))


class EngineMetricsObserver(EngineObserver):
    """Counts."""

    def __init__(self, metrics: _EngineMetrics, identity: EngineIdentity, recent: Recent) -> None:
        self._metrics = metrics
        self._recent = recent
        self._labels = labels = _labels(identity)
        for outcome in get_args(Outcome):
            metrics.segments.labels(*labels, outcome)
        for reason in get_args(Rejection):
            metrics.rejected.labels(*labels, reason)
        for metric in (metrics.restarts, metrics.source_tokens, metrics.target_tokens, metrics.continued):
            metric.labels(*labels)

    def segment_finished(self, report: SegmentReport) -> None:
        """Counts the segment, its tokens and its times."""
        metrics, labels = self._metrics, self._labels
        metrics.segments.labels(*labels, report.outcome).inc()
        if report.outcome in _ANSWERED:
            metrics.source_tokens.labels(*labels).inc(report.source_tokens)
            metrics.target_tokens.labels(*labels).inc(report.target_tokens)
            metrics.source_length.labels(*labels).observe(report.source_tokens)
            metrics.target_length.labels(*labels).observe(report.target_tokens)
            metrics.beam.labels(*labels).observe(report.beam_size)
            self._recent.note(Work(segments=1, source_tokens=report.source_tokens, target_tokens=report.target_tokens))
        if report.outcome == "decoded":
            metrics.queue.labels(*labels).observe(report.timings.queue_s)
            metrics.first.labels(*labels).observe(report.timings.first_step_s)
            metrics.decode.labels(*labels).observe(report.timings.decode_s)

    def segment_rejected(self, reason: Rejection, segments: int) -> None:
        """Counts the refused segments."""
        self._metrics.rejected.labels(*self._labels, reason).inc(segments)

    def admitted(self, segments: int, duration_s: float, continued: int) -> None:
        """Measures the encoding, and counts prefixes that were continued."""
        self._metrics.continued.labels(*self._labels).inc(continued)
        self._metrics.encode.labels(*self._labels).observe(duration_s)
        self._metrics.encoded.labels(*self._labels).observe(segments)

    def step(self, live_segments: int, duration_s: float) -> None:
        """Measures the step."""
        self._metrics.step.labels(*self._labels).observe(duration_s)
        self._metrics.live.labels(*self._labels).observe(live_segments)

    def restarted(self) -> None:
        """Counts the restart."""
        self._metrics.restarts.labels(*self._labels).inc()


_LABELS = ("model", "version", "device")


def _labels(identity: EngineIdentity) -> tuple[str, str, str]:
    return identity.model, identity.version, identity.device


def _waiting_segments(health: Callable[[], EngineHealth], priority: Priority) -> int:
    return health().waiting[priority].segments


def _waiting_tokens(health: Callable[[], EngineHealth], priority: Priority) -> int:
    return health().waiting[priority].tokens
