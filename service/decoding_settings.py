"""What the operator sets of decoding, whatever bundles say; each option has the name that it has there."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from model_store.config import PROVEN, UNPRUNED, DecodingConfig


class DecodingSettings(BaseSettings):
    """None where bundles have their way."""

    horizon: int | None = Field(
        None,
        ge=0,
        le=PROVEN,
        description="Tokens that a search waits for a better end, whatever bundles say; a million: until none comes.",
    )
    channel_weight: float | None = Field(
        None,
        ge=0.0,
        le=10.0,
        description="How much results are ranked by what the model makes of the way back, whatever bundles say; 0: no.",
    )
    pruning: float | None = Field(
        None,
        ge=0.0,
        le=UNPRUNED,
        description="Nats that a hypothesis may be behind the best one, unless a channel ranks them; a million: all.",
    )
    no_repeat_ngram: int | None = Field(
        None,
        ge=0,
        le=32,
        description="No result has so many tokens in a row twice, whatever bundles say, unless it has to; 0: it may.",
    )
    clause_tokens: int | None = Field(
        None,
        ge=0,
        le=4096,
        description="Tokens above which a sentence is translated clause by clause, whatever bundles say; 0: none is.",
    )

    def over(self, decoding: DecodingConfig) -> DecodingConfig:
        """A bundle's options, and instead of them those that the operator has set."""
        stated = {name: getattr(self, name) for name in DecodingSettings.model_fields}
        return decoding.model_copy(update={name: value for name, value in stated.items() if value is not None})
