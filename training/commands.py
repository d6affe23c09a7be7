"""The commands of verso-train: prepare, train, evaluate, export, or all of them in a row."""

from __future__ import annotations

import logging
import threading
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer

from model_store.decoding.backends.choice import BackendName
from model_store.decoding.in_flight import open_decoder
from model_store.errors import ConfigError, ModelStoreError
from training.allocation import keep_freed_memory
from training.checkpoint import Checkpoint, Position
from training.config import MOST_THREADS
from training.corpora.errors import CorpusError
from training.distribution import end_together, is_distributed, is_first
from training.evaluation import System
from training.experiments.catalogue import Experiment, measure
from training.experiments.table import Table
from training.export import bundle_folder, export
from training.preparation import prepare
from training.progress import ProgressLog
from training.reproducing import command_line, command_of_card
from training.run import Run
from training.schedule import progress
from training.scores import read_scores, write_scores
from training.scoring import compared, keep, scored, tell_of_other_scores
from training.server import Server
from training.soup import average_with
from training.start import check_transfer, initial_weights, not_used, note_beginning
from training.trainer import Trainer
from training.validation import Validator
from training.writing import naming, tell_of_thread

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Prepare, train, evaluate, export, or all of them in a row.",
)

BUNDLE_HELP = r"a folder, or name\[@version] that ships"  # the backslash keeps rich from reading a style

RecipeArgument = Annotated[str, typer.Argument(help="a recipe file, or the name of one that comes with Verso")]
DataOption = Annotated[Path | None, typer.Option("--data", help="where the corpora are, instead of data_root")]
RunsOption = Annotated[Path, typer.Option("--runs", help="where runs are kept")]
ServerOption = Annotated[str | None, typer.Option("--server", help="score this running server, as http://HOST:PORT")]
OnlyOption = Annotated[list[str] | None, typer.Option("--only", help="score these held-out sets only; repeatable")]
BundleOption = Annotated[
    str | None,
    typer.Option("--bundle", help=f"score this bundle ({BUNDLE_HELP}), not the run"),
]
AgainstOption = Annotated[
    str | None,
    typer.Option("--against", metavar="BUNDLE", help="say whether a difference to this bundle is chance"),
]
BackendOption = Annotated[
    BackendName | None,
    typer.Option("--backend", help="what is scored computes in this one: eager is float32; --against is not changed"),
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="also write the figures to this file")]
MaxStepsOption = Annotated[int | None, typer.Option("--max-steps", min=1, help="stop after so many more updates")]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="BUNDLE", help=f"start from this bundle: {BUNDLE_HELP}"),
]
OutOption = Annotated[Path | None, typer.Option("--out", help="the store to export into, instead of the run's own")]

RUNS = Path("runs")


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
    if is_distributed():
        end_together()


@app.command("evaluate")
def evaluate_command(
    recipe: RecipeArgument,
    data: DataOption = None,
    runs: RunsOption = RUNS,
    bundle: BundleOption = None,
    server: ServerOption = None,
    only: OnlyOption = None,
    against: AgainstOption = None,
    backend: BackendOption = None,
    json_file: JsonOption = None,
    start_from: FromOption = None,
) -> None:
    """BLEU and chrF, or ROUGE, on the recipe's validation and report sets, of the weights as they will be stored.

    What is measured of the run, or of a server that serves its bundle, goes into the bundle that `export` writes.
    """
    if bundle is not None and server is not None:
        raise typer.BadParameter("--bundle and --server exclude each other")
    if against is not None and server is not None:
        raise typer.BadParameter(
            "--against and --server exclude each other: what a server does to text besides would count as a difference "
            "of the networks; score both bundles with --bundle"
        )
    if backend is not None and server is not None:
        raise typer.BadParameter("--backend and --server exclude each other: a server has VERSO_BACKEND")
    run = Run.open(recipe, data, runs, start_from)
    chosen = tuple(only or ())
    sets = run.test_sets(chosen)
    system: System
    if server is not None:
        system = Server(server, run.recipe.data.task)
    else:
        model = run.system() if bundle is None else run.system_of(bundle, sets)
        system = model if backend is None else replace(model, opened=partial(open_decoder, backend=backend))
    other = None if against is None else run.system_of(against, sets)  # raises now, not when all is scored
    if json_file is not None:
        read_scores(json_file)  # likewise
    evaluations = scored(run, system, sets)
    if bundle is None:
        command = partial(command_of_card, run, data, backend=backend, by_server=server is not None)
        keep(run, evaluations, command)
    if against is not None and other is not None:
        evaluations = compared(run.recipe.data.task, evaluations, sets, against, other)
    if json_file is not None:
        places = [("--data", data), ("--runs", runs if runs != RUNS else None), ("--from", start_from)]
        how = [*(("--only", name) for name in chosen), ("--backend", backend)]
        systems = [("--bundle", bundle), ("--server", server), ("--against", against)]
        write_scores(json_file, evaluations, command_line(run, [*places, *how, *systems]))


@app.command("average")
def average_command(
    recipe: RecipeArgument,
    others: Annotated[
        list[str],
        typer.Option("--with", metavar="OTHER", help=f"folder of a run, or bundle ({BUNDLE_HELP}); repeatable"),
    ],
    own: Annotated[int, typer.Option(min=1, metavar="COUNT", help="how many times the run's own weights count")] = 1,
    runs: RunsOption = RUNS,
    start_from: FromOption = None,
) -> None:
    """Make the run's averaged weights the mean of its own and those of others that began where it did.

    `evaluate` and `export` are of the mean then; each call counts what the run has as one.
    """
    run = Run.open(recipe, None, runs, start_from)
    with run.folder.held():
        average_with(run.folder, run.tokenizer(), others, own)
    typer.echo(f"{run.folder.checkpoint}: the mean of {own + len(others)}")


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
    anew = f"to learn anew, remove {run.folder.root} or choose another --runs"
    if target.exists():
        typer.echo(f"{target} is there already; for another one, raise export.version or remove it; {anew}")
        return
    if run.folder.report.exists():
        typer.echo(f"{run.folder.report.parent} was prepared before, and is not again; {anew}")
    else:
        _prepare(run)
    _train(run, None)
    command = partial(command_of_card, run, data, backend=None, by_server=False)
    keep(run, scored(run, run.system(), run.test_sets(())), command)
    _export(run, out)


@app.command("experiment")
def experiment_command(
    name: Annotated[Experiment, typer.Argument(help="which claim to measure")],
    out: Annotated[Path, typer.Option("--out", help="where the figures go")] = Path("runs/experiments"),
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, max=MOST_THREADS, help="of torch; all cores unless given")
    ] = None,
    data: DataOption = None,
    updates: Annotated[int, typer.Option("--updates", min=1, help="of each system")] = 3000,
) -> None:
    """Measure a claim of the lecture or of a paper: numbers as JSON, and a plot as SVG or a table as Markdown.

    --data and --updates are for luong-increments, recipe-options and techniques, which train on Multi30k.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    with naming(f"--out: {out}"):
        out.mkdir(parents=True, exist_ok=True)
    found = measure(name, data if data is not None else Path(), RUNS, updates)
    if isinstance(found, Table):
        typer.echo(found.markdown())
    for path in found.save(out):
        typer.echo(f"wrote {path}")


def _prepare(run: Run) -> None:
    check_transfer(run.recipe)
    if unused := not_used(run.recipe):
        typer.echo(f"{', '.join(unused)}: not used, since the tokenizer is that of {run.recipe.start_from}")
    with run.folder.held():
        typer.echo(str(prepare(run.recipe, run.data_root, run.folder)))


def _train(run: Run, max_steps: int | None) -> None:
    with run.folder.held() if is_first() else nullcontext():
        _train_alone(run, max_steps)


def _train_alone(run: Run, max_steps: int | None) -> None:
    recipe, folder = run.recipe, run.folder
    tokenizer = run.tokenizer()
    train, validation = run.examples(tokenizer)
    log = ProgressLog(folder.curves, every_steps=recipe.trainer.log_every_steps)
    validator = Validator(recipe, tokenizer, run.validation_sets())
    start = initial_weights(recipe, tokenizer)
    if is_first() and not folder.checkpoint.exists():
        note_beginning(recipe, folder)
    trainer = Trainer(recipe, train, validation, checkpoint=folder.checkpoint, log=log, validate=validator, start=start)
    saved = Checkpoint.load(folder.checkpoint).position if folder.checkpoint.exists() else Position()
    if progress(recipe.trainer, saved.step, saved.elapsed_s) < 1.0:
        folder.scores.unlink(missing_ok=True)  # of a network that will be another one
    elif is_first():
        typer.echo(
            f"{folder.checkpoint} is at the recipe's end, after {saved.step} updates: nothing more is learned; to "
            "go on raise trainer.max_steps or max_minutes, to learn anew remove it"
        )
    ended = trainer.run(max_steps=max_steps).position
    if is_first() and ended.step < recipe.trainer.warmup and progress(recipe.trainer, ended.step, ended.elapsed_s) == 1:
        typer.echo(
            f"trainer.warmup_steps: {recipe.trainer.warmup}, but the training ended with update {ended.step}, so "
            "learning_rate was never reached; lower it, or raise max_minutes"
        )


def _export(run: Run, out: Path | None) -> None:
    run.tokenizer()  # raises if the recipe is not that of what was prepared, and so trained
    typer.echo(f"exported {export(run.recipe, run.folder, out if out is not None else run.folder.bundles)}")
    tell_of_other_scores(run)


@app.callback()
def _alone_unless_training(context: typer.Context) -> None:
    """Several processes that torchrun started share the work of `train` only; elsewhere they would do it twice."""
    if is_distributed() and context.invoked_subcommand != "train":
        raise ConfigError(f"torchrun: starts `verso-train train` only; run {context.invoked_subcommand!r} without it")


def main() -> None:
    """What the command line says; a refused recipe, corpus, bundle or file is one line on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    for library in ("httpx", "sacrebleu"):  # which say of each request and comparison that they make it
        logging.getLogger(library).setLevel(logging.WARNING)
    threading.excepthook = tell_of_thread
    keep_freed_memory()
    try:
        app()
    except (ModelStoreError, CorpusError, OSError) as error:
        typer.echo(f"verso-train: {error}", err=True)
        raise SystemExit(2) from error
