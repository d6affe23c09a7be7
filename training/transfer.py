"""A network that starts from a bundle's weights: as they are, in wider layers, or with a vocabulary of its own.

Transfer learning of Zoph et al. 2016 (arXiv:1604.02201): cells and attention are the bundle's as they are. What each
piece of the vocabulary has a row of (embeddings, projection) is the bundle's where its vocabulary holds the same piece,
else the mean of those that the piece is cut into there; a control symbol that the bundle does not have stays random.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from model_store.bundle import Bundle
from model_store.config import LARGEST_WINDOW, NetworkConfig
from model_store.errors import ConfigError
from model_store.manifest import Manifest
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from training.widening import widen

WIDTHS = ("hidden", "embedding")  # of a network, which may grow
WINDOW = "embedding_window"
GROWING = (*WIDTHS, WINDOW)  # of which a bundle may have less
OF_WINDOW = "decoder.of_window.weight"
_A_ROW_FOR_EACH_PIECE = ("source_embedding.", "target_embedding.", "projection.")


def transferred(start: Bundle, tokenizer: Tokenizer, network: Seq2Seq) -> dict[str, Tensor]:
    """The weights of `network`, whose vocabulary is the tokenizer's, with all that the bundle knows in their place.

    `network`, which is changed, may be wider than the bundle's (training/widening.py), or attend the embeddings of a
    larger window, which begins with zeros: it computes the same function.

    Raises ConfigError if the networks differ in more than these, vocabulary and dropout, or as `widen`.
    """
    check_network(network.config, start.manifest)
    old = start.manifest.network
    as_wide = network.config.model_copy(update={width: getattr(old, width) for width in WIDTHS})
    narrow = network if as_wide == network.config else Seq2Seq(as_wide)
    narrow.load_state_dict(_with_rows_of(start, tokenizer, narrow))
    if narrow is not network:
        widen(narrow, network)
    return network.state_dict()


def check_network(config: NetworkConfig, manifest: Manifest) -> None:
    """Raises ConfigError for a network that cannot have the bundle's weights."""
    stated, of_bundle = (each.model_dump(exclude={"vocabulary", "dropout"}) for each in (config, manifest.network))
    # What the recipe leaves out is Verso's default here, and not what the bundle has.
    check_same("network", stated, of_bundle, manifest, otherwise="")


def check_same(
    table: str,
    stated: Mapping[str, Any],
    of_bundle: Mapping[str, Any],
    manifest: Manifest,
    *,
    otherwise: str = ", or leave it out",
) -> None:
    """Raises ConfigError if the table of a recipe states something else than the bundle has, or more of what may grow.

    otherwise: what else than the bundle's value there is to write, for the message."""
    for field, allowed in of_bundle.items():
        value = stated.get(field, allowed)
        if isinstance(value, Mapping) and isinstance(allowed, Mapping):
            check_same(f"{table}.{field}", value, allowed, manifest, otherwise=otherwise)
        elif value != allowed and not (field in GROWING and isinstance(value, int) and value > allowed):
            raise ConfigError(
                f"{table}.{field}: {value!r} is not that of {manifest.reference}, which this run starts "
                f"from; allowed: {allowed!r}{_or_more(field)}{otherwise}"
            )


def _or_more(field: str) -> str:
    """What else than the bundle's value of a field is allowed."""
    if field == WINDOW:
        return f" or an odd number above it, up to {LARGEST_WINDOW}"
    return " or more" if field in GROWING else ""


def _with_rows_of(start: Bundle, tokenizer: Tokenizer, network: Seq2Seq) -> dict[str, Tensor]:
    """The bundle's weights with a row for each piece of the tokenizer's, where need be the network's own."""
    known = {piece: id_ for id_, piece in enumerate(start.tokenizer.pieces(range(start.tokenizer.vocabulary)))}
    pieces = tokenizer.pieces(range(tokenizer.vocabulary))
    rows = [_cut(piece, known, whole=id_ in tokenizer.control_ids) for id_, piece in enumerate(pieces)]
    weights = dict(start.weights)
    if network.decoder.of_window is not None:
        weights[OF_WINDOW] = _in_the_middle(start.weights.get(OF_WINDOW), network.decoder.of_window.weight)
    for name, own in network.state_dict().items():
        if name.startswith(_A_ROW_FOR_EACH_PIECE):
            theirs = start.weights[name]
            taken = [theirs[ids].mean(dim=0) if ids else row for ids, row in zip(rows, own, strict=True)]
            weights[name] = torch.stack(taken)
    return weights


def _in_the_middle(weight: Tensor | None, like: Tensor) -> Tensor:
    """Zeros but for the columns of `weight`, those of a smaller window. Shape = (H, W * E)."""
    whole = torch.zeros_like(like)
    if weight is not None:
        side = (whole.shape[1] - weight.shape[1]) // 2
        whole[:, side : side + weight.shape[1]] = weight
    return whole


def _cut(piece: str, known: Mapping[str, int], *, whole: bool) -> list[int]:
    """The ids of the known pieces that make up `piece`, the longest first taken from the left; itself if it is known.

    whole: itself or nothing. A character that is unknown is passed over.
    """
    if piece in known:
        return [known[piece]]
    ids: list[int] = []
    start = len(piece) if whole else 0
    while start < len(piece):
        end = next((end for end in range(len(piece), start, -1) if piece[start:end] in known), None)
        if end is not None:
            ids.append(known[piece[start:end]])
        start = end or start + 1
    return ids
