"""The loss of a network that is told each target token before the next: of a batch to learn from, or of each example.

Legend: B batch, T target length, N target tokens, R readout width.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from model_store.network.seq2seq import Seq2Seq
from training.batching import plan_epoch
from training.dataset import Examples, Ints
from training.loss import smoothed_cross_entropy


class TrainingStep(nn.Module):
    """Network and loss as one module, so that precision and distribution wrap both."""

    def __init__(self, network: Seq2Seq, smoothing: float) -> None:
        super().__init__()
        self.network = network
        self.smoothing = smoothing

    def forward(
        self, source: Tensor, source_lengths: Ints, target_in: Tensor, target_out: Tensor, target_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Sums over the target tokens of the smoothed loss and of the negative log-likelihood, in nats.

        Takes Batch.fields one by one, since Fabric converts tensors but not frozen dataclasses.
        """
        readouts = self.network(source, torch.from_numpy(source_lengths), target_in)  # (B, T, R)
        projection = self.network.projection
        return smoothed_cross_entropy(
            readouts[target_mask],  # (N, R)
            projection.weight,
            projection.bias,
            target_out[target_mask],
            smoothing=self.smoothing,
        )


def mean_loss(network: Seq2Seq, examples: Examples, *, batch_tokens: int, device: torch.device) -> float:
    """Negative log-likelihood of a target token, in nats, over all examples, of which there is at least one.

    The network lies on `device`; it is in evaluation mode afterwards.
    """
    nats = token_nats(network, examples, batch_tokens=batch_tokens, device=device)
    return float(np.average(nats, weights=examples.target_lengths))


@torch.no_grad()
def token_nats(network: Seq2Seq, examples: Examples, *, batch_tokens: int, device: torch.device) -> NDArray[np.float64]:
    """Negative log-likelihood of a target token of each example, in nats, shape = (N,); else as mean_loss."""
    network.eval()
    found = np.empty(len(examples))
    lengths = (examples.source_lengths, examples.target_lengths)
    for indices in plan_epoch(*lengths, batch_tokens=batch_tokens, seed=0, epoch=0):
        batch = examples.batch(indices).to(device)
        readouts = network(batch.source, batch.source_lengths, batch.target_in)[batch.target_mask]  # (N, R)
        losses = F.cross_entropy(network.projection(readouts), batch.target_out[batch.target_mask], reduction="none")
        rows = batch.target_mask.nonzero()[:, 0]
        summed = losses.new_zeros(len(indices)).index_add_(0, rows, losses)
        found[indices] = (summed / batch.target_mask.sum(dim=1)).cpu().numpy()
    return found
