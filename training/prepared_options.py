"""The options of a recipe that prepared data follows from: a run is refused data that other ones made."""

from __future__ import annotations

from typing import Any

from training.config import Recipe
from training.data_config import HELD_OUT
from training.start import weights_of


def what_it_depends_on(recipe: Recipe) -> dict[str, Any]:
    """Every option of the recipe that prepared data follows from, by its name in the recipe, as JSON holds it."""
    data = recipe.data.model_dump(mode="json", exclude={"data_root", "held_out"})
    for source in data["sources"]:
        del source["licence"]
        for option in ("formality", "back_translated", "most_nats"):  # as before there were such options
            if not source[option]:
                del source[option]
    data["held_out"] = _held_out_options(recipe)
    if data["stand_ins"]:
        data["stand_ins"] = [data["stand_ins"], *recipe.decoding.stand_ins]
    else:
        del data["stand_ins"]  # as before there was such an option
    options = {f"data.{name}": value for name, value in data.items()}
    if recipe.start_from is None:  # else the tokenizer is that of the bundle, and is compared as a whole
        tokenizer = recipe.tokenizer.model_dump(mode="json")
        options |= {f"tokenizer.{name}": value for name, value in tokenizer.items()}
    if recipe.start_from is not None and any(source.most_nats is not None for source in recipe.data.sources):
        options["start_from"] = weights_of(recipe.start_from)  # which has judged them
    return {**options, "trainer.seed": recipe.trainer.seed}


def _held_out_options(recipe: Recipe) -> Any:
    """What is held out, as JSON holds it: None, the options of one set, or those of each of several."""
    own = any(source.own for source in recipe.data.sources)  # which of them are learned depends on what is reported
    found = []
    for config in recipe.data.held_out:
        options = config.model_dump(mode="json", exclude=set() if own else {"validation"})
        for option, default in (("largest_share", 1.0), ("sources", []), ("name", HELD_OUT)):
            if options[option] == default:
                del options[option]  # as before there was such an option
        found.append(options)
    return found if len(found) > 1 else next(iter(found), None)
