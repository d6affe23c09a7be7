"""What makes updates of gradients: AdamW (Loshchilov and Hutter 2019), or Muon for matrices and AdamW for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from model_store.errors import ConfigError
from training.config import TrainerConfig

MOMENTUM = 0.95
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024: the steepest at zero that stay near one
_ITERATIONS = 5
_AS_LARGE_AS_ADAMS = 0.2  # Liu et al. 2025, arXiv:2502.16982, section 2.2: so learning rates of AdamW serve


def optimizer_of(network: nn.Module, config: TrainerConfig) -> torch.optim.Optimizer:
    """The recipe's optimizer, with a rate of zero, which the schedule sets."""
    options: dict[str, Any] = {"lr": 0.0, "betas": (0.9, 0.98), "weight_decay": config.weight_decay, "fused": True}
    if config.optimizer == "muon":
        return Muon(matrices(network), list(network.parameters()), **options)
    return torch.optim.AdamW(network.parameters(), **options)


def matrices(network: nn.Module) -> dict[nn.Parameter, int]:
    """The matrices between units, each with how many it is of, one above the other: the gates of a cell are one each.

    Embeddings, and what scores a vocabulary, are tables of vectors, and biases are vectors: none of them is here.
    """
    tables = {module.weight for module in network.modules() if isinstance(module, nn.Embedding)}
    tables.add(network.get_parameter("projection.weight"))
    stacked = {
        weight: weight.shape[0] // module.hidden_size
        for module in network.modules()
        if isinstance(module, nn.RNNBase)
        for weight in module.parameters()
    }
    return {each: stacked.get(each, 1) for each in network.parameters() if each.ndim == 2 and each not in tables}


class Muon(torch.optim.AdamW):
    """AdamW, but a matrix moves by its momentum made orthogonal: all directions alike (Jordan et al. 2024,
    https://kellerjordan.github.io/posts/muon/), and by 0.2 in the root of the mean square at a learning rate of one.

    Processes that share a run make a part of the matrices orthogonal each and tell the others.

    torch has a Muon that computes in bfloat16 alone, which most CPUs have to imitate, takes the gates of a cell for one
    matrix, and does all of the work in every process.

    of_each: the matrices, and of how many each is made, all of the same size.
    """

    def __init__(self, of_each: Mapping[nn.Parameter, int], parameters: list[nn.Parameter], **options: Any) -> None:
        others = [each for each in parameters if each not in of_each]
        groups: list[dict[str, Any]] = [
            {"params": list(of_each), "made_of": list(of_each.values())},
            {"params": others},
        ]
        super().__init__([group for group in groups if group["params"]], **options)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move all parameters that have a gradient, which those of matrices have no more afterwards."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            if "made_of" in group:
                self._move_matrices(group)
        super().step()  # which passes over what has no gradient
        return loss

    def _move_matrices(self, group: dict[str, Any]) -> None:
        moved = [(weight, parts) for weight, parts in zip(group["params"], group["made_of"], strict=True)]
        moved = [(weight, parts) for weight, parts in moved if weight.grad is not None]
        if not moved:
            return
        sizes = [weight.numel() for weight, _parts in moved]
        flat = torch.zeros(sum(sizes), device=moved[0][0].device)
        updates = [part.view_as(weight) for part, (weight, _parts) in zip(torch.split(flat, sizes), moved, strict=True)]
        rank, world = _place()
        for number, (weight, parts) in enumerate(moved):
            momentum = self._momentum(weight)
            momentum.lerp_(weight.grad, 1 - MOMENTUM)
            if number % world == rank:
                nesterov = weight.grad.lerp(momentum, MOMENTUM)
                updates[number].copy_(orthogonal(nesterov.unflatten(0, (parts, -1))).flatten(0, 1))
        if world > 1:
            torch.distributed.all_reduce(flat)  # of zeros but for one process each, so all have the same bits
        for (weight, parts), update in zip(moved, updates, strict=True):
            size = _AS_LARGE_AS_ADAMS * max(weight.shape[0] // parts, weight.shape[1]) ** 0.5
            weight.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"] * size)
            weight.grad = None

    def _momentum(self, weight: Tensor) -> Tensor:
        """Under AdamW's name for it, beside the count of updates that AdamW looks for in a state that it reads."""
        state = self.state[weight]
        if not state:
            state |= {"step": torch.zeros((), device=weight.device), "exp_avg": torch.zeros_like(weight)}
        state["step"] += 1
        momentum: Tensor = state["exp_avg"]
        return momentum


def orthogonal(matrix: Tensor) -> Tensor:
    """Matrices with the same singular vectors, whose singular values are about one (0.7 to 1.2), by Newton and Schulz's
    iteration of the fifth degree.

    matrix: shape = (N, rows, columns). Computed in bfloat16 on a GPU.
    """
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    if matrix.is_cuda:
        x = x.bfloat16()
    first, third, fifth = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=third, alpha=fifth), x, beta=first)
    return (x.mT if tall else x).to(matrix.dtype)


def check_state(
    optimizer: torch.optim.Optimizer, saved: Mapping[str, Any], config: TrainerConfig, checkpoint: Path
) -> None:
    """Raises ConfigError if what `checkpoint` has saved is of another optimizer, or of weights of other shapes."""
    groups = optimizer.param_groups
    field, asked = "optimizer", str(config.optimizer)
    if [len(group["params"]) for group in groups] == [len(group["params"]) for group in saved["param_groups"]]:
        kept = [state["exp_avg"].shape for _place, state in sorted(saved["state"].items())]
        if not kept or kept == [weight.shape for group in groups for weight in group["params"]]:
            return
        field, asked = "widths_multiple_of", str(config.widths_multiple_of)
    raise ConfigError(
        f"trainer.{field}: {asked}, but {checkpoint} was trained with another; go on with that, or remove it to train "
        "anew"
    )


def _place() -> tuple[int, int]:
    """This process's number and how many share the run."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return 0, 1
    return torch.distributed.get_rank(), torch.distributed.get_world_size()
