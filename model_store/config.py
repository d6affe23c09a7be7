"""What a bundle says of its network and of how it is decoded: validated, frozen, serialisable."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

Cell = Literal["rnn", "gru", "lstm"]
Attention = Literal["none", "mean", "positional", "dot_unnormalised", "dot", "general", "additive"]
Direction = Literal["reversed", "forward", "bidirectional"]
Task = Literal["translate", "summarize", "comment", "math", "style"]
# How a translation addresses its reader, where its language has more than one way.
Formality = Literal["default", "formal", "informal"]

Width = Annotated[int, Field(ge=1, le=8192)]
StandIn = Annotated[str, Field(pattern=r"^\w{1,32}$")]
Probability = Annotated[float, Field(ge=0.0, lt=1.0)]
PROVEN = 1_000_000  # tokens; a horizon that no target reaches
UNPRUNED = 1_000_000  # nats; no hypothesis lags behind so far
# Numbers and names that every corpus of software text has; the shipped bundle copies them more often than not.
DEFAULT_STAND_INS = ("7", "PDF", "42", "USB", "X", "KDE")

LARGEST_WINDOW = 15  # of embeddings, in tokens


class FrozenModel(BaseModel):
    """A validated value object: unknown fields are refused, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EncoderConfig(FrozenModel):
    """How the source is read. `direction` concerns the recurrent kind only."""

    kind: Literal["recurrent", "self_attention"] = "recurrent"
    direction: Direction = "reversed"
    heads: Annotated[int, Field(ge=1, le=64)] = 4

    @model_validator(mode="after")
    def _direction_needs_recurrence(self) -> Self:
        if self.kind == "self_attention" and "direction" in self.model_fields_set:
            raise ValueError("encoder.direction: self-attention reads all positions at once, so it has no direction")
        return self

    @model_serializer(mode="wrap")
    def _without_a_direction_that_means_nothing(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """What is written can be read again: the validator above refuses a direction with self-attention."""
        fields: dict[str, object] = handler(self)
        if self.kind == "self_attention":
            fields.pop("direction", None)
        return fields


class DecoderConfig(FrozenModel):
    """How the target is written. A decoder generates left to right: the next word is not there to be looked at."""

    direction: Direction = "forward"
    input_feeding: bool = False

    @model_validator(mode="after")
    def _generates_left_to_right(self) -> Self:
        if self.direction != "forward":
            raise ValueError(
                f"decoder.direction: {self.direction!r} cannot generate, since it would have to read words "
                "that are not written yet; allowed: 'forward'"
            )
        return self


class NetworkConfig(FrozenModel):
    """Everything that fixes the parameters and the function of a network.

    The defaults are the reference network: Sutskever et al. 2014 (arXiv 1409.3215) with the general attention of
    Luong et al. 2015 (1508.04025); its recipe adds residuals and a window. `embedding_window`: what attention mixes is
    encoder outputs plus a projection of the embeddings of so many tokens around each (of 1, as in Gehring et al. 2017,
    1705.03122, eq. 2); 0 for none. `positions` bounds source and target length where a learned table needs a bound
    (positional attention, a self-attention encoder).
    """

    vocabulary: Annotated[int, Field(ge=4, le=1_000_000)]
    cell: Cell = "lstm"
    layers: Annotated[int, Field(ge=1, le=64)] = 4
    hidden: Width = 1000
    embedding: Width = 1000
    encoder: EncoderConfig = EncoderConfig()
    decoder: DecoderConfig = DecoderConfig()
    attention: Attention = "general"
    embedding_window: Annotated[int, Field(ge=0, le=LARGEST_WINDOW)] = 0
    residual: bool = False
    dropout: Probability = 0.2
    tied_embeddings: bool = True
    positions: Annotated[int, Field(ge=1, le=4096)] = 256

    @model_validator(mode="after")
    def _widths_fit(self) -> Self:
        if self.encoder.kind == "recurrent" and self.encoder.direction == "bidirectional" and self.hidden % 2:
            raise ValueError(f"hidden: {self.hidden} must be even, since a bidirectional encoder halves it")
        if self.encoder.kind == "self_attention" and self.hidden % self.encoder.heads:
            raise ValueError(f"hidden: {self.hidden} must be a multiple of encoder.heads ({self.encoder.heads})")
        if self.decoder.input_feeding and self.attention == "none":
            raise ValueError("decoder.input_feeding: there is no attentional vector to feed with attention 'none'")
        if self.embedding_window and self.attention == "none":
            raise ValueError(f"embedding_window: {self.embedding_window}, but nothing attends with attention 'none'")
        if self.embedding_window and self.embedding_window % 2 == 0:
            raise ValueError(
                f"embedding_window: {self.embedding_window} has no middle; allowed: 0 for none, or an odd number"
            )
        return self

    @property
    def readout(self) -> int:
        """Width of the attentional vector that the output projection reads: embedding if tied, else hidden."""
        return self.embedding if self.tied_embeddings else self.hidden

    @property
    def bounded_positions(self) -> bool:
        """Whether a learned table bounds the lengths at `positions`."""
        return self.attention == "positional" or self.encoder.kind == "self_attention"


class DecodingConfig(FrozenModel):
    """How a bundle is decoded unless a request says otherwise.

    length_penalty is alpha of ((5 + |Y|) / 6) ** alpha (Wu et al. 2016, arXiv 1609.08144, eq. 14). A target may grow
    to max_length_factor * source tokens + max_length_offset, EOS counted. horizon: tokens; the search ends when no
    hypothesis that ends within so many more can come to be a result; proven, if as long as a target may be.
    pruning: nats; a hypothesis that is further behind the best one of its step is dropped (Freitag and Al-Onaizan 2017,
    arXiv:1702.01806, relative threshold), where one result is wanted; a million to drop none.
    channel_weight: how much hypotheses are ranked by what the network thinks of the way back (noisy_channel.py), where
    it has both directions; 0 for not at all. no_repeat_ngram: so many tokens in a row are not written twice, but in
    translations of what repeats itself (repeats.py); 0 to allow it. clause_tokens: a sentence of more is translated
    clause by clause by a service (service/text/clauses.py); 0 for never. least_empty: the probability from which an
    empty target is a result. stand_ins: words that the network copies into the target as they are, the most reliable
    first; they stand in for placeholders.
    """

    beam_size: Annotated[int, Field(ge=1, le=32)] = 4
    length_penalty: Annotated[float, Field(ge=0.0, le=5.0)] = 1.0
    max_length_factor: Annotated[float, Field(ge=0.0, le=10.0)] = 2.0
    max_length_offset: Annotated[int, Field(ge=1, le=1000)] = 10
    max_source_length: Annotated[int, Field(ge=8, le=4096)] = 128
    stand_ins: Annotated[tuple[StandIn, ...], Field(min_length=1, max_length=64)] = DEFAULT_STAND_INS
    horizon: Annotated[int, Field(ge=0, le=PROVEN)] = 8
    pruning: Annotated[float, Field(ge=0.0, le=UNPRUNED)] = UNPRUNED
    channel_weight: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    no_repeat_ngram: Annotated[int, Field(ge=0, le=32)] = 0
    clause_tokens: Annotated[int, Field(ge=0, le=4096)] = 0
    least_empty: Probability = 0.0

    def max_length(self, source_length: int) -> int:
        """Longest target, in tokens with EOS, for a source of `source_length` tokens."""
        return int(self.max_length_factor * source_length) + self.max_length_offset
