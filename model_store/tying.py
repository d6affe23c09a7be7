"""Which names of a state_dict are one and the same parameter, so that a tied matrix is stored once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from model_store.config import NetworkConfig
from model_store.errors import BundleError
from model_store.network.seq2seq import Seq2Seq

_DRAWING = {nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_}


class _NothingDrawn(TorchFunctionMode):
    """To draw numbers into no memory, torch imports its compiler, a second and 70 MB (docs/performance.md)."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        _types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        return kwargs["tensor"] if func in _DRAWING else func(*args, **kwargs)


def blank_network(config: NetworkConfig) -> Seq2Seq:
    """The network without memory for its parameters, which would only be drawn at random and thrown away."""
    with torch.device("meta"), _NothingDrawn():
        return Seq2Seq(config)


def untie(config: NetworkConfig, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each parameter of a state_dict once, under its first name.

    Raises:
        BundleError: `weights` is not a state_dict of that network; names the first parameter that is missing,
            unknown, of another shape, or tied and yet different.
    """
    stored: dict[str, Tensor] = {}
    groups = _names(config)
    for names, shape in groups:
        missing = [name for name in names if name not in weights]
        if missing:
            raise BundleError(f"weights: {missing[0]} is missing")
        first = weights[names[0]]
        if first.shape != shape:
            raise BundleError(f"weights: {names[0]} has shape {tuple(first.shape)}; the network's is {tuple(shape)}")
        for name in names[1:]:
            if weights[name] is not first and not torch.equal(weights[name], first):
                raise BundleError(f"weights: {name} is tied to {names[0]}, yet differs from it")
        stored[names[0]] = first
    surplus = sorted(set(weights) - {name for names, _shape in groups for name in names})
    if surplus:
        raise BundleError(f"weights: the network has no {surplus[0]}")
    return stored


def tie(config: NetworkConfig, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A whole state_dict of `untie`'s result; tied names hold the same tensor. Raises as `untie`."""
    weights = dict(stored)
    for names, _shape in _names(config):
        if names[0] in stored:
            weights.update(dict.fromkeys(names, stored[names[0]]))
    untie(config, weights)
    return weights


def _names(config: NetworkConfig) -> list[tuple[list[str], torch.Size]]:
    """The names and the shape of each parameter; several names where it is tied."""
    groups: dict[int, tuple[list[str], torch.Size]] = {}
    # The blank network stays referenced in the loop: its parameters' ids are theirs alone only while they live.
    network = blank_network(config)
    for name, tensor in network.state_dict(keep_vars=True).items():
        groups.setdefault(id(tensor), ([], tensor.shape))[0].append(name)
    return list(groups.values())
