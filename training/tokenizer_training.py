"""Learns a tokenizer's vocabulary from sentences."""

from __future__ import annotations

import io
import random
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import sentencepiece

from model_store.config import Formality, Task
from model_store.errors import ConfigError
from model_store.tokenizer import (
    BOS_ID,
    EOS_ID,
    PAD_ID,
    SPECIAL_PIECES,
    UNK_ID,
    Tokenizer,
    escape,
    formality_piece,
    language_piece,
    task_piece,
)
from training.config import TokenizerConfig

THREADS = 2
_LANGUAGE_CODE = re.compile(r"[A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8})*")
# SentencePiece's trainer skips a sentence that holds one of these; here they are as good as spaces.
_REFUSED_BY_TRAINER = str.maketrans(dict.fromkeys("\x00\t\n\r\u2585", " "))

_PAD, _UNK, _BOS, _EOS = SPECIAL_PIECES
_OPTIONS: dict[str, Any] = {
    "remove_extra_whitespaces": False,
    "add_dummy_prefix": True,
    "byte_fallback": True,
    "split_digits": True,  # a number is copied digit by digit: no number is rare then
    "max_sentence_length": 2**30,  # bytes; longer sentences would be dropped, and none is longer than this
    "input_sentence_size": 0,
    "shuffle_input_sentence": False,
    "num_threads": THREADS,
    "minloglevel": 2,
    "pad_id": PAD_ID,
    "unk_id": UNK_ID,
    "bos_id": BOS_ID,
    "eos_id": EOS_ID,
    "pad_piece": _PAD,
    "unk_piece": _UNK,
    "bos_piece": _BOS,
    "eos_piece": _EOS,
}


def train_tokenizer(
    sentences: Iterable[str],
    config: TokenizerConfig,
    *,
    languages: Sequence[str],
    tasks: Sequence[str] = (),
    formality: bool = False,
    seed: int,
) -> Tokenizer:
    """Learn `config.vocabulary` pieces from at most `config.sentences` of the sentences, sampled by `seed`.

    The same arguments give the same bytes. A sentence of any length is used. formality: whether it gets tokens for the
    ways of addressing the reader.

    Raises:
        ConfigError: a language code or task that cannot be a control symbol, no sentences, or a vocabulary that the
            data is too small (or its alphabet too large) for; the message says what would fit.
    """
    _check_control_symbols(languages, tasks)
    sample = [sentence for sentence in _sample(sentences, config.sentences, seed) if sentence.strip()]
    if not sample:
        raise ConfigError("tokenizer: there are no sentences to learn from")
    model = io.BytesIO()
    try:
        with _normalisation(lower_case=config.lower_case) as normalisation:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=_prepared(sample),
                model_writer=model,
                model_type=config.model,
                vocab_size=config.vocabulary,
                character_coverage=config.character_coverage,
                control_symbols=[
                    *map(language_piece, languages),
                    *map(task_piece, tasks),
                    *map(formality_piece, get_args(Formality) if formality else ()),
                ],
                **normalisation,
                **_OPTIONS,
            )
    except RuntimeError as error:
        raise ConfigError(_size_message(str(error), config)) from error
    return Tokenizer(model.getvalue())


@contextmanager
def _normalisation(*, lower_case: bool) -> Iterator[dict[str, Any]]:
    """The trainer's options for what is done to a text before it is encoded: nothing, or each character lower-cased."""
    if not lower_case:
        yield {"normalization_rule_name": "identity"}
        return
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    rules = (
        f"{ord(each):X}\t{' '.join(f'{ord(part):X}' for part in each.lower())}\n"
        for each in characters
        if each.lower() != each
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lower_case.tsv"
        path.write_text("".join(rules), encoding="ascii")
        yield {"normalization_rule_tsv": str(path)}


def _check_control_symbols(languages: Sequence[str], tasks: Sequence[str]) -> None:
    if not languages:
        raise ConfigError("languages: at least one is needed")
    for language in languages:
        if not _LANGUAGE_CODE.fullmatch(language):
            raise ConfigError(f"languages: {language!r} is not a language code such as 'en' or 'pt-BR'")
    for task in tasks:
        if task not in get_args(Task):
            raise ConfigError(f"tasks: {task!r} is not one of {list(get_args(Task))}")
    for field, values in (("languages", languages), ("tasks", tasks)):
        if len(set(values)) != len(values):
            raise ConfigError(f"{field}: {list(values)} names one twice")


def _sample(sentences: Iterable[str], size: int, seed: int) -> list[str]:
    """A uniform sample of `size` sentences in one pass (reservoir sampling, algorithm R), or all if there are fewer."""
    generator = random.Random(seed)
    sample: list[str] = []
    for seen, sentence in enumerate(sentences):
        if seen < size:
            sample.append(sentence)
            continue
        place = generator.randrange(seen + 1)
        if place < size:
            sample[place] = sentence
    return sample


def _prepared(sample: Sequence[str]) -> Iterator[str]:
    """The sample as the trainer takes it."""
    for sentence in sample:
        yield escape(sentence).translate(_REFUSED_BY_TRAINER)


def _size_message(message: str, config: TokenizerConfig) -> str:
    """SentencePiece's refusal in the recipe's terms."""
    too_high = re.search(r"Vocabulary size (?:is )?too high.*?<= *(\d+)", message, re.DOTALL)
    if too_high:
        return (
            f"tokenizer.vocabulary: {config.vocabulary} is too large for this data; "
            f"it can be at most {int(too_high[1])}"
        )
    too_small = re.search(r"smaller than required_chars\. *\d+ vs (\d+)", message)
    if too_small:
        return (
            f"tokenizer.vocabulary: {config.vocabulary} is too small to hold every character of this data; it has to "
            f"be at least {int(too_small[1])}, or tokenizer.character_coverage lower"
        )
    return f"tokenizer: SentencePiece could not learn a vocabulary of {config.vocabulary}: {message}"
