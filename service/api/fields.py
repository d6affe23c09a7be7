"""What the bodies of /v1 have in common: strictness, texts, and how a request takes its turn."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError

from service.engine.segment import Priority
from service.pipeline.translation import Turn


def _texts(value: Any) -> tuple[str, ...]:
    """A union's own message would have a line per member, and none for a text that is no Unicode."""
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list) and all(isinstance(each, str) for each in texts):
        return tuple(texts)
    raise PydanticCustomError("text_type", "must be a string or a list of strings")


_SomeTexts = Annotated[list[str], Field(min_length=1)]
TextField = Annotated[tuple[str, ...], PlainValidator(_texts, json_schema_input_type=str | _SomeTexts)]


class StrictBody(BaseModel):
    """Unknown fields and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class FixedBody(StrictBody, frozen=True):
    """A part of a request that nobody changes, so that its default serves all requests: what has a hash pydantic does
    not copy for each."""


ModelField = Annotated[
    str | None,
    Field(
        max_length=200,
        description="name, name@version, name@default or name@canary; default: the first that fits.",
    ),
]
PriorityField = Annotated[
    Literal["interactive", "bulk"],
    Field(description="bulk waits for what is interactive, with a small share meanwhile."),
]
TimeoutField = Annotated[
    float | None, Field(gt=0, description="Seconds after which the answer is of no use any more; then: 504.")
]


def turn_of(priority: Literal["interactive", "bulk"], timeout_s: float | None) -> Turn:
    """What the pipeline is told; who asks is added by the route."""
    return Turn(priority=Priority[priority.upper()], timeout_s=timeout_s)
