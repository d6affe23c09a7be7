"""A corpus in the [data] part of a recipe."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from model_store.config import Formality, FrozenModel
from training.corpora.own_translations import WAYS

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0.0)]


class SourceConfig(FrozenModel):
    """One corpus. `format` picks the reader in training/corpora; paths are relative to the recipe's `data_root`.

    path: the file (tsv, tmx, gettext; a glob is allowed), or the common prefix of a Moses pair (prefix.en, prefix.ru);
        unused by `debian_descriptions`, which downloads, by `phrasebook`, `sentencebook`, `newsbook` and `wordbook`,
        which come with the package, and by `word_pairs`, learned from the other sources of the two languages
        (training/word_pairs.py). Of `own_translations` the files that have the sentences, alone or as the left
        column (tsv).
    left, right: language codes of the two sides. repeat: how many times an epoch sees the pairs (upsampling).
    limit: keep at most so many pairs, the first after a seeded shuffle.
    formality: how a side of the corpus addresses its reader, by language code; `ru = "formal"`.
    back_translated: the language of the side that a model wrote from the other (Sennrich et al. 2016,
        arXiv:1511.06709). Such a pair is learned from the written side, behind a tag, to the genuine one only.
    most_nats: of a back-translated source, how improbable the genuine side of a pair that is kept may be for the bundle
        that the run starts from, given the written side: nats a token (training/back_translation.py).
    column: of `out_of_domain`, which of a line's tab-separated columns its sentence is; from 1.

    `out_of_domain` makes texts of the lines of its files that a summarizer is to say nothing of, since they are not of
    the kind that it learns from: the right sides are empty.
    """

    name: str
    format: Literal[
        "tsv",
        "tmx",
        "moses",
        "gettext",
        "debian_descriptions",
        "phrasebook",
        "sentencebook",
        "newsbook",
        "wordbook",
        "word_pairs",
        "own_translations",
        "out_of_domain",
    ]
    left: str
    right: str
    path: str = ""
    licence: str = "not stated"
    repeat: Annotated[int, Field(ge=1, le=1000)] = 1
    limit: PositiveInt | None = None
    formality: dict[str, Formality] = Field(default_factory=dict)
    back_translated: str | None = None
    most_nats: PositiveFloat | None = None
    column: PositiveInt = 1

    @property
    def own(self) -> bool:
        """Whether the package provides it, each pair to be learned as it stands (training/cleaning.py, clean_own)."""
        return self.format in ("phrasebook", "sentencebook", "newsbook", "wordbook", "word_pairs")

    @property
    def translated(self) -> bool:
        """Whether one side is a corpus's and the package has the other."""
        return self.format == "own_translations"

    @property
    def out_of_domain(self) -> bool:
        """Whether a summarizer is to say nothing of its texts."""
        return self.format == "out_of_domain"

    @property
    def genuine(self) -> bool:
        """Whether people wrote both sides, so that sets to measure by may be drawn from it."""
        return self.back_translated is None and not (self.own or self.translated or self.out_of_domain)

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """Source and target language of each direction that its pairs are learned in."""
        both = ((self.left, self.right), (self.right, self.left))
        return tuple(way for way in both if way[1] != self.back_translated)

    @model_validator(mode="after")
    def _one_side_was_written_by_a_model(self) -> Self:
        written = self.back_translated
        if written is None:
            if self.most_nats is not None:
                raise ValueError(f"most_nats: {self.most_nats} is for a source with back_translated only; leave it out")
            return self
        if self.own or self.translated:
            raise ValueError(
                f"back_translated: {written!r} is for a corpus, which {self.format!r} is not; leave it out"
            )
        if written not in (self.left, self.right):
            raise ValueError(
                f"back_translated: {written!r} is no side of this source; allowed: {[self.left, self.right]}"
            )
        if self.left == self.right:
            raise ValueError(f"back_translated: {written!r} is both sides; allowed: sources of two languages")
        if written in self.formality:
            raise ValueError(
                f"formality: {written!r} is back-translated, so it is never what is asked for; leave it out"
            )
        return self

    @model_validator(mode="after")
    def _formality_of_its_sides(self) -> Self:
        if others := sorted(set(self.formality) - {self.left, self.right}):
            raise ValueError(f"formality: {others[0]!r} is no side of this source; allowed: {[self.left, self.right]}")
        return self

    @model_validator(mode="after")
    def _own_translations_have_these_languages(self) -> Self:
        if self.translated and (self.left, self.right) not in WAYS:
            allowed = " or ".join(f"{left!r} and {right!r}" for left, right in WAYS)
            raise ValueError(
                f"left and right: {self.left!r} and {self.right!r} are not what 'own_translations' has; allowed: "
                f"{allowed}"
            )
        return self

    @model_validator(mode="after")
    def _out_of_domain_is_of_one_language(self) -> Self:
        if self.out_of_domain and self.left != self.right:
            raise ValueError(f"right: {self.right!r} is not what 'out_of_domain' has; allowed: {self.left!r}, as left")
        if not self.out_of_domain and self.column != 1:
            raise ValueError(f"column: {self.column} is for format 'out_of_domain' only; leave it out")
        return self
