"""A network that starts from a narrower one: it computes the same function, and has new units to learn with.

As Net2Net does (Chen et al. 2016, arXiv:1511.05641), but new units are no copies of old ones: their weights are random,
and those with which old units and scores read them are zero, so that nothing changes before something is learned.
"""

from __future__ import annotations

import torch

from model_store.errors import ConfigError
from model_store.network.encoder import DirectedEncoder
from model_store.network.padding import blocks_of_axes, places, places_of_axis
from model_store.network.seq2seq import Seq2Seq

# Of these every row is an old one, of a piece. New columns stay random: nothing is multiplied with them yet.
_ROWS_OF_PIECES = ("source_embedding.weight", "target_embedding.weight", "projection.weight")
# What these make of new rows is multiplied with what is not zero: new columns of the projection, new units of a query.
_NEW_ROWS_ARE_ZERO = ("decoder.combine.weight", "decoder.attention.project.weight")
_READS_ALL_UNITS = ("dot", "dot_unnormalised")


@torch.no_grad()
def widen(narrow: Seq2Seq, wide: Seq2Seq) -> None:
    """Give `wide`, fresh and at least as wide, the function of `narrow`, of which it differs in no more than widths.

    Raises ConfigError if no choice of weights keeps the function, or none that is known here.
    """
    config = wide.config
    if config.attention in _READS_ALL_UNITS:
        raise ConfigError(
            f"network.attention: {config.attention!r} reads new units as it does old ones, so a network with it cannot "
            "be made wider"
        )
    if not isinstance(wide.encoder, DirectedEncoder):
        raise ConfigError(
            "network.encoder: only a network whose encoder is recurrent and reads in one direction can be made wider"
        )
    for name, axes in blocks_of_axes(narrow, wide).items():
        weight = wide.get_parameter(name)
        if name in _NEW_ROWS_ARE_ZERO:
            weight.zero_()
        elif len(axes) > 1 and name not in _ROWS_OF_PIECES:
            weight[places_of_axis(axes[0], weight.device)] = 0.0
        weight[places(axes, weight.device)] = narrow.get_parameter(name)
