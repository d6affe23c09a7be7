"""A recipe: what is trained on what, and how; validated as a whole before anything runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from model_store.config import DecodingConfig, Formality, FrozenModel, NetworkConfig, Probability, Task

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0.0)]


class SourceConfig(FrozenModel):
    """One corpus. `format` picks the reader in training/corpora; paths are relative to the recipe's `data_root`.

    path: the file (tsv, tmx, gettext; a glob is allowed), or the common prefix of a Moses pair (prefix.en, prefix.ru);
        unused by `debian_descriptions`, which downloads.
    left, right: language codes of the two sides. repeat: how many times an epoch sees the pairs (upsampling).
    limit: keep at most so many pairs, the first after a seeded shuffle.
    formality: how a side of the corpus addresses its reader, by language code; `ru = "formal"`.
    back_translated: the language of the side that a model wrote from the other (Sennrich et al. 2016,
        arXiv:1511.06709). Such a pair is learned from the written side, behind a tag, to the genuine one only.
    """

    name: str
    format: Literal["tsv", "tmx", "moses", "gettext", "debian_descriptions"]
    left: str
    right: str
    path: str = ""
    licence: str = "not stated"
    repeat: Annotated[int, Field(ge=1, le=1000)] = 1
    limit: PositiveInt | None = None
    formality: dict[str, Formality] = Field(default_factory=dict)
    back_translated: str | None = None

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """Source and target language of each direction that its pairs are learned in."""
        both = ((self.left, self.right), (self.right, self.left))
        return tuple(way for way in both if way[1] != self.back_translated)

    @model_validator(mode="after")
    def _one_side_was_written_by_a_model(self) -> Self:
        written = self.back_translated
        if written is None:
            return self
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


class TestSetConfig(FrozenModel):
    """A held-out set. Its sentences are removed from training; `report` sets are never used to choose."""

    __test__ = False

    name: str
    format: Literal["tsv", "tmx", "moses", "gettext"] = "tsv"
    left: str
    right: str
    path: str
    limit: PositiveInt | None = None


class HeldOutConfig(FrozenModel):
    """A test set drawn from the sources themselves, with the near duplicates of its texts kept out of training.

    threshold: the similarity from which two left sides are near duplicates (training/near_duplicates.py).
    """

    pairs: PositiveInt
    threshold: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.6


class DataConfig(FrozenModel):
    """Corpora, held-out sets, and what counts as a usable pair.

    directions: pairs "en-ru" that the bundle serves; each training pair is used in every direction listed.
    held_out: draw a further report set from the sources, near duplicates apart.
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
    held_out: HeldOutConfig | None = None
    validation_pairs: Annotated[int, Field(ge=0)] = 0
    max_characters: PositiveInt = 400
    max_length_ratio: PositiveFloat = 3.0
    max_tokens: Annotated[int, Field(ge=4)] = 100
    keep_identical: bool = False
    cut_source_tokens: Annotated[int, Field(ge=4)] | None = None
    stand_ins: Probability = 0.0

    @model_validator(mode="after")
    def _directions_have_sources(self) -> Self:
        known = {frozenset((source.left, source.right)) for source in self.sources}
        for name, values in (
            ("directions", self.directions),
            ("sources", [source.name for source in self.sources]),
            ("validation and report", [each.name for each in (*self.validation, *self.report)]),
        ):
            if twice := {value for value in values if list(values).count(value) > 1}:
                raise ValueError(f"{name}: {min(twice)!r} is named twice")
        if self.held_out is not None and len({(each.left, each.right) for each in self.sources}) > 1:
            raise ValueError("held_out: can be drawn from sources of one pair of languages only")
        if self.cut_source_tokens is not None and self.task == "translate":
            raise ValueError("cut_source_tokens: half a sentence is not what its translation says; drop it instead")
        for direction in self.directions:
            pair = self.split(direction)
            if pair is None or frozenset(pair) not in known:
                raise ValueError(f"directions: {direction!r} is not a pair of languages that a source has")
        return self

    @model_validator(mode="after")
    def _no_target_was_written_by_a_model(self) -> Self:
        for source in self.sources:
            if source.back_translated is None:
                continue
            field = f"back_translated of source {source.name!r}"
            if self.task != "translate":
                raise ValueError(f"{field}: is for the task 'translate' only (the task is {self.task!r})")
            if self.held_out is not None:
                raise ValueError(f"{field}: held_out cannot be drawn beside it; name a file under report instead")
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


class TokenizerConfig(FrozenModel):
    """SentencePiece training. `sentences` bounds how many sampled sentences it learns from.

    lower_case: whatever is encoded, in training and by whoever uses the bundle, is lower-cased first, and so are the
        references that outputs are scored against.
    """

    vocabulary: Annotated[int, Field(ge=300, le=64_000)] = 16_000
    model: Literal["unigram", "bpe"] = "unigram"
    character_coverage: Annotated[float, Field(gt=0.9, le=1.0)] = 0.9995
    sentences: PositiveInt = 1_000_000
    lower_case: bool = False


class TrainerConfig(FrozenModel):
    """The training loop. A step is one update over `batches_per_step` batches of `batch_tokens` target tokens each.

    The batches of a step are shared by the processes that torchrun starts; one process does them one after the other.

    Ends at max_steps, or after max_minutes of training time, whichever is first; the schedule follows whichever is
    further along. average_decay: exponential moving average of the weights, which is what is validated and exported.
    """

    seed: Annotated[int, Field(ge=0)] = 1
    batch_tokens: PositiveInt = 4096
    batches_per_step: PositiveInt = 1
    max_steps: PositiveInt = 100_000
    max_minutes: PositiveFloat | None = None
    learning_rate: PositiveFloat = 1e-3
    warmup_steps: Annotated[int, Field(ge=0)] = 400
    decay: Literal["cosine", "inverse_sqrt", "constant"] = "cosine"
    final_learning_rate_ratio: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    label_smoothing: Probability = 0.1
    gradient_clip: PositiveFloat = 1.0
    average_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    threads: PositiveInt | None = None
    log_every_steps: PositiveInt = 50
    validate_every_steps: PositiveInt = 1000
    validation_sentences: PositiveInt = 200
    checkpoint_every_steps: PositiveInt = 500


class EvaluationConfig(FrozenModel):
    """What `evaluate` measures beside the metrics of the task.

    moses_bleu: BLEU of lower-cased text in Moses' tokenisation, as papers on Multi30k give it; of translations only.
    """

    moses_bleu: bool = False


class ShortlistConfig(FrozenModel):
    """What a bundle keeps of how tokens are translated, so that a service need not score the whole vocabulary.

    pairs: that it is learned from. most: translations of a token. least_probability: of one that is kept. common: how
    many of the most frequent tokens belong to every list.
    """

    pairs: PositiveInt = 100_000
    most: PositiveInt = 400
    least_probability: Probability = 1e-4
    common: PositiveInt = 200


class ExportConfig(FrozenModel):
    """What the bundle is called and how its weights are stored. shortlist: None for a bundle without one."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$")] = "1"
    storage: Literal["float32", "float16", "int8"] = "float32"
    description: str = ""
    licence: str = "not stated"
    shortlist: ShortlistConfig | None = None


class Recipe(FrozenModel):
    """A whole experiment. `network` holds the fields of NetworkConfig except `vocabulary`.

    start_from: the bundle whose weights and tokenizer a run starts from (see training/start.py); None for random
    weights. transfer_from: the bundle whose weights a run with a tokenizer of its own starts from (see
    training/transfer.py).
    """

    start_from: str | None = None
    transfer_from: str | None = None
    data: DataConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    network: NetworkConfig
    trainer: TrainerConfig = TrainerConfig()
    decoding: DecodingConfig = DecodingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    export: ExportConfig

    @model_validator(mode="after")
    def _starts_from_one(self) -> Self:
        if self.start_from is not None and self.transfer_from is not None:
            raise ValueError(
                f"transfer_from: {self.transfer_from!r}, but the run starts from {self.start_from!r} already"
            )
        return self

    @model_validator(mode="after")
    def _moses_bleu_is_of_translations(self) -> Self:
        if self.evaluation.moses_bleu and self.data.task != "translate":
            raise ValueError(f"evaluation.moses_bleu: scores translations (the task is {self.data.task!r})")
        return self

    @model_validator(mode="after")
    def _slots_fit_the_network(self) -> Self:
        network, longest = self.network, self.decoding.max_source_length
        if network.bounded_positions and longest > network.positions:
            raise ValueError(
                f"decoding.max_source_length: {longest} tokens is more than network.positions ({network.positions})"
            )
        return self
