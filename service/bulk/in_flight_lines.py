"""Translates lines, many at once, and gives them back in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from service.bulk.daemon_thread import in_daemon_thread
from service.bulk.input_lines import Line
from service.client_answers import OverloadedError

# A batch is one request: enough lines to fill the decoder, far from what a server refuses as too large.
LINES = 32
CHARACTERS = 16_000
BATCHES_AT_ONCE = 4
_RETRY_S = 1.0


@dataclass(frozen=True)
class Translated:
    """A text and what the service warns of."""

    text: str
    warnings: tuple[str, ...]


TranslateTexts = Callable[[Sequence[str]], Awaitable[list[Translated]]]


@dataclass(frozen=True)
class Batch:
    """Lines with their translations."""

    lines: tuple[Line, ...]
    translations: tuple[Translated, ...]

    @property
    def text(self) -> str:
        """The translations, each with the end of its line."""
        pairs = zip(self.translations, self.lines, strict=True)
        return "".join(translated.text + line.end for translated, line in pairs)


@dataclass(frozen=True)
class Translating:
    """What translates: a server, a bundle in this process, a cluster. lines: batches in the order of the lines, of at
    most so many each. by: the models, as "name@version"."""

    lines: Callable[[Iterator[Line], int], AsyncIterator[Batch]]
    by: tuple[str, ...]

    @classmethod
    def in_flight(cls, translate: TranslateTexts, by: Sequence[str]) -> Translating:
        """By what translates some texts at a time, and several times at once."""
        return cls(lambda lines, most: translate_lines(lines, translate, most_lines=most), tuple(by))


async def translate_lines(
    lines: Iterator[Line], translate: TranslateTexts, *, most_lines: int = LINES
) -> AsyncIterator[Batch]:
    """Batches in order, the next ones under way while one is awaited. The first error ends it."""
    coming = batches(lines, most_lines)
    under_way: deque[asyncio.Task[Batch]] = deque()
    try:
        while True:
            while len(under_way) < BATCHES_AT_ONCE:
                batch = await in_daemon_thread(lambda: next(coming, None))
                if batch is None:
                    break
                under_way.append(asyncio.create_task(_translate(batch, translate)))
                if most_lines == 1:  # somebody types: answer before asking for more
                    break
            if not under_way:
                return
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _translate(lines: tuple[Line, ...], translate: TranslateTexts) -> Batch:
    texts = [line.text for line in lines]
    while True:
        try:
            return Batch(lines, tuple(await translate(texts)))
        except OverloadedError as error:  # bulk work waits for its turn
            await asyncio.sleep(error.retry_after_s or _RETRY_S)


def batches(lines: Iterator[Line], most_lines: int) -> Iterator[tuple[Line, ...]]:
    """Lines that make a request each; one of more than CHARACTERS makes one by itself."""
    batch: list[Line] = []
    characters = 0
    for line in lines:
        if batch and characters + len(line.text) > CHARACTERS:
            yield tuple(batch)
            batch, characters = [], 0
        batch.append(line)
        characters += len(line.text)
        if len(batch) == most_lines:
            yield tuple(batch)
            batch, characters = [], 0
    if batch:
        yield tuple(batch)
