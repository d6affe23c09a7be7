"""What clients of a cluster talk to: gives each request to a replica, and to another one if that dies with it.

A translation depends on nothing but its request, so asking again does no harm; what is counted (a quota, a suggestion)
may then be counted twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest
from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, WorkerCrashedError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.admission import SecurityHeaders
from service.api.answer_status import CLIENT_LEFT
from service.api.body_limits import check_declared, limited, most_bytes
from service.api.error_handlers import INTERNAL, Problem, http_problem, render, service_problem, statuses
from service.api.libretranslate.cors import LibreTranslateCors
from service.api.middleware import with_one_slash
from service.api.request_log import log_answer
from service.api.routes import route_of
from service.cluster.merged_metrics import merged
from service.cluster.messages import Answered, Asked, Files
from service.downloads import Downloads
from service.errors import EngineUnavailableError
from service.request_metrics import RequestMetrics
from service.server import CLOSE_S
from service.settings import Settings
from service.telemetry import begin_request, configure_logging

logger = logging.getLogger(__name__)

# The last: an answer that lay on a node which died.
_REPLICA_LOST = (RayActorError, WorkerCrashedError, NodeDiedError, ReplicaUnavailableError, ObjectLostError)
# Where no replica has answered: what a client is told of it.
_UNANSWERED: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((TimeoutError,), "no replica has answered in time"),
    ((BackPressureError,), "too many requests wait for a replica"),
    ((DeploymentUnavailableError,), "no replica could be started"),
    (_REPLICA_LOST, "a replica was lost while it was asked"),
)
# What one replica remembers and another one asked for it would not know.
_NOT_HERE = {
    "/v1/admin": "there is no admin API in a cluster: replicas follow the store (VERSO_WATCH_S)",
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
_LOOK_S = 0.05
# Ray Serve's own server writes them. The id is the one that it has given the request, if the client has not.
_WRITTEN_BY_SERVE = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"x-request-id"})


class Front:
    """One of the processes that the cluster's HTTP server asks."""

    def __init__(self, replicas: DeploymentHandle, settings: Settings) -> None:
        self._replicas = replicas
        self._settings = settings
        self._not_here = _NOT_HERE if settings.glossaries_file else {**_NOT_HERE, "/v1/glossaries": _NO_GLOSSARIES}
        self._downloads = Downloads()
        self._calls: set[asyncio.Timeout] = set()
        self._registry = CollectorRegistry()
        self._own = RequestMetrics(self._registry)
        self._own.watch(statuses())
        configure_logging(settings.log_level)

    async def __call__(self, request: Request) -> Response:
        """The answer of a replica, or why there is none; only that is in the front's own log and metrics."""
        request = Request(with_one_slash(request.scope), request.receive)
        begin_request(request.headers.get("x-request-id"))
        started = time.monotonic()
        answer = await self._replica_answer(request)
        if isinstance(answer, Answered):
            return _response(answer)
        route, duration_s = route_of(request.scope), time.monotonic() - started
        self._own.finished(route=route, pair="", status=answer.status_code, duration_s=duration_s)
        log_answer(request.method, route, answer.status_code, duration_s)
        return answer

    async def _replica_answer(self, request: Request) -> Answered | Response:
        """What a replica has answered; a response of the front's own if none has."""
        path = request.scope["path"]
        for part, message in self._not_here.items():
            if f"{path}/".startswith(f"{part}/"):
                return self._refused(path, Problem(403, "forbidden", message))
        try:
            asked = _asked(request, await self._body(request), self._files(path))
        except ClientDisconnect:
            return Response(status_code=CLIENT_LEFT)
        except HTTPException as error:
            return self._refused(path, http_problem(error), error.headers)
        call = asyncio.timeout(_PROBE_S if path in _PROBES else self._settings.request_timeout_s + _SLACK_S)
        self._calls.add(call)
        try:
            async with call:
                answered = await (self._metrics(asked) if path == "/metrics" else self._answer(asked))
        except Exception as error:
            return self._refused(path, _problem(error))
        finally:
            self._calls.remove(call)
        for key, file in answered.files:
            self._downloads.keep(key, file)
        return answered

    async def drain(self) -> None:
        """Have new work refused by the replicas, as a process by itself does; returns when all else is answered, by the
        front itself after VERSO_DRAIN_S seconds, and the answers have left."""
        try:
            async with asyncio.timeout(self._settings.drain_s):
                with contextlib.suppress(*_REPLICA_LOST):
                    await self._replicas.broadcast("drain").results_async()
                while self._calls:
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            for call in self._calls:
                if not call.expired():
                    call.reschedule(asyncio.get_running_loop().time())
        await asyncio.sleep(CLOSE_S)  # the HTTP server of Ray Serve does not wait for them

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

    async def _metrics(self, asked: Asked) -> Answered:
        """Those of all replicas and the front's own, told apart by a label; the answer of a replica that refuses."""
        answers: Sequence[Answered] = await self._replicas.broadcast("answer", asked).results_async()
        if not answers:
            raise EngineUnavailableError("no replica is running")
        refused = next((each for each in answers if each.status != 200), None)
        texts = {each.replica: each.body.decode() for each in answers}
        texts["front"] = generate_latest(self._registry).decode()
        return refused or replace(answers[0], body=merged(texts))

    async def _body(self, request: Request) -> bytes:
        """The whole body. Raises HTTPException where the body is refused, ClientDisconnect."""
        most = most_bytes(request.scope["path"], self._settings)
        check_declared(request.scope, most)
        return await Request(request.scope, limited(request.receive, most, self._settings.body_timeout_s)).body()

    def _files(self, path: str) -> Files:
        key = path.removeprefix(_DOWNLOAD)
        file = self._downloads.get(key) if key != path else None
        return ((key, file),) if file else ()

    def _refused(self, path: str, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
        self._own.rejected(problem.type)
        response = render(path, problem)
        response.headers.update(headers or {})
        return _OwnAnswer(response, self._settings.cors_origins)


class _OwnAnswer(Response):
    """An answer that no replica gave, with the headers that the middleware of the app would have given it."""

    def __init__(self, response: Response, origins: Sequence[str]) -> None:
        self.status_code = response.status_code
        self._app = SecurityHeaders(LibreTranslateCors(response, origins=origins))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        await self._app(scope, receive, send)


def _problem(error: Exception) -> Problem:
    """What a client is told where no replica has answered."""
    if isinstance(error, EngineUnavailableError):
        return service_problem(error)
    why = next((why for kinds, why in _UNANSWERED if isinstance(error, kinds)), None)
    if why is None:
        logger.error("a request could not be handed to a replica", exc_info=error)
        return INTERNAL
    return service_problem(EngineUnavailableError(why))


def _asked(request: Request, body: bytes, files: Files) -> Asked:
    scope = request.scope
    client = scope.get("client") or ("", 0)
    # Ray Serve's own server sends no body for HEAD, but the length of the one that GET has.
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    return Asked(
        method=method,
        scheme=scope["scheme"],
        path=scope["path"],
        query=scope["query_string"],
        headers=tuple(request.headers.raw),
        body=body,
        client=(client[0], client[1]),
        files=files,
    )


def _response(answered: Answered) -> Response:
    response = Response(answered.body, answered.status)  # with a length, where the status allows one
    response.raw_headers.extend(
        (name, value) for name, value in answered.headers if name.lower() not in _WRITTEN_BY_SERVE
    )
    return response
