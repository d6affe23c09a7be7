"""Text to token ids and back, without loss: SentencePiece, with language and task tokens that text cannot forge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

import sentencepiece

from model_store.config import Formality, Task
from model_store.errors import ConfigError, SegmentError

PAD_ID, UNK_ID, BOS_ID, EOS_ID = 0, 1, 2, 3
SPECIAL_PIECES = ("<pad>", "<unk>", "<s>", "</s>")

# SentencePiece writes a space as U+2581 and would read a U+2581 of the text back as a space.
_SPACE_PIECE = "\u2581"
_ESCAPE = "\x1b"
_ESCAPED = re.compile(f"{_ESCAPE}([01])")
_UNESCAPED = {"0": _ESCAPE, "1": _SPACE_PIECE}
_LANGUAGE_PIECE = re.compile(r"<2(.+)>")


def language_piece(language: str) -> str:
    """The control symbol that asks for a target in `language`: "<2ru>"."""
    return f"<2{language}>"


def task_piece(task: str) -> str:
    """The control symbol that asks for a task: "<summarize>"."""
    return f"<{task}>"


def formality_piece(formality: str) -> str:
    """The control symbol that asks for a way of addressing the reader: "<formality:formal>"."""
    return f"<formality:{formality}>"


def escape(text: str) -> str:
    """`text` without U+2581, bijectively: U+001B becomes U+001B "0", U+2581 becomes U+001B "1"."""
    if _ESCAPE in text:
        text = text.replace(_ESCAPE, _ESCAPE + "0")
    if _SPACE_PIECE in text:
        text = text.replace(_SPACE_PIECE, _ESCAPE + "1")
    return text


def unescape(text: str) -> str:
    """The inverse of `escape`; a lone U+001B, which only a decoder can produce, stays as it is."""
    if _ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda match: _UNESCAPED[match[1]], text)


class Tokenizer:
    """One vocabulary for all languages of a bundle.

    Any text that is encodable in UTF-8 comes back unchanged through `decode(encode(text))`, or lower-cased if the
    tokenizer was trained to do that: unseen characters become byte pieces, nothing else is normalised, and the dummy
    space that lets a word share its pieces at the start of a text and after a space is taken off again. Control symbols
    are added by id, so "<2ru>" in a text is five characters.
    """

    bos_id = BOS_ID
    eos_id = EOS_ID

    def __init__(self, model: bytes) -> None:
        """Read a serialised SentencePiece model.

        Raises:
            ConfigError: not a SentencePiece model, or not one that `train_tokenizer` made.
        """
        processor: Any = sentencepiece.SentencePieceProcessor()
        try:
            if not model:
                raise RuntimeError("it is empty")
            processor.LoadFromSerializedProto(model)
        except (RuntimeError, TypeError) as error:
            raise ConfigError(f"tokenizer: not a SentencePiece model: {error}") from error
        self._processor = processor
        self.serialized = model
        self.vocabulary = int(processor.get_piece_size())
        specials = tuple(processor.id_to_piece(id_) for id_ in range(min(len(SPECIAL_PIECES), self.vocabulary)))
        if specials != SPECIAL_PIECES:
            raise ConfigError(f"tokenizer: its first pieces are {specials}; they have to be {SPECIAL_PIECES}")
        self._languages, self._tasks, self._formalities = _control_symbols(processor, self.vocabulary)
        self.languages: tuple[str, ...] = tuple(self._languages)
        self.tasks: tuple[str, ...] = tuple(self._tasks)
        self.has_formality = bool(self._formalities)
        self.source_prefix = 1 + bool(self._tasks) + bool(self._formalities)
        symbols = (*self._languages.values(), *self._tasks.values(), *self._formalities.values())
        self.control_ids = frozenset({PAD_ID, UNK_ID, BOS_ID, *symbols})
        self._silent = self.control_ids | {EOS_ID}
        whole = (each for each in range(self.vocabulary) if each not in self._silent and not processor.is_byte(each))
        # Of those that are spelled in bytes a network may have seen none.
        self.characters: frozenset[str] = frozenset().union(*self.pieces(whole)) - {_SPACE_PIECE}

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read a model file."""
        return cls(path.read_bytes())

    def encode(self, text: str) -> list[int]:
        """Subwords of `text`, without control symbols.

        Raises:
            SegmentError: `text` holds a lone surrogate, which is no character.
        """
        try:
            # A list of one would start a thread pool for it, ten times slower.
            ids: list[int] = self._processor.encode(escape(text), out_type=int)
        except RuntimeError as error:
            raise _surrogate_error([text]) from error
        return ids

    def encode_many(self, texts: Sequence[str], *, threads: int = 1) -> list[list[int]]:
        """`encode` of each text, faster than one by one."""
        try:
            ids: list[list[int]] = self._processor.encode(
                [escape(text) for text in texts], out_type=int, num_threads=threads
            )
        except TypeError as error:
            raise _surrogate_error(texts) from error
        return ids

    def source_ids(
        self, text: str, *, target_language: str, task: Task = "translate", formality: Formality = "default"
    ) -> tuple[int, ...]:
        """What the encoder reads: language token, task and formality token (if this tokenizer has such), subwords, EOS.

        Raises:
            ConfigError: the tokenizer has no token for `target_language`, `task` or `formality`.
            SegmentError: as `encode`.
        """
        return (*self.prefix_ids(target_language, task, formality), *self.encode(text), EOS_ID)

    def language_id(self, target_language: str) -> int:
        """The token that a source begins with. Raises ConfigError for a language that there is no token for."""
        if target_language not in self._languages:
            raise ConfigError(f"target_language: {target_language!r} is not one of {list(self.languages)}")
        return self._languages[target_language]

    def prefix_ids(
        self, target_language: str, task: Task = "translate", formality: Formality = "default"
    ) -> tuple[int, ...]:
        """The `source_prefix` control ids that stand before the first subword of a source."""
        ids = [self.language_id(target_language)]
        if self._tasks:
            if task not in self._tasks:
                raise ConfigError(f"task: {task!r} is not one of {list(self.tasks)}")
            ids.append(self._tasks[task])
        if self._formalities:
            ids.append(self._formalities[formality])
        elif formality != "default":
            raise ConfigError(f"formality: {formality!r}, but the tokenizer has no tokens for it; allowed: 'default'")
        return tuple(ids)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids`; control ids and EOS are skipped, bytes that are not UTF-8 become U+FFFD."""
        text: str = self._processor.decode([id_ for id_ in ids if id_ not in self._silent])
        return unescape(text)

    def spellings(self) -> list[bytes]:
        """What each id writes, in UTF-8, a space as U+2581; empty for control ids and EOS."""
        spelled = []
        for id_, piece in enumerate(self.pieces(range(self.vocabulary))):
            if id_ in self._silent:
                spelled.append(b"")
            elif self._processor.is_byte(id_):
                spelled.append(bytes([int(piece[1:-1], 16)]))  # "<0xE2>"
            else:
                spelled.append(piece.encode())
        return spelled

    def spelled(self, text: str) -> bytes:
        """What the ids of a target that begins with `text` write, one after the other."""
        return str(self._processor.normalize(escape(text))).encode() if text else b""

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The vocabulary entry of each id, as SentencePiece writes it (U+2581 for a space)."""
        return [self._processor.id_to_piece(id_) for id_ in ids]


def _control_symbols(processor: Any, vocabulary: int) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Language, task and formality to id. They stand right behind the special pieces, in the order they were given."""
    languages: dict[str, int] = {}
    tasks: dict[str, int] = {}
    formalities: dict[str, int] = {}
    names = {formality_piece(each): each for each in get_args(Formality)}
    for id_ in range(len(SPECIAL_PIECES), vocabulary):
        if not processor.is_control(id_):
            break
        piece = processor.id_to_piece(id_)
        match = _LANGUAGE_PIECE.fullmatch(piece)
        if match:
            languages[match[1]] = id_
        elif piece[1:-1] in get_args(Task):
            tasks[piece[1:-1]] = id_
        elif piece in names:
            formalities[names[piece]] = id_
        else:
            raise ConfigError(f"tokenizer: {piece!r} is no token for a language, a task or a formality")
    if formalities and len(formalities) < len(names):
        raise ConfigError(f"tokenizer: it has tokens for {list(formalities)} of {list(names.values())} only")
    return languages, tasks, formalities


def _surrogate_error(texts: Sequence[str]) -> SegmentError:
    """Which character of which text is none: the only reason for which SentencePiece refuses a string."""
    for number, text in enumerate(texts):
        for position, character in enumerate(text):
            if "\ud800" <= character <= "\udfff":
                where = f"text {number}" if len(texts) > 1 else "text"
                return SegmentError(
                    f"{where}: U+{ord(character):04X} at position {position} is a lone surrogate, not a character"
                )
    return SegmentError("text: not a string that is encodable in UTF-8")
