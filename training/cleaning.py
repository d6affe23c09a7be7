"""Drops pairs that a model should not learn from, and counts every one of them by reason."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal, get_args

from model_store.config import Task
from training.corpora.pair import BadLine, BadReason, SentencePair
from training.data_config import DataConfig

HASH_BYTES = 8

DropReason = Literal[
    "empty",
    "control_character",
    "too_long",
    "length_ratio",
    "identical",
    "held_out",
    "duplicate",
    "over_limit",
    "near_held_out",
    "improbable",
    "too_many_tokens",
]

# Control characters, line and paragraph separators, lone surrogates, byte order marks and U+FFFD: none is text, and
# each either breaks a file of lines or tells of a broken decoding. Joiners and direction marks (Cf) are text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffd\ufffe\uffff]")


class _Folding(dict[int, str | None]):
    """Translation table that drops punctuation, symbols and white space; remembers each character it was asked for.

    Marks (vowel signs, accents) are kept: in Devanagari or Arabic, words differ by them.
    """

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        self[code] = None if unicodedata.category(character)[0] in "PSZC" else character
        return self[code]


_FOLDING = _Folding()


def fold(text: str, task: Task = "translate") -> bytes:
    """8-byte hash of the text without case, punctuation and white space.

    A text of nothing but punctuation is hashed as it is, else all of those would be one. In code and formulae case
    and symbols are the meaning (2+3 is not 2*3), so there only white space is evened out.
    """
    if task in ("comment", "math"):
        folded = " ".join(text.split())
    else:
        folded = unicodedata.normalize("NFC", text).casefold().translate(_FOLDING) or text.strip()
    return blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()


@dataclass
class SourceCount:
    """Counts of one source: read = kept + the sum of dropped. cut: how many kept pairs lost the end of their source."""

    kept: int = 0
    cut: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        return self.kept + self.dropped.total()


@dataclass
class CleaningReport:
    """Counts by source and reason.

    examples: the first place of each kind of bad line of each source. held_out_short: where fewer pairs than asked for
    were split off as a test set, and why.
    """

    sources: dict[str, SourceCount] = field(default_factory=dict)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)
    held_out_short: list[str] = field(default_factory=list)

    def source(self, name: str) -> SourceCount:
        """The counts of a source, begun at zero."""
        return self.sources.setdefault(name, SourceCount())

    def drop(self, name: str, reason: DropReason, pairs: int = 1) -> None:
        """Count `pairs` of a source that were kept at first as dropped after all."""
        count = self.source(name)
        count.kept -= pairs
        count.dropped[reason] += pairs

    def as_dict(self) -> dict[str, dict[str, int | dict[str, int]]]:
        """For JSON: source -> read, kept, dropped by reason."""
        return {
            name: {
                "read": count.read,
                "kept": count.kept,
                **({"cut": count.cut} if count.cut else {}),
                "dropped": dict(sorted(count.dropped.items())),
            }
            for name, count in self.sources.items()
        }

    def __str__(self) -> str:
        """An aligned table: a row for each source and their total, a column for each reason that occurred."""
        total = SourceCount()
        for count in self.sources.values():
            total.kept += count.kept
            total.dropped += count.dropped
        order = (*get_args(BadReason), *get_args(DropReason))
        reasons = [reason for reason in order if total.dropped[reason]]
        rows = [["source", "read", "kept", *reasons]]
        for name, count in [*self.sources.items(), ("total", total)]:
            rows.append([name, str(count.read), str(count.kept), *(str(count.dropped[reason]) for reason in reasons)])
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = []
        for name, *counts in rows:
            cells = [cell.rjust(width) for cell, width in zip(counts, widths[1:], strict=True)]
            lines.append("  ".join([name.ljust(widths[0]), *cells]))
        lines += [
            f"{name}: {count.cut} sources were cut to cut_source_tokens"
            for name, count in self.sources.items()
            if count.cut
        ]
        lines += self.held_out_short
        lines += [f"first {reason} of {name}: {where}" for (name, reason), where in self.examples.items()]
        return "\n".join(lines)


def clean(
    items: Iterable[SentencePair | BadLine],
    *,
    source_name: str,
    data: DataConfig,
    report: CleaningReport,
    seen: set[bytes],
    held_out: frozenset[bytes],
) -> Iterator[SentencePair]:
    """The usable pairs of one source, stripped of surrounding white space and otherwise unchanged.

    Args:
        seen: hashes of the pairs kept so far, over all sources; added to.
        held_out: `fold` of both sides of every held-out pair, with the task of `data`.
    """
    count = report.source(source_name)
    for item in items:
        if isinstance(item, BadLine):
            count.dropped[item.reason] += 1
            report.examples.setdefault((source_name, item.reason), item.where)
            continue
        pair = _stripped(item)
        reason = _unfit(pair, data) or _known(pair, data.task, seen, held_out)
        if reason:
            count.dropped[reason] += 1
            continue
        count.kept += 1
        yield pair


def clean_own(
    items: Iterable[SentencePair | BadLine],
    *,
    source_name: str,
    task: Task,
    report: CleaningReport,
    reported: frozenset[bytes],
) -> Iterator[SentencePair]:
    """The pairs of a source that the package provides, but for lines of sets that are only reported.

    Each was chosen to be learned as it stands: its case and punctuation, and words that are the same in both languages.
    "Yes." and "Thank you." are lines of sets to choose by as well; a model that never saw them copies them.

    Args:
        reported: `fold` of both sides of every pair that is held out to report, with that task.
    """
    count = report.source(source_name)
    for pair in items:
        assert isinstance(pair, SentencePair)
        if fold(pair.left, task) in reported or fold(pair.right, task) in reported:
            count.dropped["held_out"] += 1
            continue
        count.kept += 1
        yield pair


def _stripped(pair: SentencePair) -> SentencePair:
    """Without surrounding white space; the same object if there is none, since most pairs have none."""
    left, right = pair.left.strip(), pair.right.strip()
    if len(left) == len(pair.left) and len(right) == len(pair.right):
        return pair
    return SentencePair(left, right)


def not_text(pair: SentencePair) -> DropReason | None:
    """Why a side is no text, if so."""
    if not pair.left.strip() or not pair.right.strip():
        return "empty"
    return "control_character" if _CONTROL.search(pair.left) or _CONTROL.search(pair.right) else None


def _unfit(pair: SentencePair, data: DataConfig) -> DropReason | None:
    """Why the pair alone is no use, if so."""
    if reason := not_text(pair):
        return reason
    left, right = pair.left, pair.right
    shorter, longer = (len(left), len(right)) if len(left) < len(right) else (len(right), len(left))
    if longer > data.max_characters:
        return "too_long"
    if longer > data.max_length_ratio * shorter:
        return "length_ratio"
    if left == right and data.task == "translate" and not data.keep_identical:
        return "identical"
    return None


def _known(pair: SentencePair, task: Task, seen: set[bytes], held_out: frozenset[bytes]) -> DropReason | None:
    """Whether the pair is held out, or was kept before; if neither, remembers it."""
    left, right = fold(pair.left, task), fold(pair.right, task)
    if left in held_out or right in held_out:
        return "held_out"
    key = blake2b(left + right, digest_size=HASH_BYTES).digest()
    if key in seen:
        return "duplicate"
    seen.add(key)
    return None
