"""The command line: serve, translate, summarize, models, keys."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from model_store.config import Formality
from model_store.decoding.backends import simd
from model_store.decoding.processes.origin import origin
from model_store.errors import ConfigError
from service import key_commands, model_commands
from service.errors import AddressError, InputError
from service.native_libraries import set_defaults
from service.one_line_errors import one_line_errors
from service.settings import Settings, read_settings
from service.telemetry import configure_logging, silence_logging

if TYPE_CHECKING:
    from service.bulk.command import TranslateCommand
    from service.bulk.in_flight_lines import Translating
    from service.document_command import DocumentCommand
    from service.summary_command import Summarized

    TranslatingBy: TypeAlias = Callable[
        [Settings, TranslateCommand], contextlib.AbstractAsyncContextManager[Translating]
    ]

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.add_typer(model_commands.app, name="models")

Format = Literal["text", "html", "document"]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"verso {version('verso')}")
        raise typer.Exit


@app.callback()
def verso(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Verso, a self-hosted translation service."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: VERSO_HOST or 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; default: VERSO_PORT or 5000.")] = None,
    on_ray: Annotated[
        bool, typer.Option("--ray", help="On a Ray cluster, with as many replicas as there is work for.")
    ] = False,
) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C."""
    with one_line_errors():
        settings = read_settings(host=host, port=port)
        set_defaults()
        if on_ray:
            _serve_on_ray(settings)
            return
        _start_processes_early(settings)
        from service.loading import find_bundles  # torch takes seconds, which --help should not wait for
        from service.server import listen
        from service.server import serve as serve_app

        bundles = find_bundles(settings)
        listener = listen(settings.host, settings.port)
        from service.app import create_app

        configure_logging(settings.log_level)
        app = create_app(settings)  # refuses files and URLs of settings that cannot be used
        address = "{}:{}".format(*listener.getsockname()[:2])
        typer.echo(f"verso: http://{address} (docs: /docs), loading {', '.join(map(str, bundles))}", err=True)
        serve_app(app, listener)


def _start_processes_early(settings: Settings) -> None:
    """What processes that decode come from imports torch beside this process, where models will be decoded in several.
    Where there may be a GPU, it waits until it is known that it is needed."""
    gpu = settings.device.startswith("cuda") or (settings.device == "auto" and Path("/dev/nvidiactl").exists())
    if gpu or settings.decoder_processes == 1 or not hasattr(os, "fork"):
        return
    if settings.decoder_processes or (settings.threads > 1 and settings.backend != "eager" and simd.available()):
        origin().start()


@contextlib.contextmanager
def _ray_installed() -> Iterator[None]:
    # Before it is imported: it reports to its makers otherwise, and has much to say about itself on standard error.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("ray", "pyarrow"):
            raise
        raise ConfigError(
            "--ray needs the extra `ray`: pip install '.[ray]', in the folder of Verso's sources"
        ) from error


def _serve_on_ray(settings: Settings) -> None:
    with _ray_installed():
        from service.cluster.deployment import serve_on_ray
    if settings.port == 0:
        raise AddressError("VERSO_PORT: 0; allowed with --ray: 1..65535, since Ray does not say which port it took")
    from service.loading import find_bundles

    bundles = ", ".join(map(str, find_bundles(settings)))
    typer.echo(f"verso: http://{settings.host}:{settings.port} (docs: /docs), on Ray, loading {bundles}", err=True)
    serve_on_ray(settings)


@app.command()
def translate(
    files: Annotated[list[Path] | None, typer.Argument(help="Files; without any, or as -, standard input.")] = None,
    source: Annotated[str, typer.Option("--from", help="Language of the text, or auto.")] = "en",
    target: Annotated[str, typer.Option("--to", help="Language to translate to.")] = "ru",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; a run that stopped is gone on with.")
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option(
            help="text: line by line. html: each file as a whole. document: one, of the format that its name says. It "
            "is taken for one if its name is of such a format, but not .txt."
        ),
    ] = None,
    server: Annotated[str | None, typer.Option(help="URL of a server; without, the bundle is loaded here.")] = None,
    on_ray: Annotated[
        bool, typer.Option("--ray", help="By many machines: the Ray cluster at VERSO_RAY_ADDRESS.")
    ] = False,
    text: Annotated[str | None, typer.Option("--text", "-t", help="A text, instead of files.")] = None,
    formality: Annotated[
        Formality, typer.Option(help="How the reader is addressed, by models that can be asked for it.")
    ] = "default",
) -> None:
    """Translate files, line by line, many lines at once; or a document."""
    from service.bulk.command import TranslateCommand, run, through_server
    from service.bulk.input_lines import check_files
    from service.document_command import DocumentCommand, is_document

    with one_line_errors():
        if on_ray and (server is not None or is_document(files or (), format)):
            raise InputError("--ray: neither with --server nor with a document; allowed: with lines, or --format html")
        if is_document(files or (), format):
            if formality != "default":
                raise InputError("--formality: not with a document; allowed: with lines, --text and --format html")
            _translate_document(DocumentCommand((files or [])[0], source, target, output, server))
            return
        command = TranslateCommand(
            tuple(files or ()), source, target, "html" if format == "html" else "text", output, server, text, formality
        )
        check_files(command.files, command.output)  # before torch is loaded, which takes seconds
        if server is not None:
            asyncio.run(run(command, through_server(command)))
            return
        settings = _offline_settings(one_text=text is not None)
        translating = _on_ray() if on_ray else _here()
        asyncio.run(run(command, translating(settings, command)))


def _offline_settings(*, one_text: bool) -> Settings:
    """Those of a process that works without a server, which is made ready for it. For one text it takes longer to start
    other processes than they could save."""
    settings = read_settings()
    set_defaults()
    silence_logging()
    if one_text and not settings.decoder_processes:
        return settings.model_copy(update={"decoder_processes": 1})
    _start_processes_early(settings)
    return settings


def _here() -> TranslatingBy:
    from service.offline import translating_offline

    return translating_offline


def _on_ray() -> TranslatingBy:
    with _ray_installed():
        from service.cluster.bulk import translating_on_ray
    return translating_on_ray


def _translate_document(command: DocumentCommand) -> None:
    from service.bulk.input_lines import check_files
    from service.document_command import translate_by_server, translate_here

    check_files((command.file,), command.output)
    if command.server is not None:
        asyncio.run(translate_by_server(command))
        return
    settings = _offline_settings(one_text=False)
    from service.offline import translate_document_offline

    asyncio.run(translate_here(command, functools.partial(translate_document_offline, settings)))


@app.command()
def summarize(
    files: Annotated[list[Path] | None, typer.Argument(help="Files; without any, or as -, standard input.")] = None,
    language: Annotated[str, typer.Option("--language", help="Language of the text; auto: find out.")] = "en",
    lines: Annotated[bool, typer.Option("--lines", help="A line for each part that is read at once.")] = False,
    server: Annotated[str | None, typer.Option(help="URL of a server; without, the bundle is loaded here.")] = None,
    text: Annotated[str | None, typer.Option("--text", "-t", help="A text, instead of files.")] = None,
) -> None:
    """Say in one line what a text, or each file, is about."""
    from service.summary_command import SummaryCommand, show, summarize_by_server

    with one_line_errors():
        command = SummaryCommand(tuple(files or ()), language, lines, text)
        if server is not None:
            summaries: Sequence[Summarized] = summarize_by_server(command, server)
        else:
            settings = _offline_settings(one_text=text is not None)
            from service.offline import summarize_offline

            form: Literal["line", "lines"] = "lines" if lines else "line"
            summaries = asyncio.run(summarize_offline(settings, command.texts(), language, form))
        show(summaries)


keys = typer.Typer(no_args_is_help=True, help="API keys, in the file that VERSO_KEYS_FILE names.")
for name, command in (("create", key_commands.create), ("list", key_commands.show), ("revoke", key_commands.revoke)):
    keys.command(name)(one_line_errors()(command))
app.add_typer(keys, name="keys")


if __name__ == "__main__":
    app()
