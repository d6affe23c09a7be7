"""A network whose embeddings are larger, and whose cells compute what they did.

Adam moves a weight by about its learning rate, however large the weight is: embeddings that are small yet are
disturbed by updates that larger ones hardly notice (docs/quality.md, "What changes how fast a network learns").
"""

from __future__ import annotations

import torch

from model_store.errors import ConfigError
from model_store.network.cells import RecurrentLayer
from model_store.network.encoder import DirectedEncoder
from model_store.network.seq2seq import Seq2Seq


@torch.no_grad()
def scale_embeddings(network: Seq2Seq, by: float) -> None:
    """In place; tied ones once."""
    for embedding in {network.source_embedding, network.target_embedding}:
        embedding.weight.mul_(by)


@torch.no_grad()
def rescale_embeddings(network: Seq2Seq, by: float) -> None:
    """In place: embeddings `by` times as large, what reads them as much smaller, so that states are as they were.

    Scores too, if no matrix is tied. A tied one makes scores as well, which would be `by` times as large; so the layer
    under the tanh that it reads is divided, which is exact where tanh is linear, and has to be learned where it is not.

    Raises ConfigError for a network whose encoder is not recurrent in one direction.
    """
    if not isinstance(network.encoder, DirectedEncoder):
        raise ConfigError(
            "trainer.embedding_scale: only of a network whose encoder is recurrent and reads in one direction can "
            "embeddings be scaled; allowed: 1.0"
        )
    scale_embeddings(network, by)
    for stack in (network.encoder.stack, network.decoder.stack):
        first = stack.layers[0]
        assert isinstance(first, RecurrentLayer)
        weight = first.kernel.all_weights[0][0].data
        weight[:, : network.config.embedding] /= by
        if network.config.tied_embeddings:
            weight[:, network.config.embedding :] *= by  # of readouts that are fed, which are divided below
    if network.decoder.of_window is not None:
        network.decoder.of_window.weight.div_(by)
    if network.config.tied_embeddings:
        network.decoder.combine.weight.div_(by)
