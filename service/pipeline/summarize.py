"""Summarizes texts of any length: text -> windows of whole sentences -> a line for each -> all lines, or the best.

A summarizer reads as much at once as its bundle says. A longer text is read window by window, so every sentence is
read, and none is cut off. Its one line is the one that the network is surest of, with a start for the first window's,
since a text says first what it is about. (To read the lines once more instead loses: docs/quality.md.)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from service.catalogue import Leg
from service.errors import InvalidRequestError
from service.pipeline.leg import Asked, Patience, decode_texts, split_for
from service.pipeline.pipeline import Pipeline
from service.pipeline.request import check_options, check_texts
from service.pipeline.translation import NO_TURN, SegmentTranslation, TranslationOptions, Turn, WarningName
from service.tracing import phase

Format = Literal["line", "lines"]

# What the first window's line is ahead, in nats of the mean log-probability of a token.
FIRST_AHEAD = 0.5


@dataclass(frozen=True)
class SummaryRequest:
    """Texts of one language. format: one line for each text, or one for each window of it."""

    texts: tuple[str, ...]
    language: str
    model: str | None = None
    format: Format = "line"
    options: TranslationOptions = field(default_factory=TranslationOptions)
    turn: Turn = NO_TURN


@dataclass(frozen=True)
class Summary:
    """parts: each window with its line. lines: those of them that make up the summary.

    score: mean natural-log probability of the tokens of `lines`, 0 for a text without a word. warnings: besides those
    of its segments, "read_in_windows" if the text was longer than the model reads at once, and "not_shorter".
    """

    parts: tuple[SegmentTranslation, ...]
    lines: tuple[str, ...]
    score: float
    warnings: tuple[WarningName, ...]

    @property
    def text(self) -> str:
        """The summary, a line each if there are several."""
        return "\n".join(self.lines)


@dataclass(frozen=True)
class SummaryResult:
    """The answer to a request. language: as the bundle writes it. total_s: of the whole request."""

    summaries: tuple[Summary, ...]
    language: str
    model_name: str
    model_version: str
    total_s: float


class Summarizer(Pipeline):
    """Summarizes with whatever models are loaded."""

    async def summarize(self, request: SummaryRequest) -> SummaryResult:
        """Summarize every text.

        Raises:
            InvalidRequestError, RequestTooLargeError, ModelNotFoundError: nothing was decoded.
            EngineError: as the engine's submit_all.
        """
        started = time.monotonic()
        check_texts(request.texts, self.limits)
        leg = self._catalogue().for_request(request.texts, request.model, "summarize").summarizer(request.language)
        check_options(request.options, self.limits, (leg,))
        if request.options.n_best != 1:
            raise InvalidRequestError("options.n_best", f"{request.options.n_best} is not allowed; allowed: 1")
        with leg.model.uses.hold():
            summaries = await self._run(leg, request, request.turn.deadline(started, self.limits.timeout_s))
        self._warn(warning for summary in summaries for warning in summary.warnings)
        return SummaryResult(
            tuple(summaries), leg.source, leg.model.name, leg.model.version, time.monotonic() - started
        )

    async def _run(self, leg: Leg, request: SummaryRequest, deadline: float) -> list[Summary]:
        patience = Patience(deadline, turn=request.turn)
        self._door.refuse_if_full(leg, request.texts, patience)
        texts = [" ".join(text.split()) for text in request.texts]
        read = await self._read(leg, texts, request.options, patience)
        return [
            _summary(text, parts, [_best(parts)] if parts and request.format == "line" else parts)
            for text, parts in zip(texts, read, strict=True)
        ]

    async def _read(
        self, leg: Leg, texts: Sequence[str], options: TranslationOptions, patience: Patience
    ) -> list[list[SegmentTranslation]]:
        """The windows of each text with a line for each."""
        with phase("segmentation", {"texts": len(texts), "characters": sum(map(len, texts))}):
            windows = await asyncio.to_thread(lambda: [_windows(leg, text) for text in texts])
        flat = [window for each in windows for window in each]
        read = iter(await decode_texts(leg, [Asked(window, options) for window in flat], self._groups, patience))
        return [[next(read) for _window in each] for each in windows]


def _windows(leg: Leg, text: str) -> list[str]:
    """Whole sentences, as many as the model reads at once; a sentence longer than that in parts."""

    def fits(part: str) -> bool:
        return len(leg.model.tokenizer.encode(part.strip())) <= leg.model.max_source_tokens

    windows: list[str] = []
    held = ""
    for piece in split_for(leg, text):
        for part in [piece.text] if piece.translate else _parts(piece.text, fits):
            if held.strip() and not fits(held + part):
                windows.append(held.strip())
                held = ""
            held += part
    return [*windows, held.strip()] if held.strip() else windows


def _parts(text: str, fits: Callable[[str], bool]) -> list[str]:
    """What has no letter (a row of dashes or digits) comes in one piece however long it is: halved until it fits."""
    if fits(text) or len(text) == 1:
        return [text]
    middle = len(text) // 2
    return [*_parts(text[:middle], fits), *_parts(text[middle:], fits)]


def _best(parts: Sequence[SegmentTranslation]) -> SegmentTranslation:
    """The part whose line is the summary of all; one that says nothing only if none says anything."""

    def rank(number: int) -> tuple[bool, float]:
        best = parts[number].best
        return bool(best.text), best.score + (0.0 if number else FIRST_AHEAD)

    return parts[max(range(len(parts)), key=rank)]


def _summary(text: str, parts: list[SegmentTranslation], chosen: list[SegmentTranslation]) -> Summary:
    lines = tuple(part.best.text for part in chosen)
    tokens = sum(part.best.tokens for part in chosen)
    warnings: dict[WarningName, None] = {warning: None for part in chosen for warning in part.warnings}
    if text and len("\n".join(lines)) >= len(text):
        warnings["not_shorter"] = None
    if len(parts) > 1:
        warnings["read_in_windows"] = None
    score = sum(part.best.score * part.best.tokens for part in chosen) / max(tokens, 1)
    return Summary(tuple(parts), lines, score, tuple(warnings))
