"""Words that are not shown (Bowman et al. 2016), and dropout that is the same at all positions (Gal et al. 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_store.tokenizer import UNK_ID

FIRST_WORD = 6  # behind the special pieces and two languages


def drop_words(ids: Tensor, share: float) -> Tensor:
    """`ids` with a share of the words unknown; any shape."""
    drop = torch.rand(ids.shape, device=ids.device) < share
    return torch.where(drop & (ids >= FIRST_WORD), UNK_ID, ids)


class LockedDropout(nn.Module):
    """x: shape = (B, T, H). What is dropped of one position is dropped of all."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        return x * (x.new_empty(x.shape[0], 1, x.shape[2]).bernoulli_(1 - self.p) / (1 - self.p))


def lock_dropout(network: nn.Module) -> None:
    """Dropout of every module of the network becomes locked."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Dropout:
                setattr(module, name, LockedDropout(child.p))
