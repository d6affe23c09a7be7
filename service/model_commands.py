"""verso models: list, show, verify, pull."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.client import Client
from service.errors import InputError
from service.one_line_errors import one_line_errors
from service.settings import Settings, client_key, read_settings

if TYPE_CHECKING:  # the store needs torch, which takes seconds that --help should not wait for
    from model_store.manifest import Manifest
    from model_store.store import BundleStore

app = typer.Typer(no_args_is_help=True, help="The models of a server, or of the store that VERSO_MODELS names.")

Server = Annotated[str | None, typer.Option(help="URL of a server to ask, instead of the store.")]
Reference = Annotated[str, typer.Argument(help="name, or name@version.")]


@app.command("list")
def list_models(
    server: Server = None,
    every: Annotated[bool, typer.Option("--all", help="Every version, not only what `serve` would load.")] = False,
) -> None:
    """One model a line, as name@version."""
    with one_line_errors():
        if server is not None:
            with Client(server, api_key=client_key()) as client:
                names = [f"{model.name}@{model.version}" for model in client.models()]
        elif every:
            names = [str(reference) for reference in _store(read_settings()).list()]
        else:
            from service.loading import find_bundles

            names = [str(reference) for reference in find_bundles(read_settings())]
        for name in names:
            typer.echo(name)


@app.command()
def show(reference: Reference, server: Server = None) -> None:
    """What a model does, where it comes from, and how good it is."""
    with one_line_errors():
        if server is None:
            from model_store.manifest import read_manifest

            typer.echo(_described(read_manifest(_store(read_settings()).resolve(reference))))
            return
        with Client(server, api_key=client_key()) as client:
            models = {f"{model.name}@{model.version}": model for model in client.models()}
        for name, model in models.items():
            if reference in (name, model.name):
                pairs = ", ".join(f"{pair.source}-{pair.target}" for pair in model.pairs)
                typer.echo(f"{name}\ntask: {model.task}\npairs: {pairs}\n{model.description}".rstrip())
                return
        raise InputError(f"{reference}: not loaded by {server}; there is {', '.join(models) or 'nothing'}")


@app.command()
def verify(
    references: Annotated[list[str] | None, typer.Argument(help="name or name@version; without any, all.")] = None,
) -> None:
    """Read every byte of the bundles and hold it against their checksums."""
    with one_line_errors():
        from model_store.bundle import verify_bundle

        store = _store(read_settings())
        for reference in [store.find(each) for each in references] if references else store.list():
            manifest = verify_bundle(store.resolve(str(reference)))
            size = sum(entry.bytes for entry in manifest.files)
            typer.echo(f"{reference}: whole, {size / 1e6:.1f} MB in {len(manifest.files)} files")


@app.command()
def pull(
    reference: Reference,
    to: Annotated[Path | None, typer.Option(help="A store to copy it into, as <name>/<version>/.")] = None,
) -> None:
    """Copy a bundle from the store, whole and verified, and say where it is: into the cache, or with --to elsewhere."""
    with one_line_errors():
        from model_store.atomic_folder import atomic_folder
        from model_store.bundle import verify_bundle

        store = _store(read_settings())
        found = store.find(reference)
        folder = store.resolve(str(found))
        if to is not None:
            target = to / found.name / found.version
            if target.exists():
                raise InputError(f"--to: {target} is there already; a bundle is never replaced")
            with atomic_folder(target) as partial:
                shutil.copytree(folder, partial, dirs_exist_ok=True)
                verify_bundle(partial)
            folder = target
        typer.echo(str(folder))


def _store(settings: Settings) -> BundleStore:
    from model_store.store import BundleStore

    return BundleStore(settings.models)


def _described(manifest: Manifest) -> str:
    lines = [
        manifest.reference,
        f"task: {manifest.task}",
        f"pairs: {', '.join(f'{source}-{target}' for source, target in manifest.pairs)}",
        f"licence: {manifest.licence}",
        f"created: {manifest.created:%Y-%m-%d}",
        f"size: {sum(entry.bytes for entry in manifest.files) / 1e6:.1f} MB",
        *(f"score: {each.test_set} {each.direction} {each.metric} {each.value:.1f}" for each in manifest.scores),
        *(f"trained on: {each.name} ({each.licence}), {each.pairs} pairs" for each in manifest.data),
        manifest.description,
    ]
    return "\n".join(lines).rstrip()
