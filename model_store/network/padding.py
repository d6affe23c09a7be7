"""A network made wider with units that are always zero, for kernels that like round sizes.

A unit whose weights and biases are zero has gates of one half, no new value, and so a state of zero, forever; whatever
reads it has zeros for it too. So the wider network computes the same function, and sums differ by terms of zero only.

Legend: V vocabulary, E embedding, H hidden, R readout.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor

from model_store.config import NetworkConfig
from model_store.network.cells import RecurrentLayer
from model_store.network.encoder import DirectedEncoder
from model_store.network.seq2seq import Seq2Seq

Blocks = Sequence[tuple[int, int]]  # how wide what lies side by side was, and is


def padded(network: Seq2Seq, multiple: int) -> Seq2Seq:
    """A copy whose hidden and embedding widths are the next multiples of `multiple`.

    It has the widths it had if its encoder has halves to keep apart, or normalises over all units: anything but a
    recurrent encoder of one direction.
    """
    config = network.config
    wide = {name: -(-getattr(config, name) // multiple) * multiple for name in ("hidden", "embedding")}
    if not isinstance(network.encoder, DirectedEncoder) or wide == config.model_dump(include=set(wide)):
        return deepcopy(network)
    made = _empty(config.model_copy(update=wide), network)
    with torch.no_grad():
        for name, axes in blocks_of_axes(network, made).items():
            weight = made.get_parameter(name).zero_()
            weight[places(axes, weight.device)] = network.get_parameter(name)
    return made


def narrowed(network: Seq2Seq, config: NetworkConfig) -> Seq2Seq:
    """What `padded` made of a network of that kind as it was, with what it has learned since; itself if it is that."""
    if network.config == config:
        return network
    made = _empty(config, network)
    with torch.no_grad():
        for name, axes in blocks_of_axes(made, network).items():
            wide = network.get_parameter(name)
            made.get_parameter(name).copy_(wide[places(axes, wide.device)])
    return made


def _empty(config: NetworkConfig, like: Seq2Seq) -> Seq2Seq:
    """Whatever its weights are, where those of `like` are, of their type, and as they tied and in use."""
    weight = like.projection.weight
    with torch.device("meta"):
        made = Seq2Seq(config)
    made = made.to(weight.dtype).to_empty(device=weight.device).train(like.training)
    if config.tied_embeddings:  # which the move has parted
        made.target_embedding = made.source_embedding
        made.projection.weight = made.source_embedding.weight
    return made.requires_grad_(weight.requires_grad)


def blocks_of_axes(narrow: Seq2Seq, wide: Seq2Seq) -> dict[str, list[Blocks]]:
    """What the axes of each parameter are made of, by its name; of networks that differ in their widths only."""
    hidden, embedding, readout = (
        (getattr(narrow.config, name), getattr(wide.config, name)) for name in ("hidden", "embedding", "readout")
    )
    shapes = _shapes(narrow, hidden, embedding, readout)
    return {
        name: shapes.get(name, [[(size, size)] for size in parameter.shape])
        for name, parameter in narrow.named_parameters()
    }


def _shapes(
    network: Seq2Seq, hidden: tuple[int, int], embedding: tuple[int, int], readout: tuple[int, int]
) -> dict[str, list[Blocks]]:
    """What the axes of each parameter are made of, by its name; of those that have another shape in a wider network."""
    vocabulary = (network.config.vocabulary,) * 2
    inputs = {"encoder.stack.layers.0": [embedding], "decoder.stack.layers.0": [embedding]}
    if network.decoder.input_feeding:
        inputs["decoder.stack.layers.0"] = [embedding, readout]
    shapes: dict[str, list[Blocks]] = {
        "source_embedding.weight": [[vocabulary], [embedding]],
        "target_embedding.weight": [[vocabulary], [embedding]],
        "projection.weight": [[vocabulary], [readout]],
        "decoder.combine.weight": [[readout], [hidden] * (1 if network.decoder.attention is None else 2)],
        "decoder.of_window.weight": [[hidden], [embedding] * network.config.embedding_window],
        "decoder.attention.energy.weight": [[(1, 1)], [hidden]],
        "decoder.attention.source.bias": [[hidden]],
    }
    for name in ("project", "source", "target"):
        shapes[f"decoder.attention.{name}.weight"] = [[hidden], [hidden]]
    for name, layer in network.named_modules():
        if isinstance(layer, RecurrentLayer):
            gates = [hidden] * (layer.kernel.all_weights[0][1].shape[0] // hidden[0])
            shapes[f"{name}.kernel.weight_ih_l0"] = [gates, inputs.get(name, [hidden])]
            shapes[f"{name}.kernel.weight_hh_l0"] = [gates, [hidden]]
            shapes |= {f"{name}.kernel.bias_{way}_l0": [gates] for way in ("ih", "hh")}
    return shapes


def places(axes: Sequence[Blocks], device: torch.device) -> tuple[Tensor, ...]:
    """Where each element goes: what lies in a block, to the start of the wider one."""
    return torch.meshgrid(*(places_of_axis(blocks, device) for blocks in axes), indexing="ij")


def places_of_axis(blocks: Blocks, device: torch.device) -> Tensor:
    """Where each index of an axis goes, int64."""
    starts = [sum(new for _old, new in blocks[:number]) for number in range(len(blocks))]
    spans = (torch.arange(old, device=device) + start for start, (old, _new) in zip(starts, blocks, strict=True))
    return torch.cat(list(spans))
