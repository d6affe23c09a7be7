"""The bodies of POST /v1/summarize."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.api.fields import FixedBody, ModelField, PriorityField, StrictBody, TextField, TimeoutField, turn_of
from service.api.schemas import DetectionBody, ModelBody, TimingsBody, UsageBody, timings_of, usage_of
from service.pipeline.summarize import Summary, SummaryRequest, SummaryResult
from service.pipeline.translation import SegmentTranslation, TranslationOptions


class SummaryOptionsBody(FixedBody):
    """How to search; what is left out is the bundle's own."""

    beam_size: int | None = Field(None, ge=1, description="Hypotheses kept at each step.")
    length_penalty: float | None = Field(None, ge=0, le=5, description="alpha of ((5 + length) / 6) ** alpha.")
    max_length: int | None = Field(None, ge=1, description="Longest line, in tokens.")


class SummarizeBody(StrictBody):
    """One text or many, of one language unless that is "auto"."""

    text: TextField = Field(description="Text of any length, or a list; a long one is read in parts.")
    language: str = Field(
        max_length=35,
        examples=["en"],
        description='Of the text and its summary; "auto": found out, for each text by itself. A text that is surely in '
        "another language has the warning `other_language`.",
    )
    model: ModelField = None
    format: Literal["line", "lines"] = Field(
        "line", description="line: one line for a text. lines: one for each part of it that is read at once."
    )
    options: SummaryOptionsBody = SummaryOptionsBody()
    priority: PriorityField = "interactive"
    timeout_s: TimeoutField = None

    def request(self) -> SummaryRequest:
        """What the pipeline is asked."""
        return SummaryRequest(
            texts=self.text,
            language=self.language,
            model=self.model,
            format=self.format,
            options=TranslationOptions(**self.options.model_dump()),
            turn=turn_of(self.priority, self.timeout_s),
        )


class PartBody(BaseModel):
    """What was read at once, with white space evened out, and its line. What of a long text has no letter over such a
    length, as a table of numbers, is not read and is no part."""

    source: str
    text: str
    score: float
    warnings: list[str]


class SummaryBody(BaseModel):
    """The answer to one text. score: mean natural-log probability of the tokens that the model wrote; null if it wrote
    none."""

    text: str
    language: str = Field(description="That the summary was made in.")
    detected: DetectionBody | None = Field(description='Null unless the request said "auto".')
    score: float | None
    parts: list[PartBody]
    warnings: list[str]


class SummarizeAnswer(BaseModel):
    """Summaries in the order of the texts. language: of all; "auto" if they are several. model: what wrote the first.
    usage and timings: of the first reading of each text."""

    summaries: list[SummaryBody]
    language: str
    model: ModelBody
    usage: UsageBody
    timings: TimingsBody


def summarize_answer(request: SummaryRequest, result: SummaryResult) -> SummarizeAnswer:
    """The body of a result."""
    parts = [part for summary in result.summaries for part in summary.parts]
    return SummarizeAnswer(
        summaries=[_summary(each) for each in result.summaries],
        language=result.language,
        model=ModelBody(name=result.model_name, version=result.model_version),
        usage=usage_of(request.texts, parts),
        timings=timings_of(parts, result.total_s),
    )


def _summary(summary: Summary) -> SummaryBody:
    detected = summary.detection
    return SummaryBody(
        text=summary.text,
        language=summary.language,
        detected=detected and DetectionBody(language=detected.language, confidence=detected.confidence),
        score=summary.score,
        parts=[_part(each) for each in summary.parts],
        warnings=list(summary.warnings),
    )


def _part(part: SegmentTranslation) -> PartBody:
    return PartBody(source=part.source, text=part.best.text, score=part.best.score, warnings=list(part.best.warnings))
