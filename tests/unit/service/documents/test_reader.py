"""Documents are read beside the event loop: as they are in this process, and no longer than anybody waits."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from dataclasses import replace

import pytest

from service.documents import reader as module
from service.documents.limits import DocumentLimits
from service.documents.reader import DocumentReader
from service.documents.reading import read_document
from service.errors import InvalidRequestError, RequestTooLargeError
from tests.unit.service.documents.test_hostile import docx
from tests.unit.service.documents.turning import translate

LIMITS = DocumentLimits()
# Half a minute, or more.
SLOW = ("*a **b " * 2_800 + "\n\n") * 20
MARKDOWN = "# one two\n\nthree **four** five\n\n" * 60


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.md", b"one **two**"), ("b.md", MARKDOWN.encode()), ("c.docx", docx(more={"x": bytes(5000)}))],
)
def test_a_document_is_what_it_is_when_read_here(name: str, content: bytes) -> None:
    async def there() -> bytes:
        reader = DocumentReader(LIMITS)
        contents = await reader.read(name, content)
        assert contents.segments == tuple(read_document(name, content, LIMITS).segments)
        assert contents.characters == sum(len(each.text) for each in contents.segments)
        texts = await asyncio.to_thread(translate, contents.segments)
        return await reader.write(name, content, texts, "ru")

    here = read_document(name, content, LIMITS)
    assert asyncio.run(there()) == here.write(translate(here.segments), "ru")


def test_what_is_refused_there_is_refused_here() -> None:
    async def refused() -> None:
        reader = DocumentReader(LIMITS)
        with pytest.raises(InvalidRequestError, match=r"file: not valid JSON"):
            await reader.read("a.json", b"[" + b" " * 5000)
        with pytest.raises(RequestTooLargeError, match=r"file: 50001 segments, or more; allowed: at most 50000"):
            await reader.read("a.txt", b"a\n" * 60_000)
        with pytest.raises(InvalidRequestError, match="file: file format not supported"):
            await reader.read("a.exe", b"a")
        with pytest.raises(RequestTooLargeError, match=r"file: 20000000 bytes; allowed: at most \d+"):
            await reader.read("a.txt", bytes(20_000_000))

    asyncio.run(refused())


def test_a_document_that_takes_too_long_is_refused_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    async def both() -> None:
        reader = DocumentReader(replace(LIMITS, reading_s=3.0))

        async def read(name: str, content: str) -> None:
            try:
                await reader.read(name, content.encode())
            except RequestTooLargeError as error:
                name = str(error)
            ended.append(name)

        slow = [asyncio.create_task(read("slow.md", SLOW)) for _each in range(2)]  # the large ones queue
        await asyncio.sleep(0)
        await asyncio.gather(read("small.md", "one two"), *slow)

    monkeypatch.setattr(module, "_LARGE_BYTES", 200_000)
    asyncio.run(both())
    assert ended == ["small.md", *["file: 3 seconds to read it, or more; allowed: at most 3"] * 2]


def test_a_reading_that_nobody_waits_for_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Process] = []
    start = asyncio.create_subprocess_exec

    async def noted(*arguments: str, **options: object) -> Process:
        started.append(await start(*arguments, **options))  # type: ignore[arg-type]
        return started[-1]

    async def left() -> None:
        task = asyncio.create_task(DocumentReader(LIMITS).read("a.md", SLOW.encode()))
        while not started:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert started[0].returncode == -9

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    asyncio.run(left())


@pytest.mark.parametrize("megabytes", [64, 80, 91, 93, 94])  # at some of these nothing is left to answer with
def test_a_document_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    monkeypatch.setattr(module, "_MEMORY_BYTES", megabytes * 1024 * 1024)
    with pytest.raises(RequestTooLargeError, match=r"file: \d+ bytes of memory to read it, or more"):
        asyncio.run(DocumentReader(LIMITS).read("a.md", MARKDOWN.encode() * 300))
