"""verso-train: prepare, train, evaluate, export, or all of them in a row."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from model_store.errors import ModelStoreError
from model_store.tokenizer import Tokenizer
from training.config import Recipe, load_recipe
from training.dataset import Examples, PackedPairs
from training.preparation import RunFolder, prepare
from training.progress import ProgressLog
from training.trainer import Trainer

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

RECIPES = Path(__file__).parent / "recipes"

RecipeArgument = Annotated[str, typer.Argument(help="a recipe file, or the name of one that comes with Verso")]
DataOption = Annotated[Path | None, typer.Option("--data", help="instead of the recipe's data_root")]
RunsOption = Annotated[Path, typer.Option("--runs", help="where runs are kept")]


def recipe_path(name: str) -> Path:
    """A file as given, or training/recipes/<name>.toml."""
    return Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"


def _open(name: str, data: Path | None, runs: Path) -> tuple[Recipe, Path, RunFolder]:
    path = recipe_path(name)
    recipe = load_recipe(path)
    root = data if data is not None else (path.parent / recipe.data.data_root).resolve()
    return recipe, root, RunFolder(runs / recipe.export.name)


@app.command("prepare")
def prepare_command(recipe: RecipeArgument, data: DataOption = None, runs: RunsOption = Path("runs")) -> None:
    """Corpora to packed ids: read, clean, deduplicate, train the tokenizer, encode."""
    config, root, folder = _open(recipe, data, runs)
    typer.echo(str(prepare(config, root, folder)))


@app.command("train")
def train_command(recipe: RecipeArgument, data: DataOption = None, runs: RunsOption = Path("runs")) -> None:
    """Train, or go on from the last checkpoint."""
    config, _root, folder = _open(recipe, data, runs)
    tokenizer = Tokenizer.load(folder.tokenizer)
    examples = [
        Examples(PackedPairs.load(path), config.data.directions, tokenizer, config.data.task)
        for path in (folder.train, folder.validation)
    ]
    log = ProgressLog(folder.curves, every_steps=config.trainer.log_every_steps)
    Trainer(config, *examples, checkpoint=folder.checkpoint, log=log).run()


def main() -> None:
    """Entry point: a refused recipe or bundle is one line on standard error, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        app()
    except ModelStoreError as error:
        typer.echo(f"verso-train: {error}", err=True)
        raise SystemExit(2) from error
