"""Which averaged weights of a run become its network: the last ones, or those that did best on the sets to choose by.

Sets are compared by one measure of the task, averaged over all of them. For translations that is chrF2 and not BLEU:
of the few sentences that training decodes, most words' sequences of four are in no reference, while nearly every
sequence of characters counts, so chrF2 says the same with fewer sentences; and in Russian or German an ending that is
wrong costs it an ending, not a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from model_store.config import Task

MEASURES: dict[Task, str] = {"translate": "chrF2", "summarize": "ROUGE-L"}


def mean_score(figures: Mapping[str, float], task: Task) -> dict[str, float]:
    """The mean of the task's measure over sets and directions, by its name; of nothing if no set was scored.

    figures: as Validator gives them.
    """
    measure = MEASURES[task]
    values = [value for name, value in figures.items() if name.startswith(f"{measure}/")]
    return {f"mean {measure}": fmean(values)} if values else {}
