"""The bodies of /v1: requests are strict, answers are built from a TranslationResult."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from model_store.config import Formality
from service.api.explanation_schemas import ExplanationBody
from service.api.fields import FixedBody, ModelField, PriorityField, StrictBody, TextField, TimeoutField, turn_of
from service.api.glossary_schemas import GlossaryField, TermUseBody
from service.pipeline.translation import (
    Format,
    Link,
    SegmentTranslation,
    TextTranslation,
    TranslationOptions,
    TranslationRequest,
    TranslationResult,
    Way,
)


class OptionsBody(FixedBody):
    """How to search; what is left out is the bundle's own."""

    beam_size: int | None = Field(None, ge=1, description="Hypotheses kept at each step.")
    n_best: int = Field(1, ge=1, description="Translations returned at most; all but the best are `alternatives`.")
    length_penalty: float | None = Field(None, ge=0, le=5, description="alpha of ((5 + length) / 6) ** alpha.")
    max_length: int | None = Field(None, ge=1, description="Longest target of a segment, in tokens.")
    explain: bool = Field(False, description="Also answer with attention weights and the beam, for at most 8 segments.")


class TranslateBody(StrictBody):
    """One text or many of one pair of languages."""

    text: TextField = Field(description="Text of any length, or a list; split into segments and joined again exactly.")
    source: str = Field(
        max_length=35, description='Language code, or "auto": found out for each text.', examples=["en", "auto"]
    )
    target: str = Field(max_length=35, examples=["ru"])
    model: ModelField = None
    format: Format = Field(
        "text",
        description="Of HTML its text, alt, title, placeholder and aria-label; inline tags go with their words.",
    )
    options: OptionsBody = OptionsBody()
    prefix: str = Field("", max_length=2000, description="What the translation begins with; of one text, as a segment.")
    formality: Formality = Field(
        "default", description="How the translation addresses its reader; where /v1/models says so for the pair."
    )
    glossary: GlossaryField = None
    stream: bool = Field(False, description="Answer with server-sent events while it is translated.")
    priority: PriorityField = "interactive"
    timeout_s: TimeoutField = None

    def request(self) -> TranslationRequest:
        """What the pipeline is asked."""
        return TranslationRequest(
            texts=self.text,
            source=self.source,
            target=self.target,
            model=self.model,
            options=TranslationOptions(**self.options.model_dump(), prefix=self.prefix, formality=self.formality),
            format=self.format,
            attributes=True,
            glossary=tuple(each.term() for each in self.glossary) if isinstance(self.glossary, list) else (),
            turn=turn_of(self.priority, self.timeout_s),
        )


class AlternativeBody(BaseModel):
    """Another translation of the whole text."""

    text: str
    score: float


class AlternativeTranslationBody(AlternativeBody):
    """Another translation of the whole text, with its own alignment."""

    alignment: tuple[Link, ...] | None


class SegmentBody(BaseModel):
    """What was decoded at once; spans of its alignment are relative to it."""

    source: str
    language: str = Field(description="What the source is in; segments of a mixed text differ.")
    text: str
    score: float
    alignment: tuple[Link, ...] | None
    warnings: list[str]
    terms: list[TermUseBody] = Field([], description="Of the glossary, as the source has them.")
    explanation: ExplanationBody | None = Field(
        None, description="On request (options.explain); null through a language in between."
    )


class DetectionBody(BaseModel):
    """The language that a text was found to be in. confidence: 0 to 1, among the served languages; 0 if nothing in
    the text says."""

    language: str
    confidence: float


class TranslationBody(BaseModel):
    """The answer to one text. score: mean natural-log probability of its tokens (through a pivot, the sum of both
    passes' means); null if nothing went through a model."""

    text: str
    source: str = Field(description="The served language that it was translated from.")
    detected: DetectionBody | None = Field(description='Null unless the request said "auto".')
    score: float | None
    alternatives: list[AlternativeTranslationBody]
    alignment: tuple[Link, ...] | None
    segments: list[SegmentBody]
    warnings: list[str]
    via: str | None = Field(description="The language in between, if no model serves the pair directly.")


class ModelBody(BaseModel):
    """A bundle."""

    name: str
    version: str


class UsageBody(BaseModel):
    """What was read and written; through a pivot, source tokens of the first pass and target tokens of the second."""

    characters: int
    source_tokens: int
    target_tokens: int
    segments: int


class TimingsBody(BaseModel):
    """Seconds. queue_s and decode_s: the longest of any segment. total_s: the whole request."""

    queue_s: float
    decode_s: float
    total_s: float


class TranslateAnswer(BaseModel):
    """Translations in the order of the texts. model: what wrote them; null if source and target are the same. Where
    texts in several languages needed several models, the one that wrote the first."""

    translations: list[TranslationBody]
    model: ModelBody | None
    usage: UsageBody
    timings: TimingsBody


class ErrorDetail(BaseModel):
    """type: one of a fixed set. field: which part of the request is at fault."""

    type: Literal[
        "invalid_request",
        "unsupported_pair",
        "not_found",
        "unauthorized",
        "forbidden",
        "conflict",
        "unusable_bundle",
        "method_not_allowed",
        "timeout",
        "too_large",
        "overloaded",
        "quota_exceeded",
        "too_many_documents",
        "unavailable",
        "deadline_exceeded",
        "internal",
    ]
    message: str
    field: str | None = None


class ErrorBody(BaseModel):
    """What every error of /v1 looks like."""

    error: ErrorDetail


def translate_answer(request: TranslationRequest, result: TranslationResult) -> TranslateAnswer:
    """The body of a result."""
    segments = result.segments
    pairs = zip(result.translations, result.ways, strict=True)
    return TranslateAnswer(
        translations=[_translation(*each) for each in pairs],
        model=next((model for way in result.ways if (model := _model(way))), None),
        usage=usage_of(request.texts, segments),
        timings=timings_of(segments, result.total_s),
    )


def usage_of(texts: Sequence[str], segments: Sequence[SegmentTranslation]) -> UsageBody:
    """What was read and written for `texts`."""
    return UsageBody(
        characters=sum(map(len, texts)),
        source_tokens=sum(segment.source_tokens for segment in segments),
        target_tokens=sum(segment.best.tokens for segment in segments),
        segments=len(segments),
    )


def timings_of(segments: Sequence[SegmentTranslation], total_s: float) -> TimingsBody:
    """The longest waits of any segment."""
    return TimingsBody(
        queue_s=max((segment.timings.queue_s for segment in segments), default=0.0),
        decode_s=max((segment.timings.decode_s for segment in segments), default=0.0),
        total_s=total_s,
    )


def _model(way: Way) -> ModelBody | None:
    if way.model_name is None or way.model_version is None:
        return None
    return ModelBody(name=way.model_name, version=way.model_version)


def _translation(translation: TextTranslation, way: Way) -> TranslationBody:
    segments = translation.segments
    best = translation.best
    detected = way.detection
    return TranslationBody(
        text=best.text,
        source=way.source,
        detected=detected and DetectionBody(language=detected.language, confidence=detected.confidence),
        score=best.score if segments else None,
        alternatives=[
            AlternativeTranslationBody(text=each.text, score=each.score, alignment=each.alignment)
            for each in translation.alternatives
        ],
        alignment=translation.alignment,
        segments=[_segment(each) for each in segments],
        warnings=list(translation.warnings),
        via=way.via,
    )


def _segment(segment: SegmentTranslation) -> SegmentBody:
    best = segment.best
    return SegmentBody(
        source=segment.source,
        language=segment.language,
        text=best.text,
        score=best.score,
        alignment=best.alignment,
        warnings=list(best.warnings),
        terms=[TermUseBody.model_validate(use, from_attributes=True) for use in best.terms],
        explanation=segment.explanation and ExplanationBody.model_validate(segment.explanation, from_attributes=True),
    )
