"""The bodies of POST /v1/generate."""

from __future__ import annotations

from pydantic import BaseModel, Field

from service.api.fields import FixedBody, PriorityField, StrictBody, TextField, TimeoutField, turn_of
from service.api.schemas import AlternativeBody, ModelBody, TimingsBody, UsageBody, timings_of, usage_of
from service.pipeline.generate import GenerationRequest, GenerationResult, warnings_of
from service.pipeline.translation import SegmentTranslation, TranslationOptions


class GenerateOptionsBody(FixedBody):
    """How to search; what is left out is the bundle's own."""

    beam_size: int | None = Field(None, ge=1, description="Hypotheses kept at each step.")
    n_best: int = Field(1, ge=1, description="Outputs returned; all but the best are `alternatives`.")
    length_penalty: float | None = Field(None, ge=0, le=5, description="alpha of ((5 + length) / 6) ** alpha.")
    max_length: int | None = Field(None, ge=1, description="Longest output, in tokens.")


class GenerateBody(StrictBody):
    """One text or many for one model."""

    text: TextField = Field(description="What the model reads, as it stands; each has to fit it.")
    model: str = Field(max_length=200, description="name, or name@version, of a bundle of another task.")
    language: str | None = Field(None, max_length=35, description="What is to be written, if the model has several.")
    options: GenerateOptionsBody = GenerateOptionsBody()
    priority: PriorityField = "interactive"
    timeout_s: TimeoutField = None

    def request(self) -> GenerationRequest:
        """What the pipeline is asked."""
        return GenerationRequest(
            texts=self.text,
            model=self.model,
            language=self.language,
            options=TranslationOptions(**self.options.model_dump()),
            turn=turn_of(self.priority, self.timeout_s),
        )


class OutputBody(BaseModel):
    """The answer to one text. score: mean natural-log probability of its tokens."""

    text: str
    score: float
    alternatives: list[AlternativeBody]
    warnings: list[str]


class GenerateAnswer(BaseModel):
    """Outputs in the order of the texts. task, language: the model's."""

    outputs: list[OutputBody]
    task: str
    language: str
    model: ModelBody
    usage: UsageBody
    timings: TimingsBody


def generate_answer(request: GenerationRequest, result: GenerationResult) -> GenerateAnswer:
    """The body of a result."""
    return GenerateAnswer(
        outputs=[_output(each) for each in result.outputs],
        task=result.task,
        language=result.language,
        model=ModelBody(name=result.model_name, version=result.model_version),
        usage=usage_of(request.texts, result.outputs),
        timings=timings_of(result.outputs, result.total_s),
    )


def _output(output: SegmentTranslation) -> OutputBody:
    best, *others = output.candidates
    return OutputBody(
        text=best.text,
        score=best.score,
        alternatives=[AlternativeBody(text=each.text, score=each.score) for each in others],
        warnings=list(warnings_of(output)),
    )
