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
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer

_A_ROW_FOR_EACH_PIECE = ("source_embedding.", "target_embedding.", "projection.")


def transferred(start: Bundle, tokenizer: Tokenizer, network: Seq2Seq) -> dict[str, Tensor]:
    """The weights of `network`, whose vocabulary is the tokenizer's, with all that the bundle knows in their place.

    Raises ConfigError if the networks differ in more than vocabulary and dropout.
    """
    _check_same(start, network)
    known = {piece: id_ for id_, piece in enumerate(start.tokenizer.pieces(range(start.tokenizer.vocabulary)))}
    pieces = tokenizer.pieces(range(tokenizer.vocabulary))
    rows = [_cut(piece, known, whole=id_ in tokenizer.control_ids) for id_, piece in enumerate(pieces)]
    weights = {}
    for name, own in network.state_dict().items():
        theirs = start.weights[name]
        if name.startswith(_A_ROW_FOR_EACH_PIECE):
            taken = [theirs[ids].mean(dim=0) if ids else row for ids, row in zip(rows, own, strict=True)]
            weights[name] = torch.stack(taken)
        else:
            weights[name] = theirs.clone()
    return weights


def _check_same(start: Bundle, network: Seq2Seq) -> None:
    manifest, free = start.manifest, {"vocabulary", "dropout"}
    own, theirs = (each.model_dump(exclude=free) for each in (network.config, manifest.network))
    for field, value in own.items():
        if value != theirs[field]:
            raise ConfigError(
                f"network.{field}: {value!r} is not that of {manifest.name}@{manifest.version}, which transfer_from "
                f"names; allowed: {theirs[field]!r}"
            )


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
