"""The command line of API keys: verso keys create, list, revoke."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from model_store.errors import ConfigError
from service.keys import KeyStore
from service.settings import read_settings


def create(
    name: Annotated[str, typer.Argument(help="Who gets the key; it stands in the log lines of his requests.")],
    requests_per_minute: Annotated[int, typer.Option(min=0, help="0: no limit.")] = 0,
    characters_per_day: Annotated[int, typer.Option(min=0, help="0: no limit.")] = 0,
    weight: Annotated[float, typer.Option(help="Share of a full engine, against 1 of everyone else.")] = 1.0,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    key = _store().create(
        name, requests_per_minute=requests_per_minute, characters_per_day=characters_per_day, weight=weight
    )
    typer.echo(key)


def show() -> None:
    """List the keys, without their secrets."""
    every = _store().keys()
    for key in every:
        limits = f"{key.requests_per_minute} requests/min, {key.characters_per_day} characters/day"
        typer.echo(f"{key.key_id}  {key.created:%Y-%m-%d}  {key.name}  {limits}, weight {key.weight:g}")


def revoke(key_id: Annotated[str, typer.Argument(help="The id that `verso keys list` shows.")]) -> None:
    """End a key, at once and for every process that reads the same file."""
    _store().revoke(key_id)


def _store() -> KeyStore:
    path = read_settings().keys_file
    if not path:
        raise ConfigError("keys_file: VERSO_KEYS_FILE is not set; it names the file that keys are kept in")
    return KeyStore(Path(path))
