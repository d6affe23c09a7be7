"""What `verso-train evaluate` does with a system and sets: scores, compares, prints, keeps for the model card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import typer

from model_store.config import Task
from training.evaluation import Evaluation, LeadSentence, System, TestSet, evaluate, table
from training.export import bundle_reference, measured
from training.run import Run
from training.scores import not_of, write_scores
from training.significance import compare

BASELINE = ", first sentence"  # behind the name of a set that it is measured on


def scored(run: Run, system: System, sets: Sequence[TestSet]) -> list[Evaluation]:
    """Score the system, then for summaries the first sentence, and print both; or that there is no set to score."""
    if not sets:
        typer.echo("nothing is scored: the recipe has no held-out set in its directions")
        return []
    task = run.recipe.data.task
    moses = run.recipe.evaluation.moses_bleu
    evaluations = [evaluate(system, test_set, task, with_moses_bleu=moses) for test_set in sets]
    baseline = [evaluate(LeadSentence(), _baseline_of(test_set), task) for test_set in sets if task == "summarize"]
    typer.echo(table([*evaluations, *baseline]))
    return [*evaluations, *baseline]


def keep(run: Run, evaluations: Sequence[Evaluation], command: Callable[[str], str]) -> None:
    """Keep scores for the bundle that will be exported, unless a server gave them that serves another one.

    command: of a set's name.
    """
    own = bundle_reference(run.recipe)
    others = {model for each in evaluations for model in each.written_by} - {own}
    if others or not run.folder.checkpoint.exists():
        reason = f"the server has {', '.join(sorted(others))}" if others else "nothing was trained here"
        typer.echo(f"not kept for the model card of {own}: {reason}")
        return
    for name in dict.fromkeys(each.test_set.removesuffix(BASELINE) for each in evaluations):
        of_set = [each for each in evaluations if each.test_set in (name, name + BASELINE)]
        write_scores(run.folder.scores, of_set, command(name), measured=measured(run.recipe))


def tell_of_other_scores(run: Run) -> None:
    """Print which kept scores the card of the bundle will not have."""
    if others := not_of(run.folder.scores, measured(run.recipe)):
        typer.echo(
            f"not in the model card: the scores of {', '.join(others)}, measured with another export.storage or "
            "[decoding]; to have them there, evaluate before export"
        )


def _baseline_of(test_set: TestSet) -> TestSet:
    return replace(test_set, name=test_set.name + BASELINE)


def compared(
    task: Task, evaluations: Sequence[Evaluation], sets: Sequence[TestSet], against: str, other: System
) -> list[Evaluation]:
    """The evaluations, of which the first are of the sets, with how likely each difference to the other system is by
    chance alone, which is printed too. against: what that is called.
    """
    found = list(evaluations)
    for index, test_set in enumerate(sets):
        others = evaluate(other, test_set, task).outputs
        comparisons = compare(task, found[index].outputs, others, test_set.references)
        found[index] = replace(found[index], comparisons=comparisons)
        for each in comparisons:
            typer.echo(
                f"{test_set.name} {test_set.direction}: {each.metric} {each.value:.1f}, {against} {each.other:.1f}, "
                f"p = {each.p:.4f}"
            )
    return found
