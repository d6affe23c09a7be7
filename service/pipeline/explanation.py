"""How one segment was translated: its tokens, the attention between them, and the beam at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model_store.decoding.segment import Extension, Hypothesis, SearchStep
from model_store.tokenizer import Tokenizer
from service.errors import InvalidRequestError
from service.pipeline.spans import token_spans

# An explanation is much larger than the translation; a text of more segments is explained segment by segment.
MOST_SEGMENTS = 8


@dataclass(frozen=True)
class Token:
    """piece: as the vocabulary writes it, U+2581 for a space. span: characters of the text, half-open; None for
    control tokens, and where the tokens do not spell the text."""

    piece: str
    span: tuple[int, int] | None


@dataclass(frozen=True)
class Branch:
    """A hypothesis made one token longer: `piece` is its new token, None where it finished. parent: its place among the
    live ones of the step before. log_prob, score: as the decoder's."""

    piece: str | None
    parent: int
    log_prob: float
    score: float


@dataclass(frozen=True)
class BeamStep:
    """live: the hypotheses that go on, best first. finished: those that ended."""

    live: tuple[Branch, ...]
    finished: tuple[Branch, ...]


@dataclass(frozen=True)
class Explanation:
    """source: every token that the network reads, control tokens too. target: those of the best translation.

    attention: weights, a row for each of `target` with a column for each of `source`; None without attention.
    beam: from the first step to the last.
    """

    source: tuple[Token, ...]
    target: tuple[Token, ...]
    attention: tuple[tuple[float, ...], ...] | None
    beam: tuple[BeamStep, ...]


def check_explainable(segments: int) -> None:
    """Raises InvalidRequestError if so many segments are too many."""
    if segments > MOST_SEGMENTS:
        raise InvalidRequestError(
            "options.explain", f"the texts come to {segments} segments; allowed: at most {MOST_SEGMENTS} at once"
        )


def explain(
    source: str, target: str, source_ids: Sequence[int], best: Hypothesis, tokenizer: Tokenizer
) -> Explanation | None:
    """The explanation of a segment that was decoded with its search recorded; None if it was not."""
    if best.search is None:
        return None
    prefix = tokenizer.source_prefix
    spans = token_spans(tokenizer.pieces(source_ids[prefix:-1]), source)
    read = [None] * len(source_ids) if spans is None else [*[None] * prefix, *spans, None]
    written = token_spans(tokenizer.pieces(best.tokens), target) or [None] * len(best.tokens)
    weights = None if best.attention is None else tuple(tuple(row) for row in best.attention.tolist())
    return Explanation(
        source=_tokens(source_ids, read, tokenizer),
        target=_tokens(best.tokens, written, tokenizer),
        attention=weights,
        beam=tuple(_step(step, tokenizer) for step in best.search),
    )


def _tokens(ids: Sequence[int], spans: Sequence[tuple[int, int] | None], tokenizer: Tokenizer) -> tuple[Token, ...]:
    return tuple(Token(piece, span) for piece, span in zip(tokenizer.pieces(ids), spans, strict=True))


def _step(step: SearchStep, tokenizer: Tokenizer) -> BeamStep:
    def branches(extensions: Sequence[Extension]) -> tuple[Branch, ...]:
        pieces = tokenizer.pieces([each.token for each in extensions])
        return tuple(
            Branch(None if each.token == tokenizer.eos_id else piece, each.parent, each.log_prob, each.score)
            for piece, each in zip(pieces, extensions, strict=True)
        )

    return BeamStep(branches(step.live), branches(step.finished))
