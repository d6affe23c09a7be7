"""The engine's async face: submit, share, cache, cancel, drain, health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model_store.decoding.segment import Segment
from service.engine.decoder import DecoderFactory
from service.engine.segment import Priority, SegmentResult
from service.engine.stats import EngineHealth, EngineObserver, NullObserver


@dataclass(frozen=True)
class EngineSettings:
    """Bounds of the engine.

    max_queued_segments, max_queued_tokens: what may wait for a slot, in segments and in source tokens, per priority
        class, so that bulk work cannot shut interactive work out. cache_entries: exact results kept; 0 keeps none.
    unhealthy_after_failures: failures of the decoder in a row after which the engine counts as unhealthy.
    """

    max_queued_segments: int = 2000
    max_queued_tokens: int = 60_000
    cache_entries: int = 10_000
    unhealthy_after_failures: int = 3


class Engine:
    """One decoder, its thread and its queue, used from one event loop."""

    def __init__(
        self,
        decoder_factory: DecoderFactory,
        settings: EngineSettings | None = None,
        observer: EngineObserver | None = None,
    ) -> None:
        self._decoder_factory = decoder_factory
        self._settings = settings or EngineSettings()
        self._observer = observer or NullObserver()

    def start(self) -> None:
        """Start the thread and build the decoder in it; returns when it is built, raises what its factory raised."""
        raise NotImplementedError

    async def submit_all(
        self,
        segments: Sequence[Segment],
        *,
        priority: Priority = Priority.INTERACTIVE,
        deadline_s: float | None = None,
    ) -> list[SegmentResult]:
        """Decode a group of segments; results in the same order.

        Raises:
            SegmentError: a source or beam that the decoder cannot take; nothing was queued.
            EngineOverloadedError: no room for the group; nothing was queued.
            EngineUnavailableError: not started, draining or stopped.
            EngineDeadlineError: not finished `deadline_s` seconds after submission.
            EngineFailedError: the decoder raised while it held one of the segments.
        """
        raise NotImplementedError

    def health(self) -> EngineHealth:
        """The state now."""
        raise NotImplementedError

    async def drain(self, timeout_s: float) -> bool:
        """Refuse new work and wait for what was accepted; whether all of it ended within `timeout_s` seconds."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop the thread; what had not ended fails with EngineUnavailableError."""
        raise NotImplementedError
