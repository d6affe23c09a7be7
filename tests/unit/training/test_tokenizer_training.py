"""train_tokenizer: deterministic, complete, and clear about what it cannot do."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from model_store.errors import ConfigError
from training.config import TokenizerConfig
from training.tokenizer_training import train_tokenizer

SMALL = TokenizerConfig(vocabulary=340)


def sentences(count: int = 400, seed: int = 0) -> list[str]:
    generator = random.Random(seed)
    words = ["".join(generator.choices("abcdefgклмнопрст", k=generator.randint(2, 8))) for _ in range(300)]
    return [" ".join(generator.choices(words, k=8)) for _ in range(count)]


@pytest.mark.parametrize("model", ["unigram", "bpe"])
def test_same_arguments_same_bytes(model: str) -> None:
    config = TokenizerConfig.model_validate({"vocabulary": 340, "model": model, "sentences": 200})
    first = train_tokenizer(sentences(), config, languages=["en", "ru"], seed=7)
    second = train_tokenizer(iter(sentences()), config, languages=["en", "ru"], seed=7)
    assert first.serialized == second.serialized
    assert first.vocabulary == 340


def test_seed_chooses_the_sample() -> None:
    config = TokenizerConfig(vocabulary=340, sentences=100)
    first = train_tokenizer(sentences(), config, languages=["en"], seed=1)
    second = train_tokenizer(sentences(), config, languages=["en"], seed=2)
    assert first.serialized != second.serialized


def test_sample_is_bounded_and_taken_from_everywhere() -> None:
    """The last sentences have letters of their own: a sample of the head alone would not know them."""
    head, tail = ["abc abd"] * 300, ["xyz xyw"] * 300
    config = TokenizerConfig(vocabulary=300, sentences=100, character_coverage=1.0)
    tokenizer = train_tokenizer([*head, *tail, *sentences(100)], config, languages=["en"], seed=1)
    assert all(not piece.startswith("<0x") for piece in tokenizer.pieces(tokenizer.encode("abdxyzw")))


@pytest.mark.parametrize("extra", ["\t", "\n", "\x00", "\u2585", "\u2581"])
def test_sentence_with_a_character_that_the_trainer_refuses_is_still_used(extra: str) -> None:
    marked = [f"{sentence}{extra}Ω" for sentence in sentences()]
    config = TokenizerConfig(vocabulary=340, character_coverage=1.0)
    tokenizer = train_tokenizer(marked, config, languages=["en"], seed=1)
    assert "Ω" in tokenizer.pieces(range(tokenizer.vocabulary))


def test_long_sentence_is_used() -> None:
    long = " ".join(["ΩΨ"] * 2_000)
    config = TokenizerConfig(vocabulary=340, character_coverage=1.0)
    tokenizer = train_tokenizer([*sentences(), long], config, languages=["en"], seed=1)
    assert not any(piece.startswith("<0x") for piece in tokenizer.pieces(tokenizer.encode("ΩΨ")))


def test_control_symbols_in_the_order_given() -> None:
    tokenizer = train_tokenizer(
        sentences(), SMALL, languages=["ru", "en", "pt-BR"], tasks=["summarize", "translate"], seed=1
    )
    assert tokenizer.languages == ("ru", "en", "pt-BR")
    assert tokenizer.tasks == ("summarize", "translate")
    assert tokenizer.control_ids == frozenset({0, 1, 2, 4, 5, 6, 7, 8})


@pytest.mark.parametrize("model", ["unigram", "bpe"])
def test_vocabulary_too_large_says_what_fits(model: str) -> None:
    config = TokenizerConfig.model_validate({"vocabulary": 30_000, "model": model})
    with pytest.raises(ConfigError, match=r"tokenizer.vocabulary: 30000 is too large.*at most (\d+)") as caught:
        train_tokenizer(sentences(), config, languages=["en"], seed=1)
    largest = int(str(caught.value).rsplit(maxsplit=1)[-1])
    fitting = config.model_copy(update={"vocabulary": largest})
    assert train_tokenizer(sentences(), fitting, languages=["en"], seed=1).vocabulary == largest


def test_alphabet_too_large_says_what_is_needed() -> None:
    characters = [chr(0x4E00 + index) for index in range(2000)]
    with pytest.raises(ConfigError, match=r"too small to hold every character.*at least \d+"):
        train_tokenizer(characters, SMALL, languages=["zh"], seed=1)


@pytest.mark.parametrize(
    ("languages", "tasks", "message"),
    [
        ([], [], "languages: at least one"),
        (["en", "e,n"], [], "'e,n' is not a language code"),
        (["en", "en"], [], "names one twice"),
        (["en"], ["dance"], "tasks: 'dance' is not one of"),
    ],
)
def test_bad_control_symbols(languages: list[str], tasks: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train_tokenizer(sentences(), SMALL, languages=languages, tasks=tasks, seed=1)


def test_no_sentences() -> None:
    def nothing() -> Iterator[str]:
        yield from ["", "  "]

    with pytest.raises(ConfigError, match="no sentences"):
        train_tokenizer(nothing(), SMALL, languages=["en"], seed=1)


def test_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    train_tokenizer(sentences(), SMALL, languages=["en"], seed=1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("model", ["unigram", "bpe"])
def test_a_tokenizer_that_lower_cases_changes_nothing_else(model: str) -> None:
    config = TokenizerConfig.model_validate({"vocabulary": 340, "model": model, "lower_case": True})
    tokenizer = train_tokenizer([*sentences(), "ÄÖÜ SS"], config, languages=["en"], seed=1)
    for text in ("Die Straße, ÄÖÜ", "ПРИВЕТ  İ \u2581 \x1b2 №ﬁ x²", "  ", "", *sentences(5)):
        assert tokenizer.decode(tokenizer.encode(text)) == text.lower()
        assert tokenizer.encode(text) == tokenizer.encode(text.lower())
        spellings = tokenizer.spellings()
        assert b"".join(spellings[id_] for id_ in tokenizer.encode(text)) == tokenizer.spelled(text)
    assert not any(piece != piece.lower() for piece in tokenizer.pieces(range(5, 340)) if not piece.startswith("<0x"))
