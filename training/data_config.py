"""The [data] part of a recipe: corpora, held-out sets, and what counts as a usable pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from model_store.config import FrozenModel, Probability, Task
from training.source_config import PositiveFloat, PositiveInt, SourceConfig


class TestSetConfig(FrozenModel):
    """A held-out set. Its sentences are removed from training; `report` sets are never used to choose."""

    __test__ = False

    name: str
    format: Literal["tsv", "tmx", "moses", "gettext"] = "tsv"
    left: str
    right: str
    path: str
    limit: PositiveInt | None = None


HELD_OUT = "held-out"


class HeldOutConfig(FrozenModel):
    """A test set per pair of languages, drawn from its sources, with near duplicates of its texts kept out of training.

    Drawn from what people wrote only; of back-translated pairs those leave of which a side is near a text drawn.
    name: what `evaluate` calls it. pairs: of each set, but no more than the share `largest_share` of the texts that it
    is drawn from. sources: by name, that they are drawn from; all if empty. threshold: the similarity from which two
    left sides are near duplicates (training/near_duplicates.py; its hashes tell nothing above 0.96 apart). validation:
    whether they are to choose by, and scored while training, as the sets under `validation` are; else only to report.
    seed: of the draw, by itself, so that a run that goes on from another is not measured by what that learned from.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")] = HELD_OUT
    pairs: PositiveInt
    sources: tuple[str, ...] = ()
    largest_share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    threshold: Annotated[float, Field(gt=0.0, le=0.96)] = 0.6
    validation: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1


@dataclass(frozen=True)
class Draw:
    """A held-out set in two languages: what it is drawn by, and the names of the sources that it is drawn from."""

    config: HeldOutConfig
    left: str
    right: str
    sources: frozenset[str]


class DataConfig(FrozenModel):
    """Corpora, held-out sets, and what counts as a usable pair.

    directions: pairs "en-ru" that the bundle serves; each training pair is used in every direction listed.
    held_out: draw further sets from the sources, near duplicates apart, to report or to choose by; each set has a
        name of its own and is drawn from what those before it left. In a recipe's file one may be a table by itself.
    keep_identical: whether translate keeps pairs of equal sides, which teach it to copy names.
    cut_source_tokens: a longer source is trained on up to there, and counted, for tasks where what matters stands
        first. Without it a pair with a side of more than max_tokens is dropped.
    stand_ins: the share of the pairs with a number, a name or the like once in both texts that get stand-ins for them,
        so that copying is learned (training/stand_ins.py).
    """

    data_root: str = "."
    task: Task = "translate"
    directions: Annotated[tuple[str, ...], Field(min_length=1)]
    sources: Annotated[tuple[SourceConfig, ...], Field(min_length=1)]
    validation: tuple[TestSetConfig, ...] = ()
    report: tuple[TestSetConfig, ...] = ()
    held_out: tuple[HeldOutConfig, ...] = ()
    validation_pairs: Annotated[int, Field(ge=0)] = 0
    max_characters: PositiveInt = 400
    max_length_ratio: PositiveFloat = 3.0
    max_tokens: Annotated[int, Field(ge=4)] = 100
    keep_identical: bool = False
    cut_source_tokens: Annotated[int, Field(ge=4)] | None = None
    stand_ins: Probability = 0.0

    @model_validator(mode="after")
    def _directions_have_sources(self) -> Self:
        known = self._language_pairs
        for name, values in (
            ("directions", self.directions),
            ("sources", [source.name for source in self.sources]),
            ("held_out, validation and report", self.test_set_names),
        ):
            if twice := {value for value in values if list(values).count(value) > 1}:
                raise ValueError(f"{name}: {min(twice)!r} is named twice")
        genuine = [each for each in self.sources if each.genuine]
        if unknown := self.to_draw_from - {each.name for each in self.sources}:
            raise ValueError(
                f"held_out.sources: {min(unknown)!r} is no source; allowed: {[each.name for each in genuine]}"
            )
        turned = {(each.right, each.left): each for each in genuine if each.left != each.right}
        for source in genuine if self.held_out else ():
            if (other := turned.get((source.left, source.right))) is not None:
                raise ValueError(
                    f"held_out: is told apart by what stands left, but {source.name!r} has {source.left!r} there and "
                    f"{other.name!r} {other.left!r}; turn one of them round"
                )
        if self.cut_source_tokens is not None and self.task == "translate":
            raise ValueError("cut_source_tokens: half a sentence is not what its translation says; drop it instead")
        for direction in self.directions:
            pair = self.split(direction)
            if pair is None or frozenset(pair) not in known:
                allowed = sorted({"-".join(way) for source in self._said for way in source.ways})
                raise ValueError(
                    f"directions: {direction!r} is not a pair of languages that a source has; allowed: {allowed}"
                )
        return self

    @model_validator(mode="after")
    def _sets_are_of_languages_that_sources_have(self) -> Self:
        known = self._language_pairs
        for each in (*self.validation, *self.report):
            if frozenset((each.left, each.right)) not in known:
                raise ValueError(
                    f"validation and report: {each.name!r} is of {each.left!r} and {each.right!r}, which no source "
                    f"has; allowed: {sorted('-'.join(sorted(pair)) for pair in known)}, either side first"
                )
        return self

    @model_validator(mode="after")
    def _nothing_is_chosen_by_what_is_only_reported(self) -> Self:
        drawn = [each.name for each in self.held_out if not each.validation]
        if "validation" in [*drawn, *(each.name for each in self.report)]:
            raise ValueError(
                "held_out and report: 'validation' is what the sets to choose by are called; allowed: another name"
            )
        return self

    @model_validator(mode="after")
    def _own_sources_have_corpora_beside_them(self) -> Self:
        for source in (each for each in self.sources if each.own or each.translated):
            if source.name in self.to_draw_from:
                raise ValueError(f"held_out.sources: {source.name!r} is the package's own; allowed: corpora")
            languages = {source.left, source.right}
            if source.format == "word_pairs" and not any(
                each.genuine and {each.left, each.right} == languages for each in self.sources
            ):
                raise ValueError(
                    f"sources: {source.name!r} is learned from the others of {source.left!r} and {source.right!r}, "
                    "of which there is none that people wrote"
                )
        return self

    @model_validator(mode="after")
    def _only_a_summarizer_says_nothing(self) -> Self:
        for source in (each for each in self.sources if each not in self._said):
            field = f"format of source {source.name!r}"
            if self.task != "summarize":
                raise ValueError(f"{field}: {source.format!r} is for the task 'summarize' only (it is {self.task!r})")
            if source.name in self.to_draw_from:
                raise ValueError(f"{field}: held_out.sources names it, but nothing is said of its texts")
        return self

    @model_validator(mode="after")
    def _no_target_was_written_by_a_model(self) -> Self:
        for source in self.sources:
            if source.back_translated is None:
                continue
            field = f"back_translated of source {source.name!r}"
            if self.task != "translate":
                raise ValueError(f"{field}: is for the task 'translate' only (the task is {self.task!r})")
            if source.name in self.to_draw_from:
                raise ValueError(f"{field}: held_out.sources names it, but test sets are of what people wrote")
            if source.ways[0] not in self.pairs:
                raise ValueError(
                    f"{field}: it is learned as {'-'.join(source.ways[0])!r}, which directions do not have"
                )
        learned = {way for source in self.sources for way in source.ways}
        for pair in self.pairs:
            if pair not in learned:
                raise ValueError(
                    f"directions: {'-'.join(pair)!r} has no source whose {pair[1]!r} is not back-translated"
                )
        return self

    @property
    def test_set_names(self) -> list[str]:
        """Of all sets that `evaluate` scores."""
        drawn = [each.name for each in self.held_out]
        return drawn + [each.name for each in (*self.validation, *self.report)]

    @property
    def to_draw_from(self) -> set[str]:
        """What held_out names among the sources."""
        return {name for each in self.held_out for name in each.sources}

    @property
    def _said(self) -> list[SourceConfig]:
        """The sources whose pairs have two sides."""
        return [each for each in self.sources if not each.out_of_domain]

    @property
    def _language_pairs(self) -> set[frozenset[str]]:
        """Which two languages, or one, there are pairs of."""
        return {frozenset((source.left, source.right)) for source in self._said}

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What is held out of the sources, in the order of drawing."""
        genuine = [each for each in self.sources if each.genuine]
        draws = []
        for config in self.held_out:
            by_languages: dict[tuple[str, str], set[str]] = {}
            for source in genuine:
                if source.name in (config.sources or (source.name,)):
                    by_languages.setdefault((source.left, source.right), set()).add(source.name)
            draws += [Draw(config, *languages, frozenset(names)) for languages, names in by_languages.items()]
        return tuple(draws)

    @property
    def has_sets_to_choose_by(self) -> bool:
        """Whether there is a set to choose by that is of one of the directions."""
        return any(each.validation for each in self.held_out) or any(
            {(each.left, each.right), (each.right, each.left)} & set(self.pairs) for each in self.validation
        )

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of all sources, sorted."""
        return tuple(sorted({code for source in self.sources for code in (source.left, source.right)}))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Source and target language of each direction."""
        return tuple(pair for direction in self.directions if (pair := self.split(direction)))

    @property
    def formality(self) -> tuple[str, ...]:
        """The target languages of which a source says how it addresses its reader, sorted."""
        targets = {target for _source, target in self.pairs}
        stated = {code for each in self.sources for code, value in each.formality.items() if value != "default"}
        return tuple(sorted(targets & stated))

    def split(self, direction: str) -> tuple[str, str] | None:
        """Source and target language of a direction; codes may have hyphens of their own (pt-BR)."""
        pairs = ((source, target) for source in self.languages for target in self.languages)
        return next((pair for pair in pairs if "-".join(pair) == direction), None)
