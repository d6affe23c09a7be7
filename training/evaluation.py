"""Scores a network through the decoder that serves it, a running server, or what needs no model at all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sentencex
import torch

from model_store.bundle import Bundle
from model_store.config import UNPRUNED, DecodingConfig, Task
from model_store.decoding.in_flight import InFlightDecoder, decode, open_decoder
from model_store.decoding.noisy_channel import channel_back
from model_store.decoding.repeats import no_repeat_ngram
from model_store.decoding.segment import Segment
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from training.config import Recipe
from training.metrics import Metric, score
from training.moses_bleu import moses_bleu
from training.significance import Comparison


@dataclass(frozen=True)
class Decoded:
    """outputs: one for each text. unfinished: how many were cut off at maximum length.

    written_by: the bundles that a server says it has them from, as name@version; none for a network in this process.
    """

    outputs: list[str]
    unfinished: int
    written_by: frozenset[str] = frozenset()


class OpenDecoder(Protocol):
    """open_decoder, or what takes its place: a decoder for a network and its tokenizer, lengths in tokens."""

    def __call__(
        self, network: Seq2Seq, tokenizer: Tokenizer, *, max_source_length: int, max_target_length: int
    ) -> InFlightDecoder: ...


class System(Protocol):
    """Whatever turns texts into texts: a network in this process, or a server."""

    def decode(self, texts: Sequence[str], source_language: str, target_language: str) -> Decoded:
        """One output for each text, in order."""
        ...


@dataclass(frozen=True)
class Model:
    """A network in this process, with its tokenizer and how it is decoded.

    cut_source_tokens: read no more of a source than this, as the network was trained to; None to read all of it.
    directions: that it translates in, so that it can be asked for the way back; none for another task.
    opened: makes the decoder.
    """

    network: Seq2Seq
    tokenizer: Tokenizer
    decoding: DecodingConfig
    task: Task = "translate"
    cut_source_tokens: int | None = None
    opened: OpenDecoder = open_decoder
    directions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_recipe(
        cls, recipe: Recipe, network: Seq2Seq, tokenizer: Tokenizer, *, opened: OpenDecoder = open_decoder
    ) -> Model:
        """A network that is trained by a recipe, decoded as that says."""
        data = recipe.data
        directions = data.pairs if data.task == "translate" else ()
        cut = data.cut_source_tokens
        return cls(network, tokenizer, recipe.decoding, data.task, cut, opened, directions)

    @classmethod
    def of_bundle(
        cls, bundle: Bundle, *, cut_source_tokens: int | None = None, opened: OpenDecoder = open_decoder
    ) -> Model:
        """A bundle's network, on the CPU, decoded as its manifest says."""
        manifest = bundle.manifest
        network = bundle.network()
        directions = manifest.pairs if manifest.task == "translate" else ()
        return cls(network, bundle.tokenizer, manifest.decoding, manifest.task, cut_source_tokens, opened, directions)

    def decode(self, texts: Sequence[str], source_language: str, target_language: str) -> Decoded:
        """Decode each text as one segment, however long.

        Slots are as wide as the longest text asks for, so that nothing is split here.
        """
        config = self.decoding
        prefix, eos = self.tokenizer.prefix_ids(target_language, self.task), self.tokenizer.eos_id
        sources = [(*prefix, *self.tokenizer.encode(text)[: self.cut_source_tokens], eos) for text in texts]
        longest = max((len(source) for source in sources), default=1)
        capacity = max(longest, config.max_source_length)
        decoder = self.opened(
            self.network,
            self.tokenizer,
            max_source_length=capacity,
            max_target_length=config.max_length(capacity),
        )
        way = (source_language, target_language)
        channel = channel_back(
            self.tokenizer,
            way,
            self.directions if config.beam_size > 1 else (),
            weight=config.channel_weight,
            max_source_length=config.max_source_length,
        )
        segments = [
            Segment(
                source,
                max_length=min(config.max_length(len(source)), decoder.limits.target),
                beam_size=config.beam_size,
                length_penalty=config.length_penalty,
                horizon=config.horizon,
                pruning=UNPRUNED if channel else config.pruning,
                least_empty=config.least_empty,
                no_repeat_ngram=no_repeat_ngram(config, self.task, source),
                channel=channel,
            )
            for source in sources
        ]
        outputs = [""] * len(texts)
        unfinished = 0
        for index, (best, *_others) in decode(decoder, segments):
            outputs[index] = self.tokenizer.decode(best.tokens)
            unfinished += not best.finished
        return Decoded(outputs, unfinished)


def on_best_device(network: Seq2Seq) -> Seq2Seq:
    """The network itself, on the GPU where there is one, as it is validated while it trains; else where it was."""
    return network.to("cuda") if torch.cuda.is_available() else network


@dataclass(frozen=True)
class LeadSentence:
    """The first sentence of each text, unchanged: the baseline that a summarizer has to beat."""

    def decode(self, texts: Sequence[str], source_language: str, target_language: str) -> Decoded:
        """The target language has to be the source's."""
        firsts = (next(iter(sentencex.segment(source_language, text)), text) for text in texts)
        return Decoded([first.strip() for first in firsts], 0)


@dataclass(frozen=True)
class TestSet:
    """References by source, in one direction."""

    __test__ = False

    name: str
    source_language: str
    target_language: str
    sources: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def direction(self) -> str:
        """As "en-ru"."""
        return f"{self.source_language}-{self.target_language}"


@dataclass(frozen=True)
class Evaluation:
    """One set, scored in one direction.

    unfinished: targets cut off at maximum length. duration_s: of decoding. written_by: as Decoded has it. comparisons:
    with another system, if there was one.
    """

    test_set: str
    direction: str
    outputs: tuple[str, ...]
    metrics: tuple[Metric, ...]
    unfinished: int
    duration_s: float
    written_by: frozenset[str] = frozenset()
    comparisons: tuple[Comparison, ...] = ()


MOSES_BLEU = "BLEU, Moses, lower case"


def evaluate(system: System, test_set: TestSet, task: Task, *, with_moses_bleu: bool = False) -> Evaluation:
    """Score one set in one direction by the metrics of `task`, and by training/moses_bleu.py if that is asked for."""
    started = time.monotonic()
    decoded = system.decode(test_set.sources, test_set.source_language, test_set.target_language)
    duration = time.monotonic() - started
    metrics = score(task, test_set.sources, decoded.outputs, test_set.references)
    if with_moses_bleu:
        moses = moses_bleu(decoded.outputs, test_set.references, test_set.target_language)
        metrics = (*metrics, Metric(MOSES_BLEU, moses))
    return Evaluation(
        test_set.name,
        test_set.direction,
        tuple(decoded.outputs),
        metrics,
        decoded.unfinished,
        duration,
        decoded.written_by,
    )


def table(evaluations: Sequence[Evaluation]) -> str:
    """An aligned table, a row for each set and direction; all of one task."""
    metrics = [metric.name for metric in evaluations[0].metrics] if evaluations else []
    rows = [["test set", "direction", "segments", *metrics, "unfinished", "seconds"]]
    for each in evaluations:
        values = (f"{metric.value:.1f}" for metric in each.metrics)
        counts = (str(len(each.outputs)), *values, str(each.unfinished), f"{each.duration_s:.1f}")
        rows.append([each.test_set, each.direction, *counts])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        names = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        lines.append("  ".join(names + numbers))
    return "\n".join(lines)
