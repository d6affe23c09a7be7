"""Generates with a bundle of any other task (comment, math, style): each text is one input, as it stands."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from service.catalogue import Leg
from service.errors import InvalidRequestError
from service.pipeline.leg import Asked, Patience, decode_texts
from service.pipeline.pipeline import Pipeline
from service.pipeline.quality import is_low, repeats
from service.pipeline.request import check_options, check_texts
from service.pipeline.translation import SegmentTranslation, TranslationOptions, Turn, WarningName


@dataclass(frozen=True)
class GenerationRequest:
    """Texts for the model of that name. language: what it is to write, of those that it has; None if it has one."""

    texts: tuple[str, ...]
    model: str
    language: str | None
    options: TranslationOptions
    turn: Turn


@dataclass(frozen=True)
class GenerationResult:
    """outputs: one for each text. task, language: as the bundle writes them. total_s: of the whole request."""

    outputs: tuple[SegmentTranslation, ...]
    task: str
    language: str
    model_name: str
    model_version: str
    total_s: float


class Generator(Pipeline):
    """Generates with whatever models are loaded."""

    async def generate(self, request: GenerationRequest) -> GenerationResult:
        """Decode every text.

        Raises:
            InvalidRequestError, RequestTooLargeError, ModelNotFoundError: nothing was decoded.
            EngineError: as the engine's submit_all.
        """
        started = time.monotonic()
        check_texts(request.texts, self.limits)
        catalogue = self._catalogue().for_request(request.texts, request.model)
        leg = catalogue.generator(request.language)
        check_options(request.options, self.limits, (leg,))
        patience = Patience(request.turn.deadline(started, self.limits.timeout_s), turn=request.turn)
        self._door.refuse_if_full(leg, request.texts, patience)
        _check_fit(leg, request.texts)
        asked = [Asked(text, request.options) for text in request.texts]
        with leg.model.uses.hold():
            decoded = await decode_texts(leg, asked, self._groups, patience)
        self._warn(warning for output in decoded for warning in warnings_of(output))
        model = leg.model
        return GenerationResult(
            tuple(decoded), model.task, leg.target, model.name, model.version, time.monotonic() - started
        )


def warnings_of(output: SegmentTranslation) -> tuple[WarningName, ...]:
    """Of the best one: its own, and what does not depend on the task."""
    found: dict[WarningName, bool] = {
        "repetition": repeats(output.source, output.best.text),
        "low_score": is_low(output.best.score),
    }
    return (*output.best.warnings, *(name for name, there in found.items() if there))


def _check_fit(leg: Leg, texts: Sequence[str]) -> None:
    """A text that is cut would give an answer to another question."""
    most = leg.model.max_source_tokens
    for index, text in enumerate(texts):
        tokens = len(leg.model.tokenizer.encode(text))
        if tokens > most:
            raise InvalidRequestError("text", f"text {index} has {tokens} tokens; allowed: at most {most}")
        if not text.strip():
            raise InvalidRequestError("text", f"text {index} is empty; allowed: text")
