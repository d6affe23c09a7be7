"""Verso's decoder as one program among the others. variant: a backend, or "int8-processes": one process a thread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from safetensors.torch import load_file

from benchmarks.peers.protocol import Ids, Settings, serve
from benchmarks.work import LONGEST, forced_segments, open_forced
from model_store.config import DecoderConfig, NetworkConfig
from model_store.decoding.backends.choice import BackendName, open_backend
from model_store.decoding.backends.threads import Threads
from model_store.decoding.decoder import Decoder
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.processes.group import DecoderProcesses
from model_store.network.seq2seq import Seq2Seq


def network(settings: Settings) -> Seq2Seq:
    """The network whose weights were written for all."""
    weights = load_file(settings.weights)
    width = weights["source_embedding.weight"].shape[1]
    feeding = weights["decoder.stack.layers.0.kernel.weight_ih_l0"].shape[1] > width
    config = NetworkConfig(
        vocabulary=settings.vocabulary,
        layers=settings.layers,
        hidden=settings.hidden,
        embedding=width,
        decoder=DecoderConfig(input_feeding=feeding),
    )
    with torch.device("meta"):
        model = Seq2Seq(config)
    shared = {"target_embedding.weight": "source_embedding.weight", "projection.weight": "source_embedding.weight"}
    model.load_state_dict({name: weights[shared.get(name, name)] for name in model.state_dict()}, assign=True)
    return model


def open_here(threads: Threads, *, settings: Settings, sentences: int) -> InFlightDecoder:
    """The decoder of a process among several."""
    backend = open_backend(network(settings), "int8", source_capacity=LONGEST, threads=threads)
    return open_forced(backend, sentences=sentences, beam=settings.beam)


class Verso:
    def __init__(self, settings: Settings) -> None:
        torch.set_num_threads(settings.threads)
        self.settings = settings
        self.decoders: dict[int, Decoder] = {}  # by sentences in flight
        name: BackendName = "int8" if settings.variant == "int8" else "eager"
        self.backend = open_backend(network(settings), name, source_capacity=LONGEST)

    def decoder(self, in_flight: int) -> Decoder:
        """The same again for as many sentences in flight."""
        if in_flight not in self.decoders:
            processes = self.settings.threads
            if self.settings.variant == "int8-processes":
                opener = partial(open_here, settings=self.settings, sentences=-(-in_flight // processes))
                self.decoders[in_flight] = DecoderProcesses(opener, processes=processes, cores=processes)
            else:
                self.decoders[in_flight] = open_forced(self.backend, sentences=in_flight, beam=self.settings.beam)
        return self.decoders[in_flight]

    def translate(self, sources: Sequence[Ids], in_flight: int) -> list[list[int]]:
        decoder = self.decoder(in_flight)
        segments = forced_segments(tuple(map(tuple, sources)), beam=self.settings.beam)
        targets: list[list[int]] = [[] for _source in sources]
        for index, (best,) in decode(decoder, segments):
            targets[index] = list(best.tokens)
        return targets


if __name__ == "__main__":
    from benchmarks.peers import verso  # by this name processes that decode find what opens them

    serve(verso.Verso)
