"""What clients of a cluster talk to: gives each request to a replica, and to another one if that dies with it.

A translation depends on nothing but its request, so asking again does no harm; what is counted (a quota, a suggestion)
may then be counted twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence

from ray.exceptions import NodeDiedError, RayActorError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import Response

from service.api.body_limits import most_bytes
from service.api.error_handlers import Problem, render
from service.cluster.merged_metrics import merged
from service.cluster.messages import Answered, Asked, Files
from service.downloads import Downloads
from service.settings import Settings

logger = logging.getLogger(__name__)

_REPLICA_LOST = (RayActorError, WorkerCrashedError, NodeDiedError, ReplicaUnavailableError)
# What one replica remembers and another one asked for it would not know.
_NOT_HERE = {
    "/v1/admin/": "there is no admin API in a cluster: replicas follow the store (VERSO_WATCH_S)",
    "/v1/documents": "documents are no jobs in a cluster: POST /translate_file translates one while you wait",
}
_NO_GLOSSARIES = "no glossaries are kept: VERSO_GLOSSARIES_FILE is not set; send the terms with each request"
_DOWNLOAD = "/download_file/"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
# A replica keeps to the request's own limit; the rest is for finding another replica, or for one to start.
_SLACK_S = 30.0
# Who asks these wants to know now.
_PROBES = ("/livez", "/readyz", "/metrics", "/health", "/v1/status")
_PROBE_S = 5.0
_RETRY_S = 5.0
# Ray Serve's own server writes them. The id is the one that it has given the request, if the client has not.
_WRITTEN_BY_SERVE = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"x-request-id"})


class Front:
    """One of the processes that the cluster's HTTP server asks."""

    def __init__(self, replicas: DeploymentHandle, settings: Settings) -> None:
        self._replicas = replicas
        self._settings = settings
        self._not_here = _NOT_HERE if settings.glossaries_file else {**_NOT_HERE, "/v1/glossaries": _NO_GLOSSARIES}
        self._downloads = Downloads()

    async def __call__(self, request: Request) -> Response:
        """The answer of a replica, or why there is none."""
        path = request.scope["path"]
        for prefix, message in self._not_here.items():
            if path.startswith(prefix):
                return render(path, Problem(403, "forbidden", message))
        body = await self._body(request)
        if isinstance(body, Problem):
            return render(path, body)
        try:
            async with asyncio.timeout(_PROBE_S if path in _PROBES else self._settings.request_timeout_s + _SLACK_S):
                asked = _asked(request, body, self._files(path))
                if path == "/metrics":
                    return await self._metrics(asked)
                answered = await self._answer(asked)
                for key, file in answered.files:
                    self._downloads.keep(key, file)
                return _response(answered)
        except TimeoutError:
            return render(path, Problem(503, "unavailable", "no replica has answered in time", None, _RETRY_S))
        except (BackPressureError, DeploymentUnavailableError) as error:
            return render(path, Problem(503, "unavailable", str(error), None, _RETRY_S))

    async def _answer(self, asked: Asked) -> Answered:
        """Ask until a replica lives long enough to answer."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                answered = await self._replicas.answer.remote(asked)
                assert isinstance(answered, Answered)
                return answered
            except _REPLICA_LOST as error:
                logger.warning(
                    "a replica was lost with a request, which another one is asked: %s", type(error).__name__
                )
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _files(self, path: str) -> Files:
        key = path.removeprefix(_DOWNLOAD)
        file = self._downloads.get(key) if key != path else None
        return ((key, file),) if file else ()

    async def _metrics(self, asked: Asked) -> Response:
        """Those of all replicas, told apart by a label."""
        answers: Sequence[Answered] = await self._replicas.broadcast("answer", asked).results_async()
        refused = next((each for each in answers if each.status != 200), None)
        if refused is not None:
            return _response(refused)
        content = merged({each.replica: each.body.decode() for each in answers})
        return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _body(self, request: Request) -> bytes | Problem:
        """The whole body; it is refused as soon as it is known to be too large."""
        most = most_bytes(request.url.path, self._settings)
        too_large = Problem(413, "too_large", f"body: more than {most} bytes; allowed: 0..{most}", "body")
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > most:
            return too_large
        parts = bytearray()
        async for part in request.stream():
            parts += part
            if len(parts) > most:
                return too_large
        return bytes(parts)


def _asked(request: Request, body: bytes, files: Files) -> Asked:
    scope = request.scope
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    path = scope.get("raw_path") or scope["path"].encode()
    client = scope.get("client") or ("", 0)
    headers = tuple(request.headers.raw)
    # Ray Serve's own server sends no body for HEAD, but the length of the one that GET has.
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return Asked(method, scope["scheme"], path + query, headers, body, (client[0], client[1]), files)


def _response(answered: Answered) -> Response:
    response = Response(answered.body, answered.status)
    response.raw_headers = [
        (b"content-length", str(len(answered.body)).encode()),
        *((name, value) for name, value in answered.headers if name.lower() not in _WRITTEN_BY_SERVE),
    ]
    return response
