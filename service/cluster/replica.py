"""One replica in a Ray cluster: the app with its engines, asked in its own process."""

from __future__ import annotations

import asyncio
import contextlib
import json
from urllib.parse import unquote

from ray import serve

from service.api.dependencies import Services
from service.app import create_app
from service.cluster.in_process import ask
from service.cluster.messages import TRANSLATE_FILE, Answered, Asked, Files
from service.errors import EngineUnavailableError
from service.memory import keep_for_good
from service.settings import Settings
from service.telemetry import configure_logging

_LOOK_S = 0.05


class Replica:
    """Ray Serve makes it, asks for its health, counts what it has in hand, and lets it finish before it ends."""

    async def __init__(self, settings: Settings) -> None:  # type: ignore[misc] # which Serve awaits
        """Returns when the models are loaded: until then nobody is sent here.

        Raises:
            EngineUnavailableError: they cannot be.
        """
        self._running = contextlib.AsyncExitStack()
        configure_logging(settings.log_level)
        self._replica = serve.get_replica_context().replica_id.unique_id
        self._app = create_app(settings)
        services = self._app.state.services
        assert isinstance(services, Services)
        self._models, self._downloads = services.models, services.downloads
        await self._running.enter_async_context(self._app.router.lifespan_context(self._app))
        while self._models.loading:
            await asyncio.sleep(_LOOK_S)
        if reasons := self._models.unready():
            await self._running.aclose()
            raise EngineUnavailableError("; ".join(reasons))
        keep_for_good()

    async def answer(self, asked: Asked) -> Answered:
        """The app's answer. If nobody waits for it any more this is cancelled, and with it what it decodes."""
        for key, file in asked.files:
            self._downloads.keep(key, file)
        status, headers, body = await ask(self._app, asked)
        files = self._made(body) if asked.path == TRANSLATE_FILE and status == 200 else ()
        return Answered(status, headers, body, self._replica, files)

    def drain(self) -> None:
        """Refuse new work, and say so on /readyz, as a process by itself after SIGTERM."""
        self._models.draining = True

    def _made(self, body: bytes) -> Files:
        """The file that such an answer tells of."""
        key = unquote(json.loads(body)["translatedFileUrl"].rpartition("/")[2])
        file = self._downloads.get(key)
        return ((key, file),) if file else ()

    def check_health(self) -> None:
        """Raises EngineUnavailableError for what only a new process can mend; Serve then makes one."""
        if lost := self._models.lost():
            raise EngineUnavailableError("; ".join(lost))

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What cluster/scaling.py goes by: segments that run or wait."""
        healths = [model.engine.health() for model in self._models.lineup.loaded]
        return {"segments": float(sum(health.live + health.queued for health in healths))}

    async def __del__(self) -> None:  # Serve awaits it once the last request is answered
        await self._running.aclose()
