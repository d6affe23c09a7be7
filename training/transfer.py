"""A network with a vocabulary of its own, for other languages, that starts from a bundle's weights.

Transfer learning of Zoph et al. 2016 (arXiv:1604.02201): cells and attention are the bundle's as they are. What each
piece of the vocabulary has a row of (embeddings, projection) is the bundle's where its vocabulary holds the same piece,
else the mean of those that the piece is cut into there; a control symbol that the bundle does not have stays random.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from model_store.bundle import Bundle
from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer


def transferred(start: Bundle, tokenizer: Tokenizer, fresh: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`fresh`, the weights of a new network over the tokenizer's vocabulary, with all that the bundle knows of them.

    Raises ConfigError if the networks differ in more than their vocabulary.
    """
    theirs = start.weights
    if other := sorted(fresh.keys() ^ theirs.keys()):
        raise ConfigError(f"network: {other[0]} is not in both networks; transfer_from needs the network of the bundle")
    known = dict(zip(start.tokenizer.pieces(range(start.tokenizer.vocabulary)), range(start.tokenizer.vocabulary)))
    pieces = tokenizer.pieces(range(tokenizer.vocabulary))
    rows = [_cut(piece, known, whole=id_ in tokenizer.control_ids) for id_, piece in enumerate(pieces)]
    weights = {}
    for name, own in fresh.items():
        their = theirs[name].to(own.dtype)
        if (len(own), len(their)) == (tokenizer.vocabulary, start.tokenizer.vocabulary) and own[0].shape == their[0].shape:
            weights[name] = torch.stack(
                [their[ids].mean(dim=0) if ids else row for ids, row in zip(rows, own, strict=True)]
            )
        elif own.shape == their.shape:
            weights[name] = their.clone()
        else:
            raise ConfigError(
                f"network: {name} is of shape {tuple(own.shape)}, and {tuple(their.shape)} in "
                f"{start.manifest.name}@{start.manifest.version}, which this run starts from; transfer_from needs the "
                "same network, vocabulary aside"
            )
    return weights


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
