"""Answers to HTTP requests as metrics: how many, how fast, and why some were refused."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram

# From a cache hit to a long document; vLLM's own start at 0.3 s, which hides everything here.
LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class RequestMetrics:
    """What is told of every answer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "verso_requests", "Answered HTTP requests.", ["route", "pair", "status"], registry=registry
        )
        self._latency = Histogram(
            "verso_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ["route"],
            buckets=LATENCY_S,
            registry=registry,
        )
        self._rejections = Counter(
            "verso_request_rejections", "Requests that were refused or failed.", ["reason"], registry=registry
        )

    def watch(self, reasons: Iterable[str]) -> None:
        """Why requests may be refused: their counters start at zero."""
        for reason in reasons:
            self._rejections.labels(reason)

    def finished(self, *, route: str, pair: str, status: int, duration_s: float) -> None:
        """A request was answered, or its client went away (status 499)."""
        self._requests.labels(route, pair, str(status)).inc()
        self._latency.labels(route).observe(duration_s)

    def rejected(self, reason: str) -> None:
        """A request was refused or failed; `reason` is an error type of api/error_handlers.py."""
        self._rejections.labels(reason).inc()
