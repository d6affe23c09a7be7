"""What the service takes of the machine, as Prometheus metrics: read whenever somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.gpus import gpu_memory
from service.process_tree import ProcessTree


class GpuMemoryCollector(Collector):
    """Memory of the GPUs that this process computes on; without one there is no such metric."""

    def collect(self) -> Iterator[Metric]:
        """Read now."""
        devices = gpu_memory()
        if devices:
            text = "Memory of a GPU: allocated for tensors, reserved by this process, used by anyone, all there is."
            family = GaugeMetricFamily("verso_gpu_memory_bytes", text, labels=["device", "kind"])
            for each in devices:
                family.add_metric([each.device, "allocated"], each.allocated)
                family.add_metric([each.device, "reserved"], each.reserved)
                family.add_metric([each.device, "used"], each.used)
                family.add_metric([each.device, "total"], each.total)
            yield family


class ProcessTreeCollector(Collector):
    """What all processes of the service take together; prometheus_client's own metrics are of this process alone. Where
    the system does not tell, there are none."""

    def __init__(self) -> None:
        self._tree = ProcessTree()

    def collect(self) -> Iterator[Metric]:
        """Read now, or a moment ago."""
        if (memory := self._tree.memory_bytes()) is not None:
            text = "Memory of all processes of the service; what several share counts once."
            yield GaugeMetricFamily("verso_memory_bytes", text, value=memory)
        if (cpu_s := self._tree.cpu_s()) is not None:
            text = "CPU time of all processes of the service, those that have ended too."
            yield CounterMetricFamily("verso_cpu_seconds", text, value=cpu_s)
