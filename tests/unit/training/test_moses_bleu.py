"""BLEU in Moses' tokenisation: tokens against what Moses' scripts give, the score against one written out."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from training.moses_bleu import moses_bleu, moses_tokens


@pytest.mark.parametrize(
    ("text", "language", "tokens"),
    [
        ("Ein Mann, z.B. in Rot, sagt: \u201eJa!\u201c", "de", 'ein mann , z.b. in rot , sagt : " ja ! "'),
        ("Un homme d\u2019\u00e2ge m\u00fbr l'aide.", "fr", "un homme d' \u00e2ge m\u00fbr l' aide ."),
        ("The man's well-known dog isn't here.", "en", "the man 's well-known dog isn 't here ."),
        ("A & B <i>", "en", "a & b < i >"),
    ],
)
def test_tokens_are_those_of_moses(text: str, language: str, tokens: str) -> None:
    assert moses_tokens([text], language) == [tokens]


def written_out(outputs: list[str], references: list[str]) -> float:
    """BLEU-4 of tokens (Papineni et al. 2002), for texts that share some four tokens in a row."""
    logs = []
    for n in range(1, 5):
        right = total = 0
        for output, reference in zip(outputs, references, strict=True):
            counts = [
                Counter(tuple(text.split()[i : i + n]) for i in range(len(text.split()) - n + 1))
                for text in (output, reference)
            ]
            right += (counts[0] & counts[1]).total()
            total += counts[0].total()
        logs.append(math.log(right / total))
    lengths = [sum(len(text.split()) for text in texts) for texts in (outputs, references)]
    return 100 * math.exp(sum(logs) / 4 + min(0.0, 1 - lengths[1] / lengths[0]))


def test_the_score_is_bleu_of_those_tokens() -> None:
    outputs = ["Ein Hund l\u00e4uft \u00fcber die Wiese.", "Zwei M\u00e4nner sitzen, und reden."]
    references = ["ein Hund rennt \u00fcber die Wiese .", "Zwei M\u00c4NNER sitzen, und reden viel."]
    expected = written_out(moses_tokens(outputs, "de"), moses_tokens(references, "de"))
    assert 20 < expected < 95
    assert moses_bleu(outputs, references, "de") == pytest.approx(expected)


def test_case_and_kinds_of_quotes_do_not_matter() -> None:
    assert moses_bleu(["ER sagt \u201eJa, sehr gern\u201c."], ['er sagt "ja, sehr gern".'], "de") == pytest.approx(100)
