"""The service as an application of Ray Serve: `verso serve --ray`, or `serve deploy deploy/ray/serve.yml`."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, HTTPOptions, ProxyLocation
from ray.serve.schema import LoggingConfig

from service.cluster.front import Front
from service.cluster.replica import Replica
from service.cluster.scaling import SegmentsInHand
from service.native_libraries import DEFAULTS
from service.settings import Settings, read_settings

NAME = "verso"
# The engines have queues of their own, which refuse with a reason; this one only has to be longer.
_MOST_REQUESTS = 10_000
# Ray gives it to the head node by itself. The front is there because it must outlive the others: without the head there
# is no cluster anyway.
_ON_THE_HEAD = {"node:__internal_head__": 0.001}


def application(settings: Settings) -> serve.Application:
    """The front, and replicas behind it, each with VERSO_THREADS cores."""
    quiet = LoggingConfig(enable_access_log=False)  # the app writes one, without queries in it
    replicas = serve.deployment(Replica).options(
        name="replica",
        max_ongoing_requests=_MOST_REQUESTS,
        graceful_shutdown_timeout_s=settings.drain_s,
        health_check_period_s=5,
        logging_config=quiet,
        ray_actor_options={
            "num_cpus": settings.threads,
            "num_gpus": settings.ray_replica_gpus,
            "runtime_env": {"env_vars": DEFAULTS},
        },
        autoscaling_config=AutoscalingConfig(
            min_replicas=settings.ray_min_replicas,
            max_replicas=max(settings.ray_max_replicas, settings.ray_min_replicas),
            upscale_delay_s=10,
            downscale_delay_s=300,
            look_back_period_s=15,
            policy=AutoscalingPolicy(
                policy_function=f"{SegmentsInHand.__module__}:{SegmentsInHand.__name__}",
                policy_kwargs={"per_replica": settings.ray_segments_per_replica},
            ),
        ),
    )
    front = serve.deployment(Front).options(
        name="front",
        num_replicas=1,
        max_ongoing_requests=_MOST_REQUESTS,
        graceful_shutdown_timeout_s=settings.drain_s,
        logging_config=quiet,
        ray_actor_options={"num_cpus": 0, "resources": _ON_THE_HEAD},
    )
    # Models change by the store: through an API one replica alone would. The file of documents is one process's.
    each = settings.model_copy(update={"admin_key": "", "documents_file": ""})
    return front.bind(replicas.bind(each), settings)


def build(_arguments: dict[str, str]) -> serve.Application:
    """The application of the settings that the environment makes: what `serve deploy` imports."""
    return application(read_settings())


def start(settings: Settings) -> None:
    """Deploy to the cluster that Ray is connected to; returns when requests are answered."""
    http = HTTPOptions(host=settings.host, port=settings.port, keep_alive_timeout_s=settings.keep_alive_s)
    serve.start(proxy_location=ProxyLocation.HeadOnly, http_options=http)
    serve.run(application(settings), name=NAME, route_prefix="/")


def serve_on_ray(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C, which lets replicas finish what they have.

    The cluster is the one that VERSO_RAY_ADDRESS or RAY_ADDRESS names, else one of this machine alone, which ends too.
    """
    ray.init(address=settings.ray_address or None, include_dashboard=False, log_to_driver=False)
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)
    start(settings)
    ended.wait()
    serve.delete(NAME)
    ray.shutdown()
