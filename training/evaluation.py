"""BLEU and chrF of a network through the decoder that serves it, or of a running server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sacrebleu

from model_store.config import DecodingConfig, Task
from model_store.decoding.in_flight import decode, open_decoder
from model_store.decoding.segment import Segment
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer


@dataclass(frozen=True)
class Decoded:
    """outputs: one for each text. unfinished: how many were cut off at maximum length."""

    outputs: list[str]
    unfinished: int


class System(Protocol):
    """Whatever turns texts into texts: a network in this process, or a server."""

    def decode(self, texts: Sequence[str], source_language: str, target_language: str) -> Decoded:
        """One output for each text, in order."""
        ...


@dataclass(frozen=True)
class Model:
    """A network in this process, with its tokenizer and how it is decoded."""

    network: Seq2Seq
    tokenizer: Tokenizer
    decoding: DecodingConfig
    task: Task = "translate"

    def decode(self, texts: Sequence[str], source_language: str, target_language: str) -> Decoded:
        """Decode each text as one segment, however long.

        Slots are as wide as the longest text asks for, so that nothing is split or cut here.
        """
        config = self.decoding
        sources = [self.tokenizer.source_ids(text, target_language=target_language, task=self.task) for text in texts]
        longest = max((len(source) for source in sources), default=1)
        capacity = max(longest, config.max_source_length)
        decoder = open_decoder(
            self.network,
            self.tokenizer,
            max_source_length=capacity,
            max_target_length=config.max_length(capacity),
        )
        segments = [
            Segment(
                source,
                max_length=min(config.max_length(len(source)), decoder.max_target_length),
                beam_size=config.beam_size,
                length_penalty=config.length_penalty,
            )
            for source in sources
        ]
        outputs = [""] * len(texts)
        unfinished = 0
        for index, (best, *_others) in decode(decoder, segments):
            outputs[index] = self.tokenizer.decode(best.tokens)
            unfinished += not best.finished
        return Decoded(outputs, unfinished)


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

    bleu: sacrebleu's, 13a tokenisation, mixed case. chrf: chrF2. signature: of the metrics' settings. unfinished:
    targets cut off at maximum length. duration_s: of decoding.
    """

    test_set: str
    direction: str
    segments: int
    bleu: float
    chrf: float
    signature: str
    unfinished: int
    duration_s: float


def evaluate(system: System, test_set: TestSet) -> Evaluation:
    """Score one set in one direction."""
    started = time.monotonic()
    decoded = system.decode(test_set.sources, test_set.source_language, test_set.target_language)
    duration = time.monotonic() - started
    references = [list(test_set.references)]
    bleu, chrf = sacrebleu.BLEU(), sacrebleu.CHRF()
    bleu_score = bleu.corpus_score(decoded.outputs, references).score
    chrf_score = chrf.corpus_score(decoded.outputs, references).score
    return Evaluation(
        test_set.name,
        test_set.direction,
        len(decoded.outputs),
        bleu_score,
        chrf_score,
        f"{bleu.get_signature()} {chrf.get_signature()}",
        decoded.unfinished,
        duration,
    )


def table(evaluations: Sequence[Evaluation]) -> str:
    """An aligned table, a row for each set and direction."""
    header = (
        f"{'test set':24} {'direction':10} {'segments':>8} {'BLEU':>6} {'chrF2':>6} {'unfinished':>10} {'seconds':>8}"
    )
    return "\n".join(
        [header]
        + [
            f"{each.test_set:24} {each.direction:10} {each.segments:8d} {each.bleu:6.1f} {each.chrf:6.1f} "
            f"{each.unfinished:10d} {each.duration_s:8.1f}"
            for each in evaluations
        ]
    )
