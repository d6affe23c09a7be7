"""Documents as metrics: how many wait and run, whether they get on, how they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# From a page to a book, behind everything that is interactive.
_SECONDS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)
OUTCOMES = ("done", "failed")


class DocumentMetrics:
    """Told by the jobs what becomes of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = Counter(
            "verso_documents", "Documents that were translated or failed.", ["format", "outcome"], registry=registry
        )
        self._segments = Counter("verso_document_segments", "Translated segments of documents.", registry=registry)
        self._seconds = Histogram(
            "verso_document_duration_seconds",
            "From the arrival of a document to its end, done or failed.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._waiting = Gauge("verso_documents_waiting", "Documents that no worker has taken up.", registry=registry)
        self._running = Gauge("verso_documents_running", "Documents that are being translated.", registry=registry)

    def watch(self, suffixes: Iterable[str], waiting: Callable[[], float], running: Callable[[], float]) -> None:
        """Which formats there are, whose counters start at zero; and whom to ask how many documents wait and run."""
        for suffix in suffixes:
            for outcome in OUTCOMES:
                self._ended.labels(suffix, outcome)
        self._waiting.set_function(waiting)
        self._running.set_function(running)

    def part_done(self, segments: int) -> None:
        """So many more segments are translated."""
        self._segments.inc(segments)

    def finished(self, suffix: str, outcome: str, duration_s: float) -> None:
        """A document of a known `suffix` has ended, in one of OUTCOMES, so long after it came."""
        self._ended.labels(suffix, outcome).inc()
        self._seconds.observe(duration_s)
