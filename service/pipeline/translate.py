"""Translates the texts of a request: checks it, finds the way, runs one pass or two, joins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from operator import attrgetter

from service.catalogue import Leg
from service.errors import InvalidRequestError
from service.pipeline.leg import Patience
from service.pipeline.markup import translate_html
from service.pipeline.passes import Pass, translate_texts
from service.pipeline.pipeline import Pipeline
from service.pipeline.request import check_characters, check_formality, check_options, check_texts
from service.pipeline.source import Passage, detect_sources, document_languages
from service.pipeline.translation import (
    AUTO,
    GLOSSARY_NEEDS_SOURCE,
    Candidate,
    SegmentTranslation,
    TextTranslation,
    TranslationOptions,
    TranslationRequest,
    TranslationResult,
    Way,
)
from service.pipeline.writing import Part, Told, Writing
from service.text.detection import Detection
from service.text.glossary import Glossary
from service.tracing import phase


class Translator(Pipeline):
    """Translates with whatever models are loaded."""

    async def translate(self, request: TranslationRequest, told: Told | None = None) -> TranslationResult:
        """Translate every text; source and target the same gives the texts unchanged, as LibreTranslate does. `told`
        hears what each translation is sure to begin with, as it grows; nothing of HTML and through a pivot.

        Raises:
            InvalidRequestError, RequestTooLargeError, UnsupportedPairError, ModelNotFoundError: nothing was decoded.
            EngineError: as the engine's submit_all.
        """
        started = time.monotonic()
        _check_format(request)
        _check_prefix(request)
        if request.glossary and request.source.lower() == AUTO:
            raise InvalidRequestError("glossary", GLOSSARY_NEEDS_SOURCE)
        check_texts(request.texts, self.limits)
        detected, passages = await self._detected(request)
        # From here to the hold nothing is awaited, so that what is routed to is still there.
        catalogue = self._catalogue().for_request(request.texts, request.model, "translate")
        target = catalogue.language(request.target, "target")
        if not detected:
            source = catalogue.language(request.source, "source")
            passages = [Passage(index, text, source) for index, text in enumerate(request.texts)]
        languages = dict.fromkeys([*(each.language for each in detected), *(each.language for each in passages)])
        routes = {language: catalogue.route(language, target) for language in languages}
        legs = [leg for route in routes.values() for leg in route]
        check_options(request.options, self.limits, legs)
        for route in routes.values():
            check_formality(request.options.formality, route)
        if request.glossary and any(len(route) > 1 for route in routes.values()):
            raise InvalidRequestError("glossary", f"not through {legs[0].target!r}; allowed: pairs of one model")
        with ExitStack() as held:  # a version that is replaced meanwhile goes on for this request
            for leg in legs:
                held.enter_context(leg.model.uses.hold())
            translations = await self._run(passages, routes, request, started, Writing(told) if told else None)
        self._warn(warning for text in translations for segment in text.segments for warning in segment.best.warnings)
        ways = [_way(each, routes[each.language]) for each in detected or passages]
        return TranslationResult(tuple(translations), tuple(ways), target, time.monotonic() - started)

    async def languages(self, texts: Sequence[str], source: str, target: str, model: str | None) -> list[str]:
        """The language of each text of a document, whose parts are requests of their own. source: as a request's;
        if it is "auto", a text that does not say is in that of the one before it.

        Raises:
            UnsupportedLanguageError, UnsupportedPairError, ModelNotFoundError, EngineUnavailableError: a request
                for one of them would be refused.
        """
        catalogue = self._catalogue().for_request(texts, model, "translate")
        target = catalogue.language(target, "target")
        if source.lower() == AUTO:
            found = await asyncio.to_thread(document_languages, texts, target, catalogue)
        else:
            found = [catalogue.language(source, "source")] * len(texts)
        for language in dict.fromkeys(found):
            catalogue.route(language, target)
        return found

    async def _detected(self, request: TranslationRequest) -> tuple[list[Detection], list[Passage]]:
        """The language of each text, and their passages; both empty if the request names the language."""
        if request.source.lower() != AUTO:
            return [], []
        catalogue = self._catalogue().for_request(request.texts, request.model, "translate")
        catalogue.language(request.target, "target")  # first, since without any language there is none to detect
        with phase("detection", {"texts": len(request.texts)}):
            return await detect_sources(request.texts, catalogue, html=request.format == "html")

    async def _run(
        self,
        passages: Sequence[Passage],
        routes: Mapping[str, tuple[Leg, ...]],
        request: TranslationRequest,
        started: float,
        writing: Writing | None,
    ) -> list[TextTranslation]:
        """The texts in their order; passages of one source language are translated after those of another."""
        deadline = request.turn.deadline(started, self.limits.timeout_s)
        patience = Patience(deadline, started + request.wait_for_room_s, request.turn)
        for first in {id(legs[0].model): legs[0] for legs in routes.values() if legs}.values():
            own = [language for language, legs in routes.items() if legs and legs[0].model is first.model]
            self._door.refuse_if_full(first, [each.text for each in passages if each.language in own], patience)
        parts = [writing.part(each.index) for each in passages] if writing else []
        translated: dict[Passage, TextTranslation] = {}
        for source, legs in routes.items():
            places = [place for place, each in enumerate(passages) if each.language == source]
            chosen = [passages[place] for place in places]
            along = [parts[place] for place in places] if parts else []
            done = await self._pass(legs, [each.text for each in chosen], request, patience, along)
            translated.update(zip(chosen, done, strict=True))
            patience = patience.after(done)
        pieces: list[list[str | SegmentTranslation]] = [[] for _text in request.texts]
        for passage in passages:
            pieces[passage.index] += translated[passage].pieces
        return [TextTranslation(tuple(each)) for each in pieces]

    async def _pass(
        self,
        legs: tuple[Leg, ...],
        texts: list[str],
        request: TranslationRequest,
        patience: Patience,
        parts: Sequence[Part],
    ) -> list[TextTranslation]:
        """The texts of one source language: unchanged, by one model, or through the pivot language."""
        if not legs:
            for text, part in zip(texts, parts, strict=False):
                part.split([text])
            return [TextTranslation((text,)) for text in texts]
        if len(legs) == 1:
            return await self._leg(legs[0], texts, request, patience, parts)
        return await self._through_pivot(legs, texts, request, patience)

    async def _leg(
        self,
        leg: Leg,
        texts: Sequence[str],
        request: TranslationRequest,
        patience: Patience,
        parts: Sequence[Part] = (),
        *,
        uncut: bool = False,
    ) -> list[TextTranslation]:
        """One pass, of texts or of HTML. uncut: as of a Pass."""
        glossary = Glossary(request.glossary, leg.source) if request.glossary else None
        through = Pass(leg, request.options, self._groups, patience, glossary, uncut)
        if request.format == "html":
            return await translate_html(
                texts, lambda plain: translate_texts(through, plain), attributes=request.attributes
            )
        return await translate_texts(through, texts, parts)

    async def _through_pivot(
        self, legs: tuple[Leg, ...], texts: list[str], request: TranslationRequest, patience: Patience
    ) -> list[TextTranslation]:
        """Both passes; the second takes the best translation of each segment of the first as a text of its own. Where
        that has to begin with a prefix, there is one such segment."""
        first, second = legs
        options = request.options
        one_best = TranslationOptions(options.beam_size, 1, options.length_penalty, options.max_length)
        uncut = bool(options.prefix)
        halfway = await self._leg(first, texts, replace(request, options=one_best), patience, uncut=uncut)
        middle = [segment.best.text for text in halfway for segment in text.segments]
        # What the second model saw is no explanation of the first one's text.
        plain = replace(request, options=replace(options, explain=False))
        finished = iter(await self._leg(second, middle, plain, patience.after(halfway)))
        return [
            TextTranslation(
                tuple(piece if isinstance(piece, str) else _joined(piece, next(finished)) for piece in text.pieces)
            )
            for text in halfway
        ]


def _way(source: Detection | Passage, legs: tuple[Leg, ...]) -> Way:
    found = source if isinstance(source, Detection) else None
    if not legs:
        return Way(source.language, found)
    via = legs[0].target if len(legs) == 2 else None
    return Way(source.language, found, via, legs[-1].model.name, legs[-1].model.version)


def _joined(first: SegmentTranslation, second: TextTranslation) -> SegmentTranslation:
    """A segment's way through the pivot language. The two scores add up, as log-probabilities do."""
    candidates = (second.best, *second.alternatives)
    warnings = tuple(dict.fromkeys((*first.best.warnings, *second.warnings)))
    return SegmentTranslation(
        source=first.source,
        language=first.language,
        candidates=tuple(
            Candidate(each.text, first.best.score + each.score, each.tokens, warnings=warnings) for each in candidates
        ),
        source_tokens=first.source_tokens,
        timings=max((first.timings, *(s.timings for s in second.segments)), key=attrgetter("total_s")),
    )


def _check_prefix(request: TranslationRequest) -> None:
    prefix = request.options.prefix
    if not prefix:
        return
    check_characters("prefix", prefix)
    if len(request.texts) > 1 or request.format != "text":
        asked = f"{len(request.texts)} texts of format {request.format!r}"
        raise InvalidRequestError("prefix", f"not with {asked}; allowed: with one text, of format 'text'")
    if prefix[0].isspace():
        raise InvalidRequestError("prefix", "begins with white space; allowed: what the translation begins with")
    if request.source.lower() == AUTO:
        raise InvalidRequestError("prefix", "not with source 'auto'; allowed: with a language")


def _check_format(request: TranslationRequest) -> None:
    if request.format == "html" and request.options.explain:
        raise InvalidRequestError("options.explain", "not with format 'html'; allowed: with 'text'")
