"""What a process that decodes needs before it has a bundle, done at import, by the process that it comes from."""

from __future__ import annotations

import contextlib
import gc
from collections import deque

import torch

import model_store.opening  # noqa: F401, which imports all that a bundle needs
from model_store.config import NetworkConfig
from model_store.decoding.backends import simd
from model_store.decoding.backends.int8 import Int8Backend
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Segment
from model_store.network.seq2seq import Seq2Seq


@torch.inference_mode()
def load_kernels() -> None:
    """Read the compiled kernels, or compile them, by using each."""
    network = Seq2Seq(NetworkConfig(vocabulary=8, layers=1, hidden=8, embedding=8)).eval()
    backend = Int8Backend(network, source_capacity=4)
    decoder = InFlightDecoder(backend, Vocabulary(2, 3, torch.tensor([0])), max_target_length=2, max_rows=2)
    deque(decode(decoder, [Segment((4, 3), max_length=2, beam_size=2)]), maxlen=0)
    backend.best_among([torch.tensor([3, 4, 5])], [], torch.zeros(1, 1, 8), torch.zeros(1, 1), 2)


torch.set_num_threads(1)  # a process that others come from by fork has no other thread
with contextlib.suppress(Exception):  # whoever opens a decoder meets it again, and can say so
    if simd.available():
        load_kernels()
gc.freeze()  # the collector of cycles would write to every object, and a page that is written to is copied
