"""What is said of an option that a recipe has and Verso has not: where it stands, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from training.config import Recipe

Place = tuple[int | str, ...]

_OF_NO_TABLE = "before the first table"
# The network's vocabulary is stated as the tokenizer's, and a recipe's file may name another that it extends.
_NOT_STATED = {("network", "vocabulary")}
_OF_FILES = "extends"


def told(place: Place, value: object) -> str:
    """place: of the option in the recipe, numbers for tables in arrays; value: what it is said to be."""
    *above, name = place
    path = tuple(part for part in above if isinstance(part, str))
    tables = dict(_tables(Recipe, ()))
    here = tables[path]
    kind = "table" if isinstance(value, dict) else "option"
    where = f"[{'.'.join(map(str, place))}]" if kind == "table" else f"{_heading(above)}{name}"
    hints = []
    if close := get_close_matches(str(name), here, n=1):
        hints.append(f"closest: {close[0]}")
    if others := [_where(table) for table, options in tables.items() if table != path and name in options]:
        hints.append(f"there is one {', '.join(others)}")
    return f"{where}: there is no such {kind}; {'; '.join(hints) or 'allowed: ' + ', '.join(here)}"


def _heading(above: list[int | str]) -> str:
    return f"[{'.'.join(map(str, above))}] " if above else ""


def _where(path: tuple[str, ...]) -> str:
    return f"in [{'.'.join(path)}]" if path else _OF_NO_TABLE


def _tables(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Each table that a recipe may have, by its path, with its options and the tables in it."""
    names = [name for name in model.model_fields if (*path, name) not in _NOT_STATED]
    yield path, sorted(names if path else [*names, _OF_FILES])
    for name, field in model.model_fields.items():
        if inner := _model_of(field.annotation):
            yield from _tables(inner, (*path, name))


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The table that a field is, or is an array of, or may be."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_of(inner))), None)
