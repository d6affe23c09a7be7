"""`verso translate --ray`: lines of files through the bundles of many machines, by Ray Data, in their order.

The lines go from this machine into Ray's store of objects in blocks, a block is translated by one of a pool of actors,
each of which has loaded the bundles once, and the blocks come back in order. A block whose actor or node dies is
translated by another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Sequence

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext

from model_store.errors import ModelStoreError
from service.bulk.command import TranslateCommand
from service.bulk.daemon_thread import in_daemon_thread
from service.bulk.in_flight_lines import Batch, Translated, Translating, batches
from service.bulk.input_lines import Line
from service.cluster.connection import cluster_error, connected
from service.errors import ClusterError, ServiceError
from service.loading import find_bundles
from service.native_libraries import DEFAULTS
from service.offline import translating_offline
from service.settings import Settings
from service.telemetry import silence_logging

# A block is one call of an actor. The decoder drains at its end, and as many lines are done again if the actor dies.
BLOCK_LINES = 256
# What is in Ray's store at a time, so that a file may be larger than it.
WINDOW_BLOCKS = 2048


class BlockTranslator:
    """An actor of the pool: the bundles in memory, from the first block on, and an event loop in a thread for them."""

    def __init__(self, settings: Settings, command: TranslateCommand) -> None:
        silence_logging()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="verso-bulk", daemon=True).start()
        self._opener = translating_offline(settings, command)
        self._open: Translating | None = None

    def __call__(self, block: pa.Table) -> pa.Table:
        """Columns number and text -> number, text, warnings and error.

        What cannot be translated says so in every row of its block: an exception is lost among words of Ray.
        """
        try:
            coming = self._translated(block["text"].to_pylist())
            done, error = asyncio.run_coroutine_threadsafe(coming, self._loop).result(), None
        except (ServiceError, ModelStoreError) as raised:
            done, error = [Translated("", ())] * len(block), str(raised)
        return pa.table(
            {
                "number": block["number"],
                "text": pa.array([each.text for each in done], pa.string()),
                "warnings": pa.array([list(each.warnings) for each in done], pa.list_(pa.string())),
                "error": pa.array([error] * len(block), pa.string()),
            }
        )

    async def _translated(self, texts: Sequence[str]) -> list[Translated]:
        if self._open is None:
            self._open = await self._opener.__aenter__()  # for as long as the actor lives
        lines = iter([Line(text, "") for text in texts])
        return [each async for batch in self._open.lines(lines, BLOCK_LINES) for each in batch.translations]


@contextlib.asynccontextmanager
async def translating_on_ray(settings: Settings, command: TranslateCommand) -> AsyncIterator[Translating]:
    """Translates on the cluster that VERSO_RAY_ADDRESS or RAY_ADDRESS names, else on one of this machine alone, by
    VERSO_RAY_MIN_REPLICAS to VERSO_RAY_MAX_REPLICAS actors of VERSO_THREADS cores each.

    Raises:
        ModelStoreError: no bundle, or a broken one. ClusterError: there is no cluster at that address.
    """
    by = tuple(map(str, find_bundles(settings)))
    # All of them the same, whatever comes into the store meanwhile.
    pinned = settings.model_copy(update={"default_models": by})
    with connected(settings, logging.ERROR):
        _quiet()
        yield Translating(lambda lines, most: _lines(lines, pinned, command), by)


async def _lines(lines: Iterator[Line], settings: Settings, command: TranslateCommand) -> AsyncIterator[Batch]:
    """Window after window; the iterators of Ray and of files block, so each step is taken in a thread."""
    blocks = batches(lines, BLOCK_LINES)
    while window := await in_daemon_thread(lambda: list(itertools.islice(blocks, WINDOW_BLOCKS))):
        translated = _translated(window, settings, command)
        while (batch := await asyncio.to_thread(next, translated, None)) is not None:
            yield batch


def _translated(window: Sequence[tuple[Line, ...]], settings: Settings, command: TranslateCommand) -> Iterator[Batch]:
    """The blocks of a window, in order.

    Raises:
        ClusterError: a block could not be translated, or Ray has given up.
    """
    lines = [line for block in window for line in block]
    done = 0
    try:
        for table in _dataset(window, settings, command).iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=0
        ):
            rows = table.to_pylist()
            if [row["number"] for row in rows] != list(range(done, done + len(rows))):
                raise ClusterError(f"lines from number {done} on came back in another order")
            if error := next((row["error"] for row in rows if row["error"] is not None), None):
                raise ClusterError(error)
            own = tuple(lines[done : done + len(rows)])
            done += len(rows)
            yield Batch(own, tuple(Translated(row["text"], tuple(row["warnings"])) for row in rows))
    except ray.exceptions.RayError as error:
        raise cluster_error(error) from error
    if done != len(lines):
        raise ClusterError(f"{len(lines) - done} of {len(lines)} lines did not come back")


def _dataset(window: Sequence[tuple[Line, ...]], settings: Settings, command: TranslateCommand) -> ray.data.Dataset:
    """What Ray Data is to do; numbers are the lines' places in the window."""
    tables, first = [], 0
    for block in window:
        numbers = pa.array(range(first, first + len(block)), pa.int64())
        tables.append(pa.table({"number": numbers, "text": pa.array([line.text for line in block], pa.string())}))
        first += len(block)
    most = max(settings.ray_max_replicas, settings.ray_min_replicas)
    return ray.data.from_arrow(tables).map_batches(
        BlockTranslator,
        fn_constructor_args=(settings, command),
        batch_size=None,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(
            min_size=min(settings.ray_min_replicas, len(window)), max_size=min(most, len(window))
        ),
        num_cpus=settings.threads,
        num_gpus=settings.ray_replica_gpus,
        runtime_env={"env_vars": DEFAULTS},
    )


def _quiet() -> None:
    """Ray's bars and its account of how it goes about it are not for who waits for a file."""
    context = DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
