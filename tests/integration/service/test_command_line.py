"""verso translate and verso models as processes: files, standard input, a server, an interrupted run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import Served, environment
from tests.integration.service.test_lifecycle import assert_one_line, run

LINES = ["the quick brown fox.", "", "  one two", "hello world, one\ttwo"]


def translated(server: Served, lines: list[str]) -> list[str]:
    body = {"text": lines, "source": "en", "target": "ru"}
    answer = httpx.post(f"{server.url}/v1/translate", json=body, timeout=60).json()
    return [each["text"] for each in answer["translations"]]


def test_files_and_standard_input_by_a_server_and_without_one(store: Path, server: Served, tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    expected = "\n".join(translated(server, LINES)) + "\n"
    here = run(store, "translate", str(source), "-", stdin="one two")
    assert here.stdout == expected + translated(server, ["one two"])[0]
    there = run(tmp_path, "translate", "--server", server.url, "-o", str(output), str(source))
    assert (there.returncode, there.stdout) == (0, ""), there.stderr
    assert output.read_text(encoding="utf-8") == expected
    pipe = run(tmp_path, "translate", "--server", server.url, "/dev/stdin", stdin="one two\n")  # as <(...) in a shell
    assert pipe.stdout == translated(server, ["one two"])[0] + "\n"
    assert run(store, "translate", "--text", "one two").stdout == translated(server, ["one two"])[0] + "\n"


def test_a_document_by_a_server_and_without_one(store: Path, server: Served, tmp_path: Path) -> None:
    source, output = tmp_path / "in.html", tmp_path / "out.html"
    source.write_text("<p class=x>the quick brown fox</p>\n<p>17</p>\n<p>one two", encoding="utf-8")
    here = run(store, "translate", str(source))
    assert here.returncode == 0, here.stderr
    assert here.stdout.startswith("<p class=x>")
    assert "</p>\n<p>17</p>\n<p>" in here.stdout
    there = run(tmp_path, "translate", "--server", server.url, "-o", str(output), str(source))
    assert (there.returncode, there.stdout) == (0, ""), there.stderr
    assert output.read_text(encoding="utf-8") == here.stdout
    broken = tmp_path / "broken.docx"
    broken.write_bytes(b"PK")
    for where in ((), ("--server", server.url)):
        assert_one_line(run(store, "translate", str(broken), *where), "file: not a whole ZIP archive")
    assert_one_line(run(store, "translate", "--format", "document", str(source), str(source)), "one file at a time")
    assert_one_line(run(store, "translate", str(source), str(source)), "in.html: a document, of which one at a time")
    assert_one_line(run(store, "translate", "--format", "document", __file__), "file format not supported: '.py'")


def test_mistakes_are_one_line(store: Path, server: Served, tmp_path: Path) -> None:
    assert_one_line(run(store, "translate", "nowhere.txt"), "nowhere.txt: no such file")
    assert_one_line(run(store, "translate", "--to", "xx", "--text", "a"), "'xx' is not a served language")
    refused = run(tmp_path, "translate", "--server", server.url, "--to", "xx", "--text", "a")
    assert_one_line(refused, "'xx' is not a served language")
    assert_one_line(run(tmp_path, "translate", "--server", "http://127.0.0.1:9", "--text", "a"), "no answer")
    assert_one_line(
        run(tmp_path, "translate", "--server", "localhost:5000", "--text", "a"), "allowed: http://HOST:PORT"
    )
    impossible = run(tmp_path, "translate", "--server", server.url, "--text", "a", API_KEY="ключ")
    assert_one_line(impossible, "api_key: it has a space")
    for where in ((), ("--server", server.url)):
        formal = run(store, "translate", "--formality", "formal", "--text", "a", *where)
        assert_one_line(formal, "formality: 'formal' is nothing that random@1 has for 'ru'")
    for name in ("in.txt", "in.md"):
        same = tmp_path / name
        same.write_text("one two", encoding="utf-8")
        assert_one_line(run(store, "translate", str(same), "-o", str(same)), "is what is to be translated")
    page = tmp_path / "a.html"
    page.write_text("<p>a", encoding="utf-8")
    assert_one_line(run(store, "translate", "--formality", "formal", str(page)), "--formality: not with a document")
    assert_one_line(run(store, "summarize", "nowhere.txt"), "nowhere.txt: no such file")
    assert_one_line(run(store, "summarize", "--server", server.url, str(page)), "no summarizer is loaded")


def test_a_run_that_was_killed_is_gone_on_with(store: Path, server: Served, tmp_path: Path) -> None:
    source, output = tmp_path / "in.txt", tmp_path / "out.txt"
    partial = tmp_path / "out.txt.partial"
    lines = [f"word{number} the quick brown fox" for number in range(3000)]
    source.write_text("\n".join(lines), encoding="utf-8")
    arguments = ["translate", "--server", server.url, "-o", str(output), str(source)]
    with subprocess.Popen([sys.executable, "-m", "service.cli", *arguments], env=environment(store)) as process:
        while not (partial.exists() and partial.stat().st_size):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    done = partial.read_bytes()
    assert 0 < done.count(b"\n") < len(lines)
    assert not output.exists()
    result = run(store, *arguments)
    assert result.returncode == 0, result.stderr
    written = output.read_text(encoding="utf-8")
    assert written.encode().startswith(done[: done.rindex(b"\n") + 1])
    assert written.split("\n") == [
        *translated(server, lines[:1000]),
        *translated(server, lines[1000:2000]),
        *translated(server, lines[2000:]),
    ]


def test_models_are_listed_shown_verified_and_pulled(server: Served, tmp_path: Path) -> None:
    random_bundle(tmp_path / "store")
    random_bundle(tmp_path / "store", version="2")
    store = tmp_path / "store"
    assert run(store, "models", "list").stdout == "random@2\n"
    assert run(store, "models", "list", "--all").stdout == "random@1\nrandom@2\n"
    assert run(store, "models", "list", "--server", server.url).stdout == "random@1\n"
    shown = run(store, "models", "show", "random@1").stdout
    assert shown.startswith("random@1\ntask: translate\npairs: en-ru, ru-en, en-de\nlicence: not stated\n")
    assert "pairs: en-ru" in run(store, "models", "show", "random", "--server", server.url).stdout
    assert_one_line(run(store, "models", "show", "other"), "no such bundle")
    assert run(store, "models", "verify").stdout.count("whole") == 2
    elsewhere = tmp_path / "elsewhere"
    assert run(store, "models", "pull", "random@1", "--to", str(elsewhere)).stdout == f"{elsewhere}/random/1\n"
    assert run(elsewhere, "models", "verify", "random").stdout.startswith("random@1: whole")
    assert_one_line(run(store, "models", "pull", "random@1", "--to", str(elsewhere)), "is there already")
    (store / "random" / "2" / "tokenizer.model").write_bytes(b"damaged")
    assert_one_line(run(store, "models", "verify", "random"), "tokenizer.model")
