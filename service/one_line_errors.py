"""What can be the user's mistake ends in one line and an exit code, not in a traceback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import typer

from model_store.errors import ModelStoreError
from service.client_answers import KeyRefusedError
from service.errors import ServiceError
from service.settings import CLIENT_KEY

FAILED = 2


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends the process with exit code 2 and a line on standard error."""
    try:
        yield
    except KeyRefusedError as error:
        typer.echo(f"verso: {error}; the key that is sent is that of {CLIENT_KEY}", err=True)
        raise typer.Exit(FAILED) from error
    except (ModelStoreError, ServiceError) as error:
        typer.echo(f"verso: {error}", err=True)
        raise typer.Exit(FAILED) from error
