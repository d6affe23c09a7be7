"""Translates the texts of a request: checks it, finds the way, runs one pass or two, joins."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from service.catalogue import Catalogue, Leg
from service.errors import InvalidRequestError, RequestTooLargeError
from service.pipeline.leg import GroupLimits, Patience, translate_texts
from service.pipeline.translation import (
    Candidate,
    SegmentTranslation,
    TextTranslation,
    TranslationOptions,
    TranslationRequest,
    TranslationResult,
)


@dataclass(frozen=True)
class RequestLimits:
    """Bounds of one request: characters over all texts, texts, beam and hypotheses, seconds."""

    max_characters: int = 100_000
    max_texts: int = 1000
    max_beam_size: int = 16
    timeout_s: float = 120.0


class Translator:
    """Translates with whatever `catalogue()` holds at the moment; `warned` is told of each segment's warnings."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        limits: RequestLimits | None = None,
        groups: GroupLimits | None = None,
        warned: Callable[[str], None] = lambda _warning: None,
    ) -> None:
        self._catalogue = catalogue
        self.limits = limits or RequestLimits()
        self._groups = groups or GroupLimits()
        self._warned = warned

    async def translate(self, request: TranslationRequest) -> TranslationResult:
        """Translate every text; source and target the same gives the texts unchanged, as LibreTranslate does.

        Raises:
            InvalidRequestError, RequestTooLargeError, UnsupportedPairError, ModelNotFoundError: nothing was decoded.
            EngineError: as the engine's submit_all.
        """
        started = time.monotonic()
        catalogue = self._catalogue().for_request(request.texts, request.model)
        source = catalogue.language(request.source, "source")
        target = catalogue.language(request.target, "target")
        legs = catalogue.route(source, target)
        _check_texts(request.texts, self.limits)
        _check_options(request.options, self.limits, legs)
        with ExitStack() as held:  # a version that is replaced meanwhile goes on for this request
            for leg in legs:
                held.enter_context(leg.model.uses.hold())
            translations = await self._run(legs, request, started + self.limits.timeout_s)
        for translation in translations:
            for segment in translation.segments:
                for warning in segment.warnings:
                    self._warned(warning)
        last = legs[-1].model if legs else None
        return TranslationResult(
            translations=tuple(translations),
            source=source,
            target=target,
            model_name=last.name if last else None,
            model_version=last.version if last else None,
            via=legs[0].target if len(legs) == 2 else None,
            total_s=time.monotonic() - started,
        )

    async def _run(self, legs: tuple[Leg, ...], request: TranslationRequest, deadline: float) -> list[TextTranslation]:
        texts = list(request.texts)
        if not legs:
            return [TextTranslation((text,)) for text in texts]
        if len(legs) == 1:
            return await translate_texts(legs[0], texts, request.options, self._groups, Patience(deadline))
        return await self._through_pivot(legs, texts, request.options, deadline)

    async def _through_pivot(
        self, legs: tuple[Leg, ...], texts: list[str], options: TranslationOptions, deadline: float
    ) -> list[TextTranslation]:
        """Both passes; the second takes the best translation of each segment of the first as a text of its own."""
        first, second = legs
        one_best = TranslationOptions(options.beam_size, 1, options.length_penalty, options.max_length)
        halfway = await translate_texts(first, texts, one_best, self._groups, Patience(deadline))
        middle = [segment.best.text for text in halfway for segment in text.segments]
        patience = Patience(deadline, accepted=bool(middle))
        finished = iter(await translate_texts(second, middle, options, self._groups, patience))
        return [
            TextTranslation(
                tuple(piece if isinstance(piece, str) else _joined(piece, next(finished)) for piece in text.pieces)
            )
            for text in halfway
        ]


def _joined(first: SegmentTranslation, second: TextTranslation) -> SegmentTranslation:
    """A segment's way through the pivot language. The two scores add up, as log-probabilities do."""
    candidates = (second.best, *second.alternatives)
    return SegmentTranslation(
        source=first.source,
        candidates=tuple(Candidate(each.text, first.best.score + each.score, each.tokens) for each in candidates),
        alignment=None,
        warnings=tuple(dict.fromkeys((*first.warnings, *second.warnings))),
        source_tokens=first.source_tokens,
        timings=max((first.timings, *(s.timings for s in second.segments)), key=lambda t: t.queue_s + t.decode_s),
    )


def _check_texts(texts: tuple[str, ...], limits: RequestLimits) -> None:
    if not texts:
        raise InvalidRequestError("text", f"an empty list; allowed: 1..{limits.max_texts} texts")
    if len(texts) > limits.max_texts:
        raise RequestTooLargeError(f"text: {len(texts)} texts; allowed: 1..{limits.max_texts}")
    characters = sum(map(len, texts))
    if characters > limits.max_characters:
        raise RequestTooLargeError(f"text: {characters} characters; allowed: 0..{limits.max_characters} over all texts")
    for text in texts:
        for position, character in enumerate(text if not text.isascii() else ""):
            if "\ud800" <= character <= "\udfff":
                raise InvalidRequestError(
                    "text", f"U+{ord(character):04X} at position {position} is half of a surrogate pair, no character"
                )


def _check_options(options: TranslationOptions, limits: RequestLimits, legs: tuple[Leg, ...]) -> None:
    beam = options.beam_size
    if beam is not None and not 1 <= beam <= limits.max_beam_size:
        raise InvalidRequestError("options.beam_size", f"{beam} is not allowed; allowed: 1..{limits.max_beam_size}")
    most = limits.max_beam_size if beam is None else beam
    if not 1 <= options.n_best <= most:
        raise InvalidRequestError("options.n_best", f"{options.n_best} is not allowed; allowed: 1..{most}")
    length = min((leg.model.max_target_length for leg in legs), default=None)
    if options.max_length is not None and length is not None and not 1 <= options.max_length <= length:
        raise InvalidRequestError("options.max_length", f"{options.max_length} is not allowed; allowed: 1..{length}")
