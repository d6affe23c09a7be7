"""The command line: serve, translate, summarize, models."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from model_store.errors import ModelStoreError
from service.errors import ServiceError
from service.settings import read_settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Verso, a self-hosted translation service.")

FAILED = 2


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """What can be the user's mistake ends in one line and exit code 2, not in a traceback."""
    try:
        yield
    except (ModelStoreError, ServiceError) as error:
        typer.echo(f"verso: {error}", err=True)
        raise typer.Exit(FAILED) from error


def _yielding_threads() -> None:
    """Let idle threads of torch's OpenMP sleep, unless the operator said otherwise; before torch is imported.

    They spin by default, and when another process wants the cores a spinning thread keeps away the one it waits for: a
    hundredfold slowdown was seen.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: VERSO_HOST or 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default: VERSO_PORT or 5000.")] = None,
) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C."""
    with _one_line_errors():
        settings = read_settings(host=host, port=port)
        _yielding_threads()
        from service.loading import find_bundles  # torch takes seconds, which --help should not wait for
        from service.server import listen
        from service.server import serve as serve_app

        bundles = find_bundles(settings)
        listener = listen(settings.host, settings.port)
        from service.app import create_app
        from service.telemetry import configure_logging

        configure_logging(settings.log_level)
        address = "{}:{}".format(*listener.getsockname()[:2])
        typer.echo(f"verso: http://{address} (docs: /docs), loading {', '.join(map(str, bundles))}", err=True)
        serve_app(create_app(settings), listener)


@app.command()
def translate(
    text: Annotated[list[str] | None, typer.Argument(help="Text; without any, the lines of standard input.")] = None,
    source: Annotated[str, typer.Option("--from", help="Language of the text.")] = "en",
    target: Annotated[str, typer.Option("--to", help="Language to translate to.")] = "ru",
) -> None:
    """Translate without a server."""
    with _one_line_errors():
        settings = read_settings()
        _yielding_threads()
        from service.offline import translate_offline
        from service.telemetry import silence_logging

        silence_logging()
        texts = [" ".join(text)] if text else [line.rstrip("\n") for line in sys.stdin]
        for translation in asyncio.run(translate_offline(settings, texts, source, target)):
            typer.echo(translation)


@app.command()
def summarize(
    text: Annotated[list[str] | None, typer.Argument(help="Text; without any, all of standard input.")] = None,
    language: Annotated[str, typer.Option("--language", help="Language of the text.")] = "en",
    lines: Annotated[bool, typer.Option("--lines", help="A line for each part that is read at once.")] = False,
) -> None:
    """Say in one line what a text is about, without a server."""
    with _one_line_errors():
        settings = read_settings()
        _yielding_threads()
        from service.offline import summarize_offline
        from service.telemetry import silence_logging

        silence_logging()
        texts = [" ".join(text) if text else sys.stdin.read()]
        for summary in asyncio.run(summarize_offline(settings, texts, language, "lines" if lines else "line")):
            typer.echo(summary)


@app.command()
def models() -> None:
    """List the bundles that `serve` would load."""
    with _one_line_errors():
        settings = read_settings()
        from service.loading import find_bundles

        for reference in find_bundles(settings):
            typer.echo(str(reference))


if __name__ == "__main__":
    app()
