"""verso-train: prepare, train, evaluate, export, or all of them in a row."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer

from model_store.bundle import load_bundle
from model_store.errors import ConfigError, ModelStoreError
from model_store.tokenizer import Tokenizer
from training.checkpoint import averaged_weights
from training.config import Recipe, load_recipe
from training.corpora.errors import CorpusError
from training.dataset import Examples, PackedPairs
from training.distribution import is_distributed
from training.evaluation import Model, System, evaluate, table
from training.experiments import bottleneck, vanishing_gradients
from training.export import bundle_folder, export, stored_network
from training.preparation import prepare
from training.progress import ProgressLog
from training.run_folder import RunFolder
from training.scores import write_scores
from training.server import Server
from training.start import check_tokenizer_of_start, load_start
from training.test_sets import load_test_sets
from training.trainer import Trainer
from training.validation import Validator

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

RECIPES = Path(__file__).parent / "recipes"

RecipeArgument = Annotated[str, typer.Argument(help="a recipe file, or the name of one that comes with Verso")]
DataOption = Annotated[Path | None, typer.Option("--data", help="where the corpora are, instead of data_root")]
RunsOption = Annotated[Path, typer.Option("--runs", help="where runs are kept")]
ServerOption = Annotated[str | None, typer.Option("--server", help="score this running server, as http://HOST:PORT")]
OnlyOption = Annotated[list[str] | None, typer.Option("--only", help="score this held-out set only; repeatable")]
BundleOption = Annotated[Path | None, typer.Option("--bundle", help="score this bundle instead of the run's weights")]
MaxStepsOption = Annotated[int | None, typer.Option("--max-steps", min=1, help="stop after so many more updates")]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="BUNDLE", help="start from this bundle: a folder, or name[@version] that ships"),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="the store to export into, instead of the run's own")]

RUNS = Path("runs")
Experiment = Literal["vanishing-gradients", "bottleneck"]


@dataclass(frozen=True)
class Run:
    """A recipe with the places it works in."""

    argument: str
    recipe: Recipe
    data_root: Path
    folder: RunFolder

    @classmethod
    def open(cls, argument: str, data: Path | None, runs: Path, start_from: str | None) -> Run:
        """`argument` is a file, or the name of a recipe that comes with Verso."""
        path = Path(argument) if argument.endswith(".toml") else RECIPES / f"{argument}.toml"
        recipe = load_recipe(path, start_from=start_from)
        root = data if data is not None else (path.parent / recipe.data.data_root).resolve()
        return cls(argument, recipe, root, RunFolder(runs / recipe.export.name))

    def tokenizer(self) -> Tokenizer:
        """The tokenizer as prepared. Raises ConfigError if nothing was."""
        if not self.folder.report.exists():
            raise ConfigError(f"{self.folder.report} does not exist; run `verso-train prepare {self.argument}` first")
        tokenizer = Tokenizer.load(self.folder.tokenizer)
        prepared = json.loads(self.folder.report.read_text(encoding="utf-8")).keys()
        if tokenizer.vocabulary != self.recipe.network.vocabulary or prepared != {
            source.name for source in self.recipe.data.sources
        }:
            raise ConfigError(
                f"{self.folder.report.parent}: was prepared with another vocabulary or other sources than the "
                "recipe has; remove it and prepare again, or choose another --runs"
            )
        if self.recipe.start_from is not None:
            check_tokenizer_of_start(self.recipe.start_from, tokenizer, self.folder.report.parent)
        return tokenizer

    def examples(self, tokenizer: Tokenizer) -> tuple[Examples, Examples]:
        """Training and validation examples as prepared."""
        data = self.recipe.data
        train, validation = (
            Examples(PackedPairs.load(path), data.pairs, tokenizer, data.task)
            for path in (self.folder.train, self.folder.validation)
        )
        return train, validation


@app.command("prepare")
def prepare_command(
    recipe: RecipeArgument, data: DataOption = None, runs: RunsOption = RUNS, start_from: FromOption = None
) -> None:
    """Corpora to packed ids: read, clean, deduplicate, train the tokenizer, encode."""
    _prepare(Run.open(recipe, data, runs, start_from))


@app.command("train")
def train_command(
    recipe: RecipeArgument,
    data: DataOption = None,
    runs: RunsOption = RUNS,
    max_steps: MaxStepsOption = None,
    start_from: FromOption = None,
) -> None:
    """Train, or go on from the last checkpoint. With --from it adapts a bundle, and prepares first if nothing was."""
    run = Run.open(recipe, data, runs, start_from)
    if start_from is not None and not run.folder.report.exists() and not is_distributed():
        _prepare(run)
    _train(run, max_steps)


@app.command("evaluate")
def evaluate_command(
    recipe: RecipeArgument,
    data: DataOption = None,
    runs: RunsOption = RUNS,
    bundle: BundleOption = None,
    server: ServerOption = None,
    only: OnlyOption = None,
    start_from: FromOption = None,
) -> None:
    """BLEU and chrF on the recipe's validation and report sets, of the weights as they will be stored.

    What is measured of the run or of a server goes into the bundle that `export` writes.
    """
    if bundle is not None and server is not None:
        raise typer.BadParameter("--bundle and --server exclude each other")
    _evaluate(Run.open(recipe, data, runs, start_from), bundle, server, tuple(only or ()))


@app.command("export")
def export_command(
    recipe: RecipeArgument,
    data: DataOption = None,
    runs: RunsOption = RUNS,
    out: OutOption = None,
    start_from: FromOption = None,
) -> None:
    """Publish the averaged weights as a bundle that the service loads."""
    _export(Run.open(recipe, data, runs, start_from), out)


@app.command("run")
def run_command(
    recipe: RecipeArgument,
    data: DataOption = None,
    runs: RunsOption = RUNS,
    out: OutOption = None,
    start_from: FromOption = None,
) -> None:
    """Prepare, unless it was done, then train, evaluate and export."""
    run = Run.open(recipe, data, runs, start_from)
    target = bundle_folder(run.recipe, out if out is not None else run.folder.bundles)
    if target.exists():
        typer.echo(f"{target} is there already; for another one, raise export.version or remove it")
        return
    if not run.folder.report.exists():
        _prepare(run)
    _train(run, None)
    _evaluate(run, None, None, ())
    _export(run, out)


@app.command("experiment")
def experiment_command(
    name: Annotated[Experiment, typer.Argument(help="which claim of the lecture to measure")],
    out: Annotated[Path, typer.Option("--out", help="where the figures go")] = Path("runs/experiments"),
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="of torch; all cores unless given")] = None,
) -> None:
    """Measure a claim of the lecture: numbers as JSON, a plot as SVG."""
    if threads is not None:
        torch.set_num_threads(threads)
    figure = {"vanishing-gradients": vanishing_gradients.measure, "bottleneck": bottleneck.measure}[name]()
    for path in figure.save(out):
        typer.echo(f"wrote {path}")


def _prepare(run: Run) -> None:
    typer.echo(str(prepare(run.recipe, run.data_root, run.folder)))


def _train(run: Run, max_steps: int | None) -> None:
    recipe, folder = run.recipe, run.folder
    tokenizer = run.tokenizer()
    train, validation = run.examples(tokenizer)
    log = ProgressLog(folder.curves, every_steps=recipe.trainer.log_every_steps)
    test_sets = load_test_sets(recipe.data.validation, recipe.data.directions, run.data_root)
    validator = Validator(recipe, tokenizer, tuple(test_sets))
    start = None if recipe.start_from is None else load_start(recipe.start_from).weights
    trainer = Trainer(recipe, train, validation, checkpoint=folder.checkpoint, log=log, validate=validator, start=start)
    trainer.run(max_steps=max_steps)


def _evaluate(run: Run, bundle_path: Path | None, server: str | None, only: tuple[str, ...]) -> None:
    data = run.recipe.data
    held_out = [each for each in (*data.validation, *data.report) if not only or each.name in only]
    if unknown := set(only) - {each.name for each in held_out}:
        raise ConfigError(f"--only: the recipe has no held-out set {min(unknown)!r}")
    command = f"verso-train evaluate {run.argument}" + "".join(f" --only {name}" for name in only)
    system: System
    if server is not None:
        system = Server(server)
        command += " --server"
    elif bundle_path is not None:
        bundle = load_bundle(bundle_path)
        system = Model(bundle.network(), bundle.tokenizer, bundle.manifest.decoding, bundle.manifest.task)
    else:
        network = stored_network(run.recipe, averaged_weights(run.folder.checkpoint))
        system = Model(network, run.tokenizer(), run.recipe.decoding, data.task)
    sets = load_test_sets(held_out, data.directions, run.data_root)
    evaluations = [evaluate(system, test_set) for test_set in sets]
    typer.echo(table(evaluations))
    if bundle_path is None:
        write_scores(run.folder.scores, evaluations, command)


def _export(run: Run, out: Path | None) -> None:
    typer.echo(f"exported {export(run.recipe, run.folder, out if out is not None else run.folder.bundles)}")


@app.callback()
def _alone_unless_training(context: typer.Context) -> None:
    """Several processes that torchrun started share the work of `train` only; elsewhere they would do it twice."""
    if is_distributed() and context.invoked_subcommand != "train":
        raise ConfigError(f"torchrun: starts `verso-train train` only; run {context.invoked_subcommand!r} without it")


def main() -> None:
    """Entry point: a refused recipe, corpus or bundle is one line on standard error, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        app()
    except (ModelStoreError, CorpusError) as error:
        typer.echo(f"verso-train: {error}", err=True)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
