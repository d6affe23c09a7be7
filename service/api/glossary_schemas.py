"""The bodies of glossaries: terms on their way in, what was kept, and where terms have gone."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Field, Tag

from service.api.fields import StrictBody
from service.text.glossary import MAX_CHARACTERS, MAX_TERMS, GlossaryTerm, new_term

TermText = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]


class TermBody(StrictBody):
    """A term and its translation."""

    source: TermText = Field(
        description="A word or several, without placeholders; found in any inflection.", examples=["server"]
    )
    target: TermText = Field(
        description='As it stands; forms to choose from are divided by "|", and "*" ends one that may take any ending.',
        examples=["сервер*"],
    )

    def term(self) -> GlossaryTerm:
        """What the pipeline is given."""
        return new_term(self.source, self.target)


def _kind(glossary: Any) -> str | None:
    kinds = {type(None): "none", str: "name", list: "terms"}
    return kinds.get(type(glossary))


GlossaryField = Annotated[
    Annotated[str, Field(max_length=100), Tag("name")]
    | Annotated[list[TermBody], Field(min_length=1, max_length=MAX_TERMS), Tag("terms")]
    | Annotated[None, Tag("none")],
    # Told apart beforehand: a union's own message would have a line for what was not meant.
    Discriminator(
        _kind,
        custom_error_type="glossary_type",
        custom_error_message="must be a list of terms, or the name of a kept glossary",
    ),
    Field(description="Terms and how they are to be translated, or the name of a kept glossary."),
]


class TermsBody(StrictBody):
    """Terms of one pair of languages, to be kept."""

    source: str = Field(max_length=35, examples=["en"])
    target: str = Field(max_length=35, examples=["ru"])
    terms: list[TermBody] = Field(min_length=1, max_length=MAX_TERMS)


class TermUseBody(BaseModel):
    """A term of the glossary in a segment: [start, end) of its source, and of its translation, null if that is not
    there."""

    source: tuple[int, int]
    target: tuple[int, int] | None
    term: str
    translation: str


class GlossaryBody(BaseModel):
    """A glossary that is kept. changed: ISO 8601, UTC."""

    name: str
    source: str
    target: str
    count: int
    changed: str


class GlossaryAnswer(GlossaryBody):
    """With its terms."""

    terms: list[TermBody]


class GlossariesAnswer(BaseModel):
    """Those of whoever asks, by name."""

    glossaries: list[GlossaryBody]
