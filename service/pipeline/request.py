"""What every request is held to, whatever it asks for: how much text, and which ways of searching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model_store.config import Formality
from service.catalogue import Leg
from service.errors import InvalidRequestError, RequestTooLargeError
from service.pipeline.translation import TranslationOptions


@dataclass(frozen=True)
class RequestLimits:
    """Bounds of one request: characters over all texts, texts, beam and hypotheses, seconds."""

    max_characters: int = 100_000
    max_texts: int = 1000
    max_beam_size: int = 16
    timeout_s: float = 120.0


def check_texts(texts: tuple[str, ...], limits: RequestLimits) -> None:
    """Raises InvalidRequestError for no texts or half a surrogate pair, RequestTooLargeError for too much of them."""
    if not texts:
        raise InvalidRequestError("text", f"an empty list; allowed: 1..{limits.max_texts} texts")
    if len(texts) > limits.max_texts:
        raise RequestTooLargeError("text", len(texts), limits.max_texts, "texts")
    characters = sum(map(len, texts))
    if characters > limits.max_characters:
        raise RequestTooLargeError("text", characters, limits.max_characters, "characters over all texts")
    for text in texts:
        check_characters("text", text)


def check_characters(field: str, text: str) -> None:
    """Raises InvalidRequestError for half a surrogate pair."""
    for position, character in enumerate(text if not text.isascii() else ""):
        if "\ud800" <= character <= "\udfff":
            raise InvalidRequestError(
                field, f"U+{ord(character):04X} at position {position} is half of a surrogate pair, no character"
            )


def check_formality(formality: Formality, route: Sequence[Leg]) -> None:
    """Raises InvalidRequestError if the model that writes the translation cannot be asked for it."""
    if formality == "default" or not route:
        return
    model, target = route[-1].model, route[-1].target
    if target not in model.formality:
        there = f"; it has it for {', '.join(model.formality)}" if model.formality else ""
        raise InvalidRequestError(
            "formality",
            f"{formality!r} is nothing that {model.reference} has for {target!r}{there}; allowed: 'default'",
        )


def check_options(options: TranslationOptions, limits: RequestLimits, legs: Sequence[Leg]) -> None:
    """Raises InvalidRequestError for an option outside what the service and the models of `legs` allow."""
    beam = options.beam_size
    if beam is not None and not 1 <= beam <= limits.max_beam_size:
        raise InvalidRequestError("options.beam_size", f"{beam} is not allowed; allowed: 1..{limits.max_beam_size}")
    most = limits.max_beam_size if beam is None else beam
    if not 1 <= options.n_best <= most:
        raise InvalidRequestError("options.n_best", f"{options.n_best} is not allowed; allowed: 1..{most}")
    if legs and options.prefix:
        model, room = legs[-1].model, legs[-1].model.max_target_length
        tokens = len(model.tokenizer.encode(options.prefix))
        if tokens >= min(room, options.max_length or room):
            raise InvalidRequestError("prefix", f"{tokens} tokens leave no room in the target of at most {room}")
    length = min((leg.model.max_target_length for leg in legs), default=None)
    if options.max_length is not None and length is not None and not 1 <= options.max_length <= length:
        raise InvalidRequestError("options.max_length", f"{options.max_length} is not allowed; allowed: 1..{length}")
