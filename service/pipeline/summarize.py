"""Summarizes texts of any length: text -> windows of whole sentences -> a line for each -> all lines, or the best.

A summarizer reads as much at once as its bundle says. A longer text is read window by window, so every sentence is
read, and none is cut off; but a window without a letter (a table of numbers, a row of dashes) is not, since of that the
network would only make something up. Its one line is the one that the network is surest of, with a start for the first
window's, since a text says first what it is about. (To read the lines once more instead loses: docs/quality.md.)
A summarizer that has learned to writes nothing of a text unlike those it knows: then the text's first sentence stands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from service.catalogue import Leg
from service.errors import InvalidRequestError
from service.pipeline.aside import aside
from service.pipeline.leg import Asked, Patience, decode_texts, split_for
from service.pipeline.pipeline import Pipeline
from service.pipeline.request import check_options, check_texts
from service.pipeline.source import find_languages, surely_in_another
from service.pipeline.translation import (
    AUTO,
    NO_TURN,
    SegmentTranslation,
    TranslationOptions,
    Turn,
    WarningName,
    common_language,
    mean_score,
)
from service.text.detection import Detection
from service.text.lead import first_sentence
from service.text.segmentation import has_letter
from service.tracing import phase

Format = Literal["line", "lines"]

# What the first window's line is ahead, in nats of the mean log-probability of a token.
FIRST_AHEAD = 0.5


@dataclass(frozen=True)
class SummaryRequest:
    """Texts of one language; with "auto" that of each is found out. format: one line for each text, or one for each
    window of it."""

    texts: tuple[str, ...]
    language: str
    model: str | None = None
    format: Format = "line"
    options: TranslationOptions = field(default_factory=TranslationOptions)
    turn: Turn = NO_TURN


@dataclass(frozen=True)
class Summary:
    """language: that it was made in, as the bundle writes it. detection: how sure that is; None if the request says it.
    parts: each window that has a letter, with its line. lines: those of them that make up the summary.

    score: mean natural-log probability of the tokens of those of `lines` that the model wrote; None if it wrote none.
    warnings: besides those of its segments, "first_sentence" if the model had nothing to say, "other_language" if the
    text is surely not in the one that the request named, "read_in_windows" if it was longer than the model reads at
    once, whether or not all of it was read, and "not_shorter".
    """

    language: str
    parts: tuple[SegmentTranslation, ...]
    lines: tuple[str, ...]
    score: float | None
    warnings: tuple[WarningName, ...]
    detection: Detection | None = None

    @property
    def text(self) -> str:
        """The summary, a line each if there are several."""
        return "\n".join(self.lines)


@dataclass(frozen=True)
class SummaryResult:
    """The answer to a request. model_name, model_version: the bundle that wrote the first summary. total_s: seconds of
    the whole request."""

    summaries: tuple[Summary, ...]
    model_name: str
    model_version: str
    total_s: float

    @property
    def language(self) -> str:
        """That of all summaries; "auto" if they are in several."""
        return common_language({summary.language for summary in self.summaries})


class Summarizer(Pipeline):
    """Summarizes with whatever models are loaded."""

    async def summarize(self, request: SummaryRequest) -> SummaryResult:
        """Summarize every text.

        Raises:
            InvalidRequestError, RequestTooLargeError, ModelNotFoundError, UnsupportedLanguageError: nothing was
                decoded.
            EngineError: as the engine's submit_all.
        """
        started = time.monotonic()
        check_texts(request.texts, self.limits)
        if request.options.n_best != 1:
            raise InvalidRequestError("options.n_best", f"{request.options.n_best} is not allowed; allowed: 1")
        detected = await self._detected(request)
        # From here to the hold nothing is awaited, so that what is routed to is still there.
        catalogue = self._catalogue().for_request(request.texts, request.model, "summarize")
        named = [each.language for each in detected] or [request.language] * len(request.texts)
        legs = [catalogue.summarizer(language) for language in named]
        check_options(request.options, self.limits, legs)
        with ExitStack() as held:
            for leg in legs:
                held.enter_context(leg.model.uses.hold())
            made = await self._run(legs, request, request.turn.deadline(started, self.limits.timeout_s))
        if detected:
            summaries = [replace(each, detection=found) for each, found in zip(made, detected, strict=True)]
        else:
            summaries = await asyncio.to_thread(_doubted, made, request.texts, tuple(catalogue.summarizers))
        self._warn(warning for summary in summaries for warning in summary.warnings)
        first = legs[0].model
        return SummaryResult(tuple(summaries), first.name, first.version, time.monotonic() - started)

    async def _detected(self, request: SummaryRequest) -> list[Detection]:
        """The language of each text; none if the request names it, or if nothing is summarized at all."""
        catalogue = self._catalogue().for_request(request.texts, request.model, "summarize")
        languages = tuple(sorted(catalogue.summarizers))
        if request.language.lower() != AUTO or not languages:
            return []
        with phase("detection", {"texts": len(request.texts)}):
            return await asyncio.to_thread(
                find_languages, request.texts, languages, catalogue.pivot, field="language", use="summarized"
            )

    async def _run(self, legs: Sequence[Leg], request: SummaryRequest, deadline: float) -> list[Summary]:
        """The summary of each text by its leg; texts of one language after those of another."""
        patience = Patience(deadline, turn=request.turn)
        self._door.refuse_if_full(legs[0], request.texts, patience)
        summaries: dict[int, Summary] = {}
        for leg in {leg.source: leg for leg in legs}.values():
            places = [place for place, each in enumerate(legs) if each.source == leg.source]
            texts = [request.texts[place] for place in places]
            read = await self._read(leg, [" ".join(text.split()) for text in texts], request.options, patience)
            made = await aside(partial(_summaries, leg, texts, read, request.format), texts)
            summaries.update(zip(places, made, strict=True))
            if any(read):
                patience = patience.underway()
        return [summaries[place] for place in range(len(legs))]

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
    """Whole sentences, as many as the model reads at once; a sentence longer than that in parts. None has no letter."""

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
    return [window for window in [*windows, held.strip()] if has_letter(window)]


def _parts(text: str, fits: Callable[[str], bool]) -> list[str]:
    """What has no letter (a row of dashes or digits) comes in one piece however long it is: halved until it fits."""
    if fits(text) or len(text) == 1:
        return [text]
    middle = len(text) // 2
    return [*_parts(text[:middle], fits), *_parts(text[middle:], fits)]


def _best(parts: Sequence[SegmentTranslation]) -> SegmentTranslation:
    """The part whose line is the summary of all; one with an empty line only if all are."""

    def rank(number: int) -> tuple[bool, float]:
        best = parts[number].best
        return bool(best.text), best.score + (0.0 if number else FIRST_AHEAD)

    return parts[max(range(len(parts)), key=rank)]


def _doubted(summaries: Sequence[Summary], texts: Sequence[str], languages: Sequence[str]) -> list[Summary]:
    """The summaries, with a warning where a text is surely not in the language that the request named."""
    return [
        replace(each, warnings=("other_language", *each.warnings))
        if surely_in_another(text, each.language, languages)
        else each
        for each, text in zip(summaries, texts, strict=True)
    ]


def _summaries(
    leg: Leg, texts: Sequence[str], read: Sequence[list[SegmentTranslation]], made_as: Format
) -> list[Summary]:
    return [_summary(leg, text, parts, made_as) for text, parts in zip(texts, read, strict=True)]


def _summary(leg: Leg, text: str, parts: list[SegmentTranslation], made_as: Format) -> Summary:
    told = _told(leg, text, parts, made_as)
    lines = tuple(line for _part, line in told)
    written = [part for part, _line in told if part is not None]
    warnings: dict[WarningName, None] = {"first_sentence": None} if len(written) < len(told) else {}
    warnings |= {warning: None for part in written for warning in part.best.warnings}
    evened = " ".join(text.split())
    if evened and len("\n".join(lines)) >= len(evened):
        warnings["not_shorter"] = None
    if parts and parts[0].source != evened:
        warnings["read_in_windows"] = None
    score, tokens = mean_score([part.best for part in written])
    return Summary(leg.source, tuple(parts), lines, score if tokens else None, tuple(warnings))


def _told(
    leg: Leg, text: str, parts: list[SegmentTranslation], made_as: Format
) -> list[tuple[SegmentTranslation | None, str]]:
    """The lines of a summary, each with the part that the model wrote it of. Where it has nothing to say that is none,
    and a first sentence stands: where one line is for all, if it has nothing of the first part, nor of half of all.
    What a network learns from begins as texts do, so of a later part it may have nothing to say."""
    if made_as == "lines":
        return [(part, part.best.text) if part.best.text else (None, _lead(leg, part.source)) for part in parts]
    if not parts:
        return []
    if not parts[0].best.text and 2 * sum(not part.best.text for part in parts) >= len(parts):
        return [(None, _lead(leg, text))]
    best = _best(parts)
    return [(best, best.best.text)]


def _lead(leg: Leg, text: str) -> str:
    """The first sentence of a text; of one that is longer than the model reads at once its beginning, and "…".
    "" if only what marks an item of a list has a letter, as in "b) 12"."""
    sentence = first_sentence(text, leg.source)
    pieces = [piece.text for piece in split_for(leg, sentence) if piece.translate]
    return f"{pieces[0]} …" if len(pieces) > 1 else sentence
