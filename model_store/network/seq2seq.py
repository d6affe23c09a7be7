"""The assembled network: embeddings, encoder, decoder, output projection.

Legend: B batch, S source length, T target length, Q queries a source, E embedding, R readout, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model_store.config import NetworkConfig
from model_store.errors import ConfigError
from model_store.network.decoder import Decoder
from model_store.network.encoder import build_encoder
from model_store.network.memory import DecoderState, Memory
from model_store.transfers import sent

EMBEDDING_RANGE = 0.1  # of fresh weights (Luong et al. 2015, section 4.1)


@dataclass(frozen=True)
class Step:
    """logits: shape = (B, Q, V). weights: shape = (B, Q, S), None without attention. state: of B * Q rows."""

    logits: Tensor
    weights: Tensor | None
    state: DecoderState


class Seq2Seq(nn.Module):
    """Sequence to sequence (Sutskever et al. 2014) with whatever attention `config` names.

    With tied embeddings one matrix embeds source and target and projects to the vocabulary (Press and Wolf 2017).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.source_embedding = self._embedding()
        self.target_embedding = self.source_embedding if config.tied_embeddings else self._embedding()
        self.encoder = build_encoder(config)
        self.decoder = Decoder(config)
        self.projection = nn.Linear(config.readout, config.vocabulary)
        nn.init.zeros_(self.projection.bias)
        if config.tied_embeddings:
            self.projection.weight = self.source_embedding.weight

    def _embedding(self) -> nn.Embedding:
        embedding = nn.Embedding(self.config.vocabulary, self.config.embedding)
        nn.init.uniform_(embedding.weight, -EMBEDDING_RANGE, EMBEDDING_RANGE)
        return embedding

    def _check_positions(self, length: int) -> None:
        if self.config.bounded_positions and length > self.config.positions:
            raise ConfigError(
                f"length: {length} tokens is more than this network's table of positions holds; "
                f"allowed: 1..{self.config.positions}"
            )

    def encode(self, source: Tensor, lengths: Tensor, *, fused: bool = True) -> tuple[Memory, DecoderState]:
        """Read the source.

        source: ids, int64, shape = (B, S), anything past each length. lengths: int64 on the CPU, shape = (B,). fused:
        use fused kernels; otherwise shapes that a row's neighbours do not change (see Encoder.scan).

        Raises ConfigError if a bounded network gets a longer source than its table holds.
        """
        self._check_positions(source.shape[1])
        embedded = self.source_embedding(source)
        encoded = (self.encoder if fused else self.encoder.scan)(embedded, lengths)
        mask = sent(torch.arange(source.shape[1]) < lengths.unsqueeze(1), source.device)
        return self.decoder.read(encoded.outputs, embedded, mask), self.decoder.first_state(encoded.state)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Teacher-forced readouts, shape = (B, T, R), for target ids shifted right, int64, shape = (B, T)."""
        self._check_positions(target.shape[1])
        memory, state = self.encode(source, lengths)
        return self.decoder(self.target_embedding(target), memory, state)  # type: ignore[no-any-return]

    def step(self, tokens: Tensor, memory: Memory, state: DecoderState, positions: Tensor) -> Step:
        """One decoding step. tokens: the last id of each hypothesis, shape = (B, Q). positions: shape = (B,)."""
        readout, weights, state = self.decoder.step(self.target_embedding(tokens), memory, state, positions)
        return Step(self.projection(readout), weights, state)
