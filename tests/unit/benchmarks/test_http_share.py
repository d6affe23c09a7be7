"""Processor time by kind: threads by their names, and what comes from this process is the engine's."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.http_share import sentences, used_s

BURN_S = 0.3
BURN = f"import time\nwhile time.process_time() < {BURN_S}: pass\nprint('done', flush=True)\ninput()"
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells of threads so")


def burn(done: threading.Event, ended: threading.Event) -> None:
    while time.thread_time() < BURN_S:
        pass
    done.set()
    ended.wait()


@pytest.mark.parametrize(("name", "kind"), [("verso-engine", "engine"), ("text_0", "text")])
def test_threads_are_told_apart_by_their_names(name: str, kind: str) -> None:
    before, done, ended = used_s(), threading.Event(), threading.Event()
    thread = threading.Thread(target=burn, args=(done, ended), name=name)
    thread.start()
    done.wait()
    used = used_s()
    ended.set()
    while Path(f"/proc/self/task/{thread.native_id}").exists():  # for a moment longer than it can be joined
        time.sleep(0.01)
    assert used[kind] - before[kind] > 0.9 * BURN_S


def test_a_process_that_comes_from_this_one_is_the_engines() -> None:
    before = used_s()
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        used = used_s()
        process.communicate(b"\n")
    assert used["engine"] - before["engine"] > 0.9 * BURN_S
    assert sum(used.values()) - sum(before.values()) < 3 * BURN_S


def test_sentences_are_of_a_file_or_of_the_documentation(tmp_path: Path) -> None:
    pairs = tmp_path / "set.en-ru.tsv"
    pairs.write_text("one\tодин\ntwo\tдва\n")
    assert sentences(pairs, 1) == ["one"]
    of_docs = sentences(None, 20)
    assert len(set(of_docs)) == 20
    assert of_docs == sentences(None, 20)
