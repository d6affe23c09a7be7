"""Says which words of a translation come from which words of its source."""

from __future__ import annotations

from collections.abc import Sequence

from model_store.decoding.segment import Hypothesis
from model_store.tokenizer import Tokenizer
from service.pipeline.spans import token_spans
from service.pipeline.translation import Link


def align(
    source: str, target: str, source_ids: Sequence[int], hypothesis: Hypothesis, tokenizer: Tokenizer
) -> tuple[Link, ...] | None:
    """A link per target token that has characters and attends most to a source token; a source token of only a space
    stands for what follows it.

    None if the network has no attention, or if the tokens do not spell the texts (which only a text with U+2581, or
    a decoder that writes broken UTF-8, brings about).
    """
    if hypothesis.alignment is None:
        return None
    prefix = tokenizer.source_prefix
    source_spans = token_spans(tokenizer.pieces(source_ids[prefix:-1]), source)
    target_spans = token_spans(tokenizer.pieces(hypothesis.tokens), target)
    if source_spans is None or target_spans is None:
        return None
    links = []
    for target_span, position in zip(target_spans, hypothesis.alignment, strict=True):
        source_span = next((span for span in source_spans[max(position - prefix, 0) :] if span), None)
        if target_span and position >= prefix and source_span:
            links.append(Link(source_span, target_span))
    return tuple(links)
