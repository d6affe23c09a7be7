"""BLEU as papers on Multi30k give it: of lower-cased text in Moses' tokenisation.

The steps are those of the corpus's own preparation (github multi30k/dataset, scripts/task1-tokenize.sh): lower-case,
then normalise punctuation, then tokenise; sacremoses does the last two as Moses' Perl scripts do.
"""

from __future__ import annotations

from collections.abc import Sequence

import sacrebleu
from sacremoses import MosesPunctNormalizer, MosesTokenizer


def moses_tokens(texts: Sequence[str], language: str) -> list[str]:
    """Each text lower-cased, normalised and tokenised, with a space between tokens."""
    normalizer, tokenizer = MosesPunctNormalizer(lang=language), MosesTokenizer(lang=language)
    return [tokenizer.tokenize(normalizer.normalize(text.lower()), escape=False, return_str=True) for text in texts]


def moses_bleu(outputs: Sequence[str], references: Sequence[str], language: str) -> float:
    """BLEU-4 of a corpus, 0 to 100; one reference a text, no further tokenisation.

    language: the target's code; it decides about abbreviations, quotes and apostrophes.
    """
    bleu = sacrebleu.BLEU(tokenize="none", force=True)
    return float(bleu.corpus_score(moses_tokens(outputs, language), [moses_tokens(references, language)]).score)
