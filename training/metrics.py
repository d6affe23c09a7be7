"""How good outputs are, in one number each: BLEU and chrF for translations, ROUGE for summaries.

Scores are of libraries (sacrebleu, rouge-score). What is added here is a tokenizer for ROUGE that knows more than
ASCII, and two things that a summary must not do: repeat itself, or be longer than its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer as RougeTokenizer

from model_store.config import Task

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
REPEATED_NGRAM = 3


@dataclass(frozen=True)
class Metric:
    """One figure. name: as in a model card. value: 0 to 100."""

    name: str
    value: float


class _UnicodeWords(RougeTokenizer):  # type: ignore[misc]
    """Letters, marks and digits of any script, lower case. (rouge-score's own drops all that is not a-z or 0-9.)"""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def words(text: str) -> list[str]:
    """The words of a text as ROUGE compares them."""
    return _WORD.findall(text.casefold())


def score(task: Task, sources: Sequence[str], outputs: Sequence[str], references: Sequence[str]) -> tuple[Metric, ...]:
    """The metrics of `task` over a whole set; one reference a source."""
    if task == "summarize":
        return _summaries(sources, outputs, references)
    bleu, chrf = (metric.corpus_score(list(outputs), [list(references)]) for metric in corpus_metrics())
    return Metric("BLEU", bleu.score), Metric("chrF2", chrf.score)


def corpus_metrics() -> tuple[sacrebleu.BLEU, sacrebleu.CHRF]:
    """BLEU with 13a tokenisation and mixed case, and chrF2, as sacrebleu has them by default."""
    return sacrebleu.BLEU(), sacrebleu.CHRF()


def _summaries(sources: Sequence[str], outputs: Sequence[str], references: Sequence[str]) -> tuple[Metric, ...]:
    """Mean F1 of ROUGE-1, -2 and -L (Lin 2004), and the shares of summaries that repeat or outgrow."""
    kinds = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L"}
    found = _rouge(list(kinds), outputs, references)
    rouge = [Metric(name, _mean(values)) for name, values in zip(kinds.values(), found, strict=True)]
    longer = [len(output) >= len(source) for source, output in zip(sources, outputs, strict=True)]
    return (
        *rouge,
        Metric(f"repeats {REPEATED_NGRAM} words, %", _mean([repeats(output) for output in outputs])),
        Metric("no shorter than its source, %", _mean(longer)),
    )


def rouge_l(outputs: Sequence[str], references: Sequence[str]) -> list[float]:
    """F1 of ROUGE-L of each summary, 0 to 1."""
    return _rouge(["rougeL"], outputs, references)[0]


def _rouge(kinds: list[str], outputs: Sequence[str], references: Sequence[str]) -> list[list[float]]:
    """F1 by each of the kinds, as rouge-score names them, of each summary."""
    scorer = RougeScorer(kinds, tokenizer=_UnicodeWords())
    scored = [scorer.score(reference, output) for reference, output in zip(references, outputs, strict=True)]
    return [[each[kind].fmeasure for each in scored] for kind in kinds]


def repeats(text: str) -> bool:
    """Whether some REPEATED_NGRAM words in a row occur twice."""
    tokens = words(text)
    ngrams = [tuple(tokens[start : start + REPEATED_NGRAM]) for start in range(len(tokens) - REPEATED_NGRAM + 1)]
    return len(set(ngrams)) < len(ngrams)


def _mean(values: Sequence[float]) -> float:
    """In per cent; 0 of nothing."""
    return 100 * sum(values) / len(values) if values else 0.0
