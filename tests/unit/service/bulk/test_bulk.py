"""Lines on their way: exact, in order, many at once, resumed where they stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bulk.in_flight_lines import BATCHES_AT_ONCE, CHARACTERS, LINES, Translated, batches, translate_lines
from service.bulk.input_lines import Line, check_files, measure, read_lines
from service.bulk.partial_output import PartialOutput
from service.client_answers import OverloadedError, Summary
from service.errors import InputError
from service.summary_command import SummaryCommand, show

JOB = {"input_sha256": "x", "from": "en", "to": "ru"}


async def shout(texts: Sequence[str]) -> list[Translated]:
    return [Translated(text.upper(), ()) for text in texts]


def test_only_a_newline_ends_a_line_and_all_else_stays(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes("a\r\n\n\x0bb\u2028c\n".encode())
    second.write_bytes(b"no end")
    lines = list(read_lines([first, second]))
    assert lines == [Line("a\r", "\n"), Line("", "\n"), Line("\x0bb\u2028c", "\n"), Line("no end", "")]
    size = measure([first, second])
    assert size is not None
    assert size.lines == len(lines)
    assert measure([Path("-")]) is None
    assert measure([first, Path(os.devnull)]) is None  # a device, as a terminal is


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such file"):
        check_files([tmp_path / "nowhere"])
    bad = tmp_path / "bad"
    bad.write_bytes(b"fine\n\xff\n")
    with pytest.raises(InputError, match="line 2 is not UTF-8"):
        list(read_lines([bad]))
    with pytest.raises(InputError, match="a folder; allowed: files"):
        check_files([tmp_path])
    with pytest.raises(InputError, match="is a folder; allowed: the name of a file"):
        PartialOutput(tmp_path, JOB)


def test_what_is_summarized(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("one\ntwo\n", encoding="utf-8")
    second.write_text("three", encoding="utf-8")
    assert SummaryCommand((first, second), "en").texts() == ["one\ntwo\n", "three"]
    assert SummaryCommand((), "en", text="four").texts() == ["four"]
    with pytest.raises(InputError, match="either a text or files"):
        SummaryCommand((first,), "en", text="four")
    with pytest.raises(InputError, match="no such file; a text is given with --text"):
        SummaryCommand((tmp_path / "c",), "en")


def test_summaries_are_written_and_what_is_warned_of_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    warned = (("other_language", "not_shorter"), (), ("not_shorter",))
    show([Summary(text=f"line {n}", language="en", score=-1.0, warnings=each) for n, each in enumerate(warned)])
    out, err = capsys.readouterr()
    assert out == "line 0\nline 1\nline 2\n"
    assert err == "verso: warning: not_shorter: 2 texts\nverso: warning: other_language: 1 text\n"


@given(st.lists(st.integers(0, 40_000), max_size=120), st.integers(1, 40))
def test_every_line_once_and_in_order(sizes: list[int], most_lines: int) -> None:
    lines = [Line(f"{number} {'x' * size}", "\n") for number, size in enumerate(sizes)]

    async def run() -> str:
        return "".join([batch.text async for batch in translate_lines(iter(lines), shout, most_lines=most_lines)])

    assert asyncio.run(run()) == "".join(f"{line.text.upper()}\n" for line in lines)


def test_a_batch_has_no_more_characters_than_a_server_takes_but_for_one_long_line() -> None:
    lines = [Line("x" * size, "\n") for size in (1, CHARACTERS - 1, 1, CHARACTERS + 1, 2, 3)]
    made = [[len(line.text) for line in batch] for batch in batches(iter(lines), LINES)]
    assert made == [[1, CHARACTERS - 1], [1], [CHARACTERS + 1], [2, 3]]


def test_a_full_batch_does_not_wait_for_another_line() -> None:
    def typed() -> Iterator[Line]:
        yield Line("a", "\n")
        raise AssertionError("nobody has typed it yet")

    assert next(batches(typed(), 1)) == (Line("a", "\n"),)


def test_batches_are_under_way_together_and_an_overload_is_waited_out() -> None:
    together = most = refused = 0
    full = asyncio.Event()

    async def translate(texts: Sequence[str]) -> list[Translated]:
        nonlocal together, most, refused
        if not refused:
            refused = 1
            raise OverloadedError("full", status=429, type="overloaded", retry_after_s=0.01)
        together += 1
        most = max(most, together)
        if together == BATCHES_AT_ONCE:
            full.set()
        await full.wait()
        await asyncio.sleep(0.001)
        together -= 1
        return await shout(texts)

    async def run() -> int:
        lines = iter([Line("a", "\n")] * 500)
        async with asyncio.timeout(60):
            return sum([len(batch.lines) async for batch in translate_lines(lines, translate)])

    assert asyncio.run(run()) == 500
    assert most == BATCHES_AT_ONCE


def test_the_first_error_ends_it_and_nothing_is_left_running() -> None:
    async def fail(texts: Sequence[str]) -> list[Translated]:
        raise InputError("broken")

    async def run() -> int:
        with pytest.raises(InputError, match="broken"):
            async for _batch in translate_lines(iter([Line("a", "\n")] * 500), fail):
                pass
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1


def interrupted(path: Path, *written: str, job: dict[str, str] | None = JOB) -> None:
    with contextlib.suppress(KeyboardInterrupt), PartialOutput(path, job) as output:
        for text in written:
            output.write(text)
        raise KeyboardInterrupt


def test_an_output_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    interrupted(path, "one\ntwo\n", "half a li")
    assert not path.exists()
    with PartialOutput(path, JOB) as output:
        assert output.done == 2  # the half line is done again
        output.write("three\n")
    assert path.read_text() == "one\ntwo\nthree\n"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_the_rest_of_another_job_is_not_gone_on_with(tmp_path: Path) -> None:
    interrupted(tmp_path / "out")
    with pytest.raises(InputError, match=r"another run \(to differ\)"):
        PartialOutput(tmp_path / "out", {**JOB, "to": "de"})
    (tmp_path / "out.partial.json").write_text("{")
    with pytest.raises(InputError, match="not what a run left behind"):
        PartialOutput(tmp_path / "out", JOB)
    with pytest.raises(InputError, match="there is no folder"):
        PartialOutput(tmp_path / "no" / "out", JOB)


def test_what_is_not_gone_on_with_leaves_the_rest_of_a_run_that_is(tmp_path: Path) -> None:
    interrupted(tmp_path / "out", "one\n")
    with pytest.raises(InputError, match="of a run that can be gone on with"):
        PartialOutput(tmp_path / "out", None)
    (tmp_path / "out.partial").unlink()
    interrupted(tmp_path / "out", "other\n", job=None)
    with PartialOutput(tmp_path / "out", JOB) as output:
        assert output.done == 0


def test_once_the_rest_of_another_job_is_removed_as_it_is_told_a_new_one_begins(tmp_path: Path) -> None:
    interrupted(tmp_path / "out", "one\n")
    (tmp_path / "out.partial").unlink()
    with PartialOutput(tmp_path / "out", {**JOB, "to": "de"}) as output:
        assert output.done == 0
        output.write("eins\n")
    assert (tmp_path / "out").read_text() == "eins\n"
