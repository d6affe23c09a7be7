"""Metrics of several processes as those of one, each sample labelled with whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


def merged(texts: Mapping[str, str]) -> bytes:
    """texts: in Prometheus's format, by what their samples get as the label `replica`."""
    registry = CollectorRegistry()
    registry.register(_Merged(texts))
    return generate_latest(registry)


class _Merged(Collector):
    def __init__(self, texts: Mapping[str, str]) -> None:
        self._families: dict[str, Metric] = {}
        for replica, text in texts.items():
            for family in text_string_to_metric_families(text):
                known = self._families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type, family.unit)
                )
                for sample in family.samples:
                    known.add_sample(sample.name, {**sample.labels, "replica": replica}, sample.value)

    def collect(self) -> Iterator[Metric]:
        """One family for all processes."""
        yield from self._families.values()
