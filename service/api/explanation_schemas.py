"""The part of an answer that says how a segment was translated."""

from __future__ import annotations

from pydantic import BaseModel, Field


class TokenBody(BaseModel):
    """A token as the vocabulary writes it, and the code points [start, end) of the segment that it stands for."""

    piece: str = Field(description="U+2581 stands for a space.")
    span: tuple[int, int] | None = Field(description="Null for what stands for no character, such as control tokens.")


class BranchBody(BaseModel):
    """A hypothesis made one token longer."""

    piece: str | None = Field(description="The new token; null where the hypothesis finished.")
    parent: int = Field(description="Its place among the live hypotheses of the step before.")
    log_prob: float = Field(
        description="Natural logarithm of the probability of all its tokens; of those behind a prefix."
    )
    score: float = Field(
        description="log_prob over the length penalty: what finished hypotheses are ranked by, "
        "before the model is asked for the way back (`channel_weight` of a model)."
    )


class BeamStepBody(BaseModel):
    """live: the hypotheses that go on, best first. finished: those that ended."""

    live: list[BranchBody]
    finished: list[BranchBody]


class ExplanationBody(BaseModel):
    """How a segment was translated."""

    source: list[TokenBody] = Field(description="What the network read, control tokens included.")
    target: list[TokenBody] = Field(description="What it wrote.")
    attention: list[list[float]] | None = Field(description="A row per target token, a column per source token.")
    beam: list[BeamStepBody]
