"""The service as an application of Ray Serve: `verso serve --ray`, or `serve deploy deploy/ray/serve.yml`."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator

from ray import serve
from ray.exceptions import RayError
from ray.serve.config import (
    AutoscalingConfig,
    AutoscalingPolicy,
    ControllerOptions,
    HTTPOptions,
    ProxyLocation,
)
from ray.serve.schema import ApplicationStatus, LoggingConfig

from service.cluster.connection import cluster_error, connected
from service.cluster.front import Front
from service.cluster.replica import Replica
from service.cluster.scaling import SegmentsInHand
from service.native_libraries import DEFAULTS
from service.settings import Settings, read_settings

NAME = "verso"
# The engines have queues of their own, which refuse with a reason; this one only has to be longer.
_MOST_REQUESTS = 10_000
# The HTTP server of Ray Serve has five seconds to start, three times, and on a busy machine needs more.
_PATIENCE = {"RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60"}
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
    """Deploy to the cluster that Ray is connected to; returns when requests are answered.

    Raises:
        ClusterError: it does not come to that.
    """
    http = HTTPOptions(host=settings.host, port=settings.port, keep_alive_timeout_s=settings.keep_alive_s)
    try:
        serve.start(
            proxy_location=ProxyLocation.HeadOnly,
            http_options=http,
            controller_options=ControllerOptions(runtime_env={"env_vars": _PATIENCE}),
        )
        serve.run(application(settings), name=NAME, route_prefix="/")
    except (RayError, RuntimeError, TimeoutError) as error:
        raise cluster_error(error, _fault_of_a_deployment()) from error


def _fault_of_a_deployment() -> str:
    """What Ray Serve says of one that did not start: the application's own message only tells its name."""
    application = serve.status().applications.get(NAME)
    deployments = application.deployments.values() if application else ()
    return next((each.message for each in deployments if each.message), "")


def serve_on_ray(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C: from then on new work is refused, and what was accepted finished, for at most
    VERSO_DRAIN_S seconds. A second signal ends that.

    Raises:
        ClusterError: there is no cluster, or it cannot serve.
    """
    with contextlib.suppress(KeyboardInterrupt), connected(settings, logging.INFO), _serve_as_it_was():
        for each in (signal.SIGTERM, signal.SIGINT):  # after Ray, which has a handler of its own
            signal.signal(each, signal.default_int_handler)
        try:
            start(settings)
            threading.Event().wait()
        except KeyboardInterrupt:
            _drain()


def _drain() -> None:
    """Returns when the front is drained, if there is one yet: requests are answered a little before start() returns."""
    application = serve.status().applications.get(NAME)
    if application and application.status == ApplicationStatus.RUNNING:
        serve.get_app_handle(NAME).drain.remote().result()


@contextlib.contextmanager
def _serve_as_it_was() -> Iterator[None]:
    """Takes the application out of the cluster at the end; and Ray Serve, with its HTTP server, if it was not there
    before and nothing else is served by it now."""
    there = bool(serve.status().proxies)
    try:
        yield
    finally:
        if there or set(serve.status().applications) - {NAME}:
            serve.delete(NAME)
        else:
            serve.shutdown()  # at once, since between the two its server answers that there is no such path
