"""How much of the service's processor time is not decoding: HTTP, text handling, the event loop?

Serves the shipped models as `verso serve` does, without a cache, and has another process ask for sentences by POST
/v1/translate, some callers at a time: those of a file of `source<TAB>target`, or of this repository's documentation.
Processor time is counted by thread and process: the engine's, its kernels' and that of the processes that decode
against all others. The last line is one JSON object.

    python -m benchmarks.http_share [PAIRS] [--threads 2] [--processes 1] [--callers 64] [--texts 1] [--hidden 1000]

--hidden serves random weights of that size instead, with the newest translator's tokenizer and 20 target tokens: what
the share is of the reference network. Give it sentences without digits, which random weights do not copy.

The fraction of the limit is of that of the decoder in benchmarks/limits.py, for sentences of the mean source and target
with all its slots in use, measured just before: HTTP and texts are in the time that it is a fraction of.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import httpx
import torch

from benchmarks.limits import CPU, limits_of_bundle
from benchmarks.measure import machine, rounded
from benchmarks.pairs import read_pairs
from benchmarks.shipped import newest_translator
from benchmarks.texts import english
from benchmarks.work import TARGET_TOKENS, random_network
from model_store.bundle import Bundle, BundleDescription, load_bundle, save_bundle
from model_store.config import NetworkConfig
from model_store.store import BundleStore
from service.app import create_app
from service.engine.stats import EngineObserver
from service.gpus import rows_on
from service.loading import BundleLoader, find_bundles
from service.native_libraries import DEFAULTS
from service.process_tree import ProcessTree
from service.server import listen, serve
from service.settings import Settings

WARM = 64
Used: TypeAlias = dict[str, int]  # by name, as the answers' usage


def serving(settings: Settings, pair: tuple[str, str]) -> Bundle:
    """What serves the pair."""
    store = BundleStore(settings.models)
    bundles = (load_bundle(store.resolve(str(reference))) for reference in find_bundles(settings))
    return next(each for each in bundles if pair in each.manifest.pairs)


def limit_of(settings: Settings, bundle: Bundle, processes: int) -> Callable[[Used], float]:
    """The most target tokens a second that a bundle's decoder allows, for what was used."""
    config, beam = bundle.manifest.network, bundle.manifest.decoding.beam_size
    rows = (settings.decoder_rows or rows_on(CPU)) * processes
    limits = limits_of_bundle(bundle, rows, settings.backend)

    def most(used: Used) -> float:
        source, target = (used[name] / used["segments"] for name in ("source_tokens", "target_tokens"))
        return limits.tokens_per_s(config, rows // beam, source, target, beam)

    return most


def sentences(pairs: Path | None, count: int) -> list[str]:
    """The first sources of a file; else English ones."""
    return english(None, count) if pairs is None else [source for source, _target in read_pairs(pairs)[:count]]


async def ask(url: str, texts: list[str], options: argparse.Namespace) -> Used:
    """Ask for all, `callers` requests at a time; returns what their answers say was used, summed."""
    places = asyncio.Semaphore(options.callers)
    used = dict.fromkeys(("source_tokens", "target_tokens", "segments"), 0)

    async def one(client: httpx.AsyncClient, some: list[str]) -> None:
        async with places:
            body = {"text": some, "source": options.source, "target": options.target}
            answer = await client.post("/v1/translate", json=body)
            answer.raise_for_status()
            usage = answer.json()["usage"]
            for name in used:
                used[name] += usage[name]

    limits = httpx.Limits(max_connections=options.callers)
    async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits) as client:
        starts = range(0, len(texts), options.texts)
        await asyncio.gather(*(one(client, texts[start : start + options.texts]) for start in starts))
    return used


def used_s() -> dict[str, float]:
    """Processor time by kind of thread: "engine" with its kernels, native libraries and all processes that come from
    this one, "event loop", "text" for the threads that work on texts."""
    found: dict[str, float] = defaultdict(float)
    named = {thread.native_id: thread.name for thread in threading.enumerate()}
    for task in Path("/proc/self/task").iterdir():
        name = named.get(int(task.name), "verso-native")
        kind = "engine" if name.startswith("verso-") else "event loop" if name == "MainThread" else "text"
        found[kind] += _own_s(task)
    _self, *decoding = ProcessTree().processes()
    found["engine"] += sum(_own_s(Path(f"/proc/{process}")) for process in decoding)
    return found


def _own_s(folder: Path) -> float:
    """Processor time of a process or thread, without its children's. folder: in /proc."""
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def client(url: str, options: argparse.Namespace, count: int) -> Used:
    """The client in a process of its own; returns what `ask` does."""
    command = [sys.executable, "-m", "benchmarks.http_share", "--client", url]
    command += [] if options.pairs is None else [str(options.pairs)]
    for name in ("callers", "texts", "source", "target"):
        command += [f"--{name}", str(getattr(options, name))]
    told = subprocess.run([*command, "--count", str(count)], check=True, capture_output=True, text=True).stdout
    found: Used = json.loads(told)
    return found


def measure(url: str, options: argparse.Namespace, limit: Callable[[Used], float], result: dict[str, Any]) -> None:
    """In a thread beside the server's, which it ends."""
    try:
        while httpx.get(f"{url}/readyz").is_error:
            time.sleep(0.1)
        client(url, options, WARM)
        before, started = used_s(), time.perf_counter()
        done = client(url, options, options.count)
        rate = done["target_tokens"] / (time.perf_counter() - started)
        result["target_tokens_per_s"] = rounded(rate)
        result["fraction_of_limit"] = rounded(rate / limit(done))
        used = {kind: took - before[kind] for kind, took in used_s().items()}
        result["processor_s"] = {kind: rounded(took) for kind, took in used.items()}
        result["others_over_engine"] = rounded(sum(used.values()) / used["engine"] - 1)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def random_store(hidden: int, folder: Path) -> str:
    """A store in `folder` that holds one translator, of random weights."""
    shipped = load_bundle(newest_translator())
    config = NetworkConfig(vocabulary=shipped.tokenizer.vocabulary, hidden=hidden, embedding=hidden)
    decoding = {"max_length_factor": 0.0, "max_length_offset": TARGET_TOKENS}
    description = BundleDescription(
        name="random",
        version="1",
        task="translate",
        directions=shipped.manifest.pairs,
        network=config,
        decoding=shipped.manifest.decoding.model_copy(update=decoding),
    )
    weights = random_network(config).state_dict()
    save_bundle(folder / "random" / "1", description=description, weights=weights, tokenizer=shipped.tokenizer)
    return str(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="?", help="default: this repository's documentation")
    parser.add_argument("--count", type=int, default=1000, help="sentences")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--processes", type=int, default=0, help="that decode; default: as many as are served")
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--texts", type=int, default=1, help="in a request")
    parser.add_argument("--hidden", type=int, help="random weights of that size instead of the models that ship")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ru")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        print(json.dumps(asyncio.run(ask(options.client, sentences(options.pairs, options.count), options))))
        return
    if options.pairs is None and options.source != "en":
        parser.error(f"--source: {options.source!r} needs PAIRS; without, the texts are English")
    torch.set_num_threads(options.threads)
    os.environ |= {name: value for name, value in DEFAULTS.items() if name not in os.environ}
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    result: dict[str, Any] = {"benchmark": "http_share", "machine": machine(), "callers": options.callers}
    with TemporaryDirectory() as folder:
        models = "" if options.hidden is None else random_store(options.hidden, Path(folder))
        settings = Settings(
            models=models, threads=options.threads, decoder_processes=options.processes, cache_entries=0
        )
        bundle = serving(settings, (options.source, options.target))
        loader = BundleLoader(settings, lambda _identity: EngineObserver())
        processes = result["processes"] = loader.processes(bundle.manifest.network)
        limit = limit_of(settings, bundle, processes)
        app = create_app(settings)
        threading.Thread(target=measure, args=(url, options, limit, result), daemon=True).start()
        serve(app, listener)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
