"""CTranslate2 on a Transformer-base of 6+6 layers of 512 with random weights; runs in its environment.

It is what LibreTranslate runs on; not the same network, but the same sentences, beam and vocabulary. variant: a
compute type, "int8" or "float32".
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import ctranslate2
import numpy as np
from ctranslate2.specs import TransformerSpec, attention_spec, common_spec, transformer_spec

from benchmarks.peers.protocol import Ids, Settings, serve

WIDTH, INNER, HEADS, LAYERS, POSITIONS = 512, 2048, 8, 6, 512


class Filler:
    """Random weights from one seed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.random = np.random.default_rng(1)

    def matrix(self, outputs: int, inputs: int) -> np.ndarray:
        return self.random.standard_normal((outputs, inputs), dtype=np.float32) / np.float32(inputs**0.5)

    def linear(self, spec: common_spec.LinearSpec, outputs: int, inputs: int) -> None:
        spec.weight, spec.bias = self.matrix(outputs, inputs), np.zeros(outputs, dtype=np.float32)

    def norm(self, spec: common_spec.LayerNormSpec) -> None:
        spec.gamma, spec.beta = np.ones(WIDTH, dtype=np.float32), np.zeros(WIDTH, dtype=np.float32)

    def attention(self, spec: attention_spec.MultiHeadAttentionSpec, first: int) -> None:
        """first: how many of query, key and value the first layer holds."""
        self.norm(spec.layer_norm)
        self.linear(spec.linear[0], first * WIDTH, WIDTH)
        if first == 1:
            self.linear(spec.linear[1], 2 * WIDTH, WIDTH)
        self.linear(spec.linear[-1], WIDTH, WIDTH)

    def block(self, spec: transformer_spec.TransformerDecoderLayerSpec) -> None:
        self.attention(spec.self_attention, 3)
        if hasattr(spec, "attention"):
            self.attention(spec.attention, 1)
        self.norm(spec.ffn.layer_norm)
        self.linear(spec.ffn.linear_0, INNER, WIDTH)
        self.linear(spec.ffn.linear_1, WIDTH, INNER)

    def positions(self, spec: transformer_spec.PositionEncoderSpec) -> None:
        angle = np.arange(POSITIONS)[:, None] / 10000 ** (np.arange(WIDTH // 2) / (WIDTH // 2))
        spec.encodings = np.concatenate((np.sin(angle), np.cos(angle)), axis=1).astype(np.float32)

    def fill(self, spec: TransformerSpec) -> None:
        vocabulary = self.settings.vocabulary
        spec.encoder.embeddings[0].weight = self.matrix(vocabulary, WIDTH)
        spec.decoder.embeddings.weight = self.matrix(vocabulary, WIDTH)
        for half in (spec.encoder, spec.decoder):
            half.scale_embeddings = True
            self.positions(half.position_encodings)
            for block in half.layer:
                self.block(block)
        self.linear(spec.decoder.projection, vocabulary, WIDTH)
        spec.decoder.projection.bias[: self.settings.reserved] = -1e9


def names(settings: Settings) -> list[str]:
    """Tokens by id; CTranslate2 speaks in tokens."""
    tokens = [str(index) for index in range(settings.vocabulary)]
    tokens[:4] = ["<blank>", "<unk>", "<s>", "</s>"]
    return tokens


def build(settings: Settings, folder: Path) -> None:
    """Write the model."""
    spec = TransformerSpec.from_config((LAYERS, LAYERS), HEADS, pre_norm=False)
    Filler(settings).fill(spec)
    spec.register_source_vocabulary(names(settings))
    spec.register_target_vocabulary(names(settings))
    spec.validate()
    spec.optimize(quantization="int8" if settings.variant.startswith("int8") else None)
    spec.save(str(folder))


class CTranslate2:
    """variant: the numbers; behind them "-workers", for a batch a thread instead of threads that share one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        numbers, _minus, workers = settings.variant.partition("-")
        self.workers = settings.threads if workers else 1
        with tempfile.TemporaryDirectory() as folder:
            build(settings, Path(folder))
            self.translator = ctranslate2.Translator(
                folder,
                compute_type=numbers,
                inter_threads=self.workers,
                intra_threads=settings.threads // self.workers,
            )

    def translate(self, sources: Sequence[Ids], in_flight: int) -> list[list[int]]:
        results = self.translator.translate_batch(
            [[str(token) for token in source] for source in sources],
            max_batch_size=max(in_flight // self.workers, 1),
            beam_size=self.settings.beam,
            min_decoding_length=self.settings.target_tokens,
            max_decoding_length=self.settings.target_tokens,
        )
        return [[int(token) for token in result.hypotheses[0]] for result in results]


if __name__ == "__main__":
    serve(CTranslate2)
