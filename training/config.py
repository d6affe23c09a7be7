"""A recipe: what is trained on what, and how; validated as a whole before anything runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from model_store.config import DecodingConfig, FrozenModel, NetworkConfig, Probability
from training.data_config import DataConfig
from training.source_config import PositiveFloat, PositiveInt

Precision: TypeAlias = Literal["32-true", "bf16-mixed", "16-mixed"]

MOST_THREADS = 1024  # OpenMP ends the process where it cannot make as many as are asked for


class TokenizerConfig(FrozenModel):
    """SentencePiece training. `sentences` bounds how many sampled sentences it learns from.

    A run that starts from a bundle has its tokenizer: `vocabulary` and `lower_case` are as there, the rest is not used.
    lower_case: whatever is encoded, in training and by whoever uses the bundle, is lower-cased first, and so are the
        references that outputs are scored against.
    """

    vocabulary: Annotated[int, Field(ge=300, le=64_000)] = 16_000
    model: Literal["unigram", "bpe"] = "unigram"
    character_coverage: Annotated[float, Field(ge=0.98, le=1.0)] = 0.9995  # less is refused by SentencePiece
    sentences: PositiveInt = 1_000_000
    lower_case: bool = False


class TrainerConfig(FrozenModel):
    """The training loop. A step is one update over `batches_per_step` batches of `batch_tokens` target tokens each.

    The batches of a step are shared by the processes that torchrun starts, whole if they come out even, else each in
    parts; one process does them one after the other.

    Ends at max_steps, or after max_minutes of training time, whichever is first; the schedule follows whichever is
    further along. average_decay: exponential moving average of the weights, which is what is validated and exported.
    warmup_steps: None for 400, or a tenth of max_steps if that is fewer.
    keep: which average is evaluated and exported: that of the last update, or the one that validated best
    (training/choice.py).
    embedding_range: embeddings begin uniform between minus this and this, where a run begins from random weights.
    embedding_scale: where a run starts from a bundle, its embeddings become so many times as large, and what reads them
    as much smaller (training/rescaling.py).
    optimizer: muon makes the updates of matrices orthogonal (training/optimizer.py).
    precision: of products; bf16-mixed is float32 on a processor without it (training/distribution.py).
    widths_multiple_of: train with units that stay zero (model_store/network/padding.py), as many as make the network's
    widths such multiples, for kernels that like round sizes; checkpoints and bundles have the recipe's widths.
    """

    seed: Annotated[int, Field(ge=0)] = 1
    batch_tokens: PositiveInt = 4096
    batches_per_step: PositiveInt = 1
    max_steps: PositiveInt = 100_000
    max_minutes: PositiveFloat | None = None
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: PositiveFloat = 1e-3
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    decay: Literal["cosine", "inverse_sqrt", "constant"] = "cosine"
    final_learning_rate_ratio: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    label_smoothing: Probability = 0.1
    gradient_clip: PositiveFloat = 1.0
    average_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    keep: Literal["last", "best"] = "last"
    embedding_range: PositiveFloat = 0.5
    embedding_scale: PositiveFloat = 1.0
    widths_multiple_of: PositiveInt = 1
    precision: Precision = "32-true"
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] | None = None
    log_every_steps: PositiveInt = 50
    validate_every_steps: PositiveInt = 1000
    validation_sentences: PositiveInt = 200
    checkpoint_every_steps: PositiveInt = 500

    @property
    def warmup(self) -> int:
        """Updates until learning_rate is reached."""
        return min(400, self.max_steps // 10) if self.warmup_steps is None else self.warmup_steps

    @model_validator(mode="after")
    def _warms_up_before_the_end(self) -> Self:
        if self.warmup > self.max_steps:
            raise ValueError(
                f"warmup_steps: {self.warmup} is more than max_steps, so learning_rate would never be reached; "
                f"allowed: 0 to {self.max_steps}, or more max_steps"
            )
        return self

    @model_validator(mode="after")
    def _muon_sees_gradients_unscaled(self) -> Self:
        if self.optimizer == "muon" and self.precision == "16-mixed":
            raise ValueError(
                "optimizer: 'muon' does not go with precision '16-mixed'; allowed: 'bf16-mixed', '32-true'"
            )
        return self


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

    @property
    def begins_with(self) -> str | None:
        """The bundle whose weights a run begins with; None for random weights."""
        return self.start_from or self.transfer_from

    @model_validator(mode="after")
    def _starts_from_one(self) -> Self:
        if self.start_from is not None and self.transfer_from is not None:
            raise ValueError(
                f"transfer_from: {self.transfer_from!r}, but the run starts from {self.start_from!r} already"
            )
        return self

    @model_validator(mode="after")
    def _embeddings_are_scaled_of_a_bundle(self) -> Self:
        scale = self.trainer.embedding_scale
        if scale != 1.0 and self.begins_with is None:
            raise ValueError(
                f"trainer.embedding_scale: {scale} of what? allowed: 1.0, or with a bundle to start from; where a run "
                "begins from random weights there is embedding_range"
            )
        return self

    @model_validator(mode="after")
    def _improbable_is_what_a_bundle_finds(self) -> Self:
        stated = [source.name for source in self.data.sources if source.most_nats is not None]
        if stated and self.start_from is None:
            raise ValueError(
                f"data.sources: {stated[0]} has most_nats, which the bundle is asked for that a run starts from; "
                "allowed: with --from BUNDLE"
            )
        return self

    @model_validator(mode="after")
    def _moses_bleu_is_of_translations(self) -> Self:
        if self.evaluation.moses_bleu and self.data.task != "translate":
            raise ValueError(f"evaluation.moses_bleu: scores translations (the task is {self.data.task!r})")
        return self

    @model_validator(mode="after")
    def _directions_are_of_the_task(self) -> Self:
        task, start = self.data.task, self.start_from
        for direction, (source, target) in zip(self.data.directions, self.data.pairs, strict=True):
            other = "summarize" if source == target else "translate"
            if task in ("translate", "summarize") and task != other:
                allowed = f"data.task = {other!r}"
                if start is not None:
                    allowed = f"with a bundle of the task {other!r}, or by transfer_from, which takes one of any task"
                raise ValueError(
                    f"data.directions: {direction!r} is for the task {other!r}, and the task is {task!r}"
                    f"{'' if start is None else f', that of {start}, which this run starts from'}; allowed: {allowed}"
                )
        return self

    @model_validator(mode="after")
    def _the_best_is_best_on_something(self) -> Self:
        if self.trainer.keep == "best" and not self.data.has_sets_to_choose_by:
            raise ValueError(
                "trainer.keep: 'best' of what? allowed: with sets under data.validation that are of one of the "
                "directions, or data.held_out.validation"
            )
        return self

    @model_validator(mode="after")
    def _slots_fit_the_network(self) -> Self:
        network, longest = self.network, self.decoding.max_source_length
        if network.bounded_positions and longest > network.positions:
            raise ValueError(
                f"decoding.max_source_length: {longest} tokens is more than network.positions ({network.positions})"
            )
        return self
