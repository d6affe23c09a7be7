"""How long does a start take: with compiled kernels to make first, and with those of an earlier start?

    python -m benchmarks.load_time [MODEL...] [--models STORE] [--threads 1] [--rounds 3]

Each start is a process of its own; the first of a round finds no compiled kernels (a folder of its own in
XDG_CACHE_HOME), the second one those of the first. MODEL: as VERSO_DEFAULT_MODELS; all that ship unless given. The last
line is one JSON object, with seconds of the clock and of the processor for: importing, loading and warming up all
models, as the service does before it is ready, and the first and the second request, of one sentence. There is no
fraction of a limit: a start imports, reads, packs and compiles, and products have no part in it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import machine, spread
from service.native_libraries import DEFAULTS

CHILD = "from benchmarks.load_time import start; start()"
Seconds = dict[str, dict[str, float]]  # of the clock and of the processor, by phase


def start() -> None:
    """In a process of its own; arguments: threads, the store, models. Prints seconds."""
    seconds: Seconds = {}

    def timed(phase: str, work: Callable[[], object]) -> None:
        began, used = time.perf_counter(), time.process_time()
        work()
        seconds[phase] = {"clock": time.perf_counter() - began, "processor": time.process_time() - used}

    timed("import", _imported)
    _load_and_ask(timed, int(sys.argv[1]), sys.argv[2], tuple(sys.argv[3:]))
    print(json.dumps(seconds))


def _imported() -> None:
    import service.app  # noqa: F401, what `verso serve` imports


def _load_and_ask(
    timed: Callable[[str, Callable[[], object]], None], threads: int, store: str, names: Sequence[str]
) -> None:
    import asyncio

    from service.loading import BundleLoader
    from service.metrics import Metrics
    from service.models import Models
    from service.pipeline.request import RequestLimits
    from service.pipeline.translate import Translator
    from service.pipeline.translation import TranslationRequest
    from service.settings import Settings

    settings = Settings(models=store, default_models=tuple(names), threads=threads, cache_entries=0)
    metrics = Metrics()
    models = Models(BundleLoader(settings, metrics.engine_observer), metrics, settings.pivot_language)

    with asyncio.Runner() as runner:
        timed("load", lambda: runner.run(models.load()))
        if reasons := models.unready():
            raise SystemExit("; ".join(reasons))
        translator = Translator(models.catalogue, RequestLimits(1000, 1, timeout_s=600.0))
        source, target = next(each for each in models.catalogue().models if each.task == "translate").directions[0]
        request = TranslationRequest(("Where are the files of this program?",), source, target)
        for phase in ("first request", "second request"):
            timed(phase, lambda: runner.run(translator.translate(request)))
        runner.run(models.close(1.0))


def measured(options: argparse.Namespace, kernels: Path) -> Seconds:
    """Of one start that keeps its compiled kernels there."""
    environment = {**DEFAULTS, **os.environ, "XDG_CACHE_HOME": str(kernels), "OMP_NUM_THREADS": str(options.threads)}
    command = [sys.executable, "-c", CHILD, str(options.threads), options.models, *options.model]
    told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: Seconds = json.loads(told.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="*")
    parser.add_argument("--models", default="", help="a store; default: the models that ship")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    starts: dict[str, list[Seconds]] = {"nothing compiled": [], "compiled before": []}
    for _round in range(options.rounds):
        with TemporaryDirectory() as folder:
            for found in starts.values():
                found.append(measured(options, Path(folder)))
    seconds = {
        kind: {
            phase: {clock: spread([each[phase][clock] for each in found]) for clock in ("clock", "processor")}
            for phase in found[0]
        }
        for kind, found in starts.items()
    }
    told = {"benchmark": "load_time", "machine": machine(), "load_average": os.getloadavg()[0]}
    print(json.dumps({**told, "models": options.model or "all", "seconds": seconds}))


if __name__ == "__main__":
    main()
