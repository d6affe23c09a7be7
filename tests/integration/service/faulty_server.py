"""The server with a line into it, its standard input, by which a test breaks it. The product has no such line.

raise KIND [COUNT]   the next steps of a decoder raise (a name of builtins or of torch)
rebuild COUNT        the next attempts to make a decoder raise
hang / release       steps do not come back
clock SECONDS        the wall clock jumps
"""

from __future__ import annotations

import builtins
import sys
import threading
import time
from collections.abc import Mapping, Sequence

import torch

import service.engine.worker
from model_store.decoding.backends.choice import BackendName, Precision
from model_store.decoding.in_flight import InFlightDecoder, open_decoder
from model_store.decoding.segment import Segment, StepDone
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from model_store.translations import Translations
from service.app import create_app
from service.connections import PatientProtocol
from service.server import listen, serve
from service.settings import read_settings
from service.telemetry import configure_logging

# In the product, a minute and half a minute.
LOST_AFTER_S = 2.0
PATIENCE_S = 1.0


class Faults:
    """What is to go wrong. Written by the thread that reads commands, read by those of the engines."""

    def __init__(self) -> None:
        self.raising: list[type[BaseException]] = []
        self.failing_builds = 0
        self.going = threading.Event()
        self.going.set()

    def obey(self, command: str, *arguments: str) -> None:
        """Carry out one command."""
        match command, arguments:
            case "raise", [kind, *count]:
                found = getattr(builtins, kind, None) or getattr(torch, kind)
                self.raising += [found] * int(count[0] if count else 1)
            case "rebuild", [count]:
                self.failing_builds = int(count)
            case "hang", []:
                self.going.clear()
            case "release", []:
                self.going.set()
            case "clock", [seconds]:
                real = time.time
                time.time = lambda: real() + float(seconds)
            case _:
                raise ValueError(command)

    def before_step(self) -> None:
        """Hang or raise."""
        self.going.wait()
        if self.raising:
            raise self.raising.pop()("injected")

    def before_build(self) -> None:
        """Raise, if that is to go wrong."""
        if self.failing_builds:
            self.failing_builds -= 1
            raise RuntimeError("CUDA error: injected, and it stays")


class FaultyDecoder:
    """The real decoder, but for its faults."""

    def __init__(self, decoder: InFlightDecoder, faults: Faults) -> None:
        self._decoder = decoder
        self._faults = faults
        self.check = decoder.check
        self.room = decoder.room
        self.cancel = decoder.cancel
        self.collect = decoder.collect
        self.settled = decoder.settled
        self.steps = decoder.steps
        self.wake = decoder.wake

    @property
    def live(self) -> int:
        return self._decoder.live

    @property
    def max_rows(self) -> int:
        return self._decoder.max_rows

    @property
    def encoding(self) -> frozenset[int]:
        return self._decoder.encoding

    @property
    def continued(self) -> int:
        return self._decoder.continued

    def admit(self, segments: Sequence[Segment]) -> list[int]:
        return self._decoder.admit(segments)

    def step(self) -> Sequence[StepDone]:
        self._faults.before_step()
        return self._decoder.step()


def main() -> None:
    """As `verso serve --port 0`."""
    faults = Faults()

    def open_faulty(
        network: Seq2Seq,
        tokenizer: Tokenizer,
        *,
        max_source_length: int,
        max_target_length: int,
        max_rows: int,
        backend: BackendName,
        precision: Precision,
        translations: Mapping[str, Translations],
    ) -> FaultyDecoder:
        faults.before_build()
        decoder = open_decoder(
            network,
            tokenizer,
            max_source_length=max_source_length,
            max_target_length=max_target_length,
            max_rows=max_rows,
            backend=backend,
            precision=precision,
            translations=translations,
        )
        return FaultyDecoder(decoder, faults)

    def read_commands() -> None:
        for line in sys.stdin:
            faults.obey(*line.split())
            sys.stderr.write(f"done: {line.strip()}\n")  # in one piece, or a log line may come in between
            sys.stderr.flush()

    service.engine.worker.LOST_AFTER_S = LOST_AFTER_S
    PatientProtocol.patience_s = PATIENCE_S
    settings = read_settings(port=0)
    listener = listen(settings.host, settings.port)
    configure_logging(settings.log_level)
    print("verso: http://{}:{}".format(*listener.getsockname()[:2]), file=sys.stderr, flush=True)
    threading.Thread(target=read_commands, daemon=True).start()
    serve(create_app(settings, decoder_opener=open_faulty), listener)


if __name__ == "__main__":
    main()
