"""The Ray cluster that a command works on: the one that VERSO_RAY_ADDRESS or RAY_ADDRESS names, else one of this
machine alone, which ends with the command."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator

import ray
from ray.exceptions import RayError

from service.errors import ClusterError
from service.settings import Settings

_ONE_HERE = "local"
_REACH_S = 5.0


@contextlib.contextmanager
def connected(settings: Settings, logging_level: int) -> Iterator[None]:
    """Connected to it.

    Raises:
        ClusterError: there is none at that address, or it is lost.
    """
    # Without any, Ray would take a cluster that somebody has started on this machine.
    address = settings.ray_address or os.environ.get("RAY_ADDRESS") or _ONE_HERE
    try:
        _reach(address)
        ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging_level)
    except Exception as error:  # of many kinds; that a node does not start in time is Exception itself
        if address == _ONE_HERE:
            raise cluster_error(error) from error
        name = "VERSO_RAY_ADDRESS" if settings.ray_address else "RAY_ADDRESS"
        allowed = "host:port of a Ray cluster, auto for one on this machine, or empty to start one here"
        raise ClusterError(
            f"{name}: {address!r} cannot be connected to: {str(error).rstrip('.')}; allowed: {allowed}"
        ) from error
    try:
        if not any(node["Alive"] and node["Resources"].get("CPU", 0) >= settings.threads for node in ray.nodes()):
            print(f"verso: waiting for a node with {settings.threads} cores (VERSO_THREADS)", file=sys.stderr)
        yield
    except RayError as error:
        raise cluster_error(error) from error
    finally:
        ray.shutdown()


def cluster_error(error: Exception, said: str = "") -> ClusterError:
    """What Ray says in pages, in one line. said: what it says elsewhere, if it says more there."""
    lines = (said or str(error)).strip().splitlines()
    return ClusterError(f"Ray: {type(error).__name__}: {lines[-1] if lines else 'and no more'}")


def _reach(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself tries for minutes, in which nothing interrupts it."""
    host, _, port = address.rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), _REACH_S).close()
