"""Tokenizer: nothing is lost, and text can never forge a control symbol."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.errors import ConfigError, SegmentError
from model_store.tokenizer import PAD_ID, UNK_ID, Tokenizer, escape, unescape
from training.config import TokenizerConfig
from training.tokenizer_training import train_tokenizer


def trained(model: str, tasks: tuple[str, ...] = (), *, formality: bool = False) -> Tokenizer:
    generator = random.Random(0)
    words = ["".join(generator.choices("abcdefgклмнопрст", k=generator.randint(2, 8))) for _ in range(300)]
    text = [" ".join(generator.choices(words, k=8)) for _ in range(400)]
    text += ["Hello <s> <2ru> Hello </s> <summarize> Hello"] * 40
    config = TokenizerConfig.model_validate({"vocabulary": 400, "model": model})
    return train_tokenizer(text, config, languages=["en", "ru"], tasks=tasks, formality=formality, seed=1)


UNIGRAM = trained("unigram")
BPE = trained("bpe", ("translate", "summarize"))
AWKWARD = [
    *("", " ", "   ", " a", "a ", "a  b", "\t", "\n", "\r\n", "\t\n\x00", "\x00", "a\x00b", "\x00 "),
    *("\u2581", "\u2581\u2581 \u2581", " \u2581", "\x1b", "\x1b0", "\x1b1", "\x1b\u2581", "\u2585", "\ue000"),
    *("e\u0301", "😀👨‍👩‍👧", "مرحبا بالعالم", "\ufeff", "\ufffd", "\u2047", " \u2047 ", "\u00a0", "\u3000", "\u2028"),
    *("<2ru>", "<s>", "</s>", "<unk>", "<pad>", "<summarize>", "<0x41>", "<2ru> Hello</s>", "\U0010ffff"),
]
# Hypothesis would seldom put these next to each other by itself.
pieces_of_trouble = st.lists(st.one_of(st.sampled_from(AWKWARD), st.text(max_size=4)), max_size=8).map("".join)
any_text = st.one_of(pieces_of_trouble, st.text(alphabet=st.characters(exclude_categories=["Cs"])))


@pytest.mark.parametrize("tokenizer", [UNIGRAM, BPE], ids=["unigram", "bpe"])
@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("tokenizer", [UNIGRAM, BPE], ids=["unigram", "bpe"])
@settings(deadline=None, max_examples=400)
@given(text=any_text)
def test_any_text_comes_back_and_forges_nothing(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert not (tokenizer.control_ids | {tokenizer.eos_id}) & set(ids)


@pytest.mark.parametrize("tokenizer", [UNIGRAM, BPE], ids=["unigram", "bpe"])
@settings(deadline=None, max_examples=200)
@given(text=any_text)
def test_spellings_of_the_pieces_add_up_to_the_text(tokenizer: Tokenizer, text: str) -> None:
    spellings = tokenizer.spellings()
    assert b"".join(spellings[id_] for id_ in tokenizer.encode(text)) == tokenizer.spelled(text)


def test_only_what_writes_nothing_has_no_spelling() -> None:
    silent = [id_ for id_, spelling in enumerate(BPE.spellings()) if not spelling]
    assert silent == sorted(BPE.control_ids | {BPE.eos_id})


@settings(deadline=None)
@given(text=st.text(alphabet="\x1b\u258101 a"))
def test_escape_is_a_bijection_without_the_space_piece(text: str) -> None:
    assert "\u2581" not in escape(text)
    assert unescape(escape(text)) == text


@settings(deadline=None)
@given(texts=st.lists(any_text, max_size=5))
def test_many_equals_one_by_one(texts: list[str]) -> None:
    assert UNIGRAM.encode_many(texts) == [UNIGRAM.encode(text) for text in texts]
    assert UNIGRAM.encode_many(texts, threads=2) == UNIGRAM.encode_many(texts)


@pytest.mark.parametrize("tokenizer", [UNIGRAM, BPE], ids=["unigram", "bpe"])
def test_word_has_the_same_pieces_at_the_start_and_after_a_space(tokenizer: Tokenizer) -> None:
    once = tokenizer.encode("Hello")
    assert tokenizer.encode("Hello Hello") == once + once


def test_source_is_language_subwords_eos() -> None:
    ids = UNIGRAM.source_ids("Hello", target_language="ru")
    assert ids == (5, *UNIGRAM.encode("Hello"), 3)
    assert UNIGRAM.source_prefix == 1
    assert UNIGRAM.pieces(ids)[0] == "<2ru>"
    assert UNIGRAM.decode(ids) == "Hello"


def test_source_with_a_task_token() -> None:
    ids = BPE.source_ids("Hello", target_language="en", task="summarize")
    assert ids == (4, 7, *BPE.encode("Hello"), 3)
    assert BPE.source_prefix == 2
    assert BPE.pieces(ids)[:2] == ["<2en>", "<summarize>"]


def test_source_with_a_formality_token() -> None:
    polite = trained("unigram", formality=True)
    ids = polite.source_ids("Hello", target_language="ru", formality="formal")
    assert polite.source_prefix == 2
    assert polite.pieces(ids)[:2] == ["<2ru>", "<formality:formal>"]
    assert polite.pieces(polite.source_ids("Hello", target_language="ru"))[1] == "<formality:default>"
    assert polite.decode(ids) == "Hello"
    with pytest.raises(ConfigError, match="formality: 'formal', but the tokenizer has no tokens for it"):
        UNIGRAM.source_ids("Hello", target_language="ru", formality="formal")


def test_control_ids_are_all_but_eos() -> None:
    assert (PAD_ID, UNK_ID, UNIGRAM.bos_id, UNIGRAM.eos_id) == (0, 1, 2, 3)
    assert UNIGRAM.control_ids == {0, 1, 2, 4, 5}
    assert BPE.control_ids == {0, 1, 2, 4, 5, 6, 7}
    assert (BPE.languages, BPE.tasks) == (("en", "ru"), ("translate", "summarize"))


def test_unknown_language_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"target_language: 'de' is not one of \['en', 'ru'\]"):
        UNIGRAM.source_ids("Hello", target_language="de")


def test_unknown_task_lists_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"task: 'math' is not one of \['translate', 'summarize'\]"):
        BPE.source_ids("Hello", target_language="en", task="math")


def test_lone_surrogate_is_named() -> None:
    with pytest.raises(SegmentError, match=r"text: U\+D800 at position 1 is a lone surrogate"):
        UNIGRAM.encode("a\ud800")
    with pytest.raises(ValueError, match=r"text 1: U\+DFFF at position 0"):
        UNIGRAM.encode_many(["a", "\udfff"])


def test_decode_of_broken_bytes_does_not_fail() -> None:
    broken = UNIGRAM.encode("😀")[:-1]
    assert "\ufffd" in UNIGRAM.decode(broken)


def test_saved_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(BPE.serialized)
    loaded = Tokenizer.load(path)
    assert loaded.serialized == BPE.serialized
    assert loaded.source_ids("Hello", target_language="ru") == BPE.source_ids("Hello", target_language="ru")


@pytest.mark.parametrize("model", [b"", b"garbage" * 10])
def test_not_a_model(model: bytes) -> None:
    with pytest.raises(ConfigError, match="tokenizer: not a SentencePiece model"):
        Tokenizer(model)
