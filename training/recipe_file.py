"""Recipes as files: TOML to a validated recipe, one that extends another, one with changes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model_store.errors import ConfigError
from training import unknown_options
from training.config import Recipe, TokenizerConfig
from training.start import with_bundle


def load_recipe(path: Path, *, start_from: str | None = None) -> Recipe:
    """Read and validate a recipe file.

    A recipe may start from another with `extends = "other.toml"`, relative to itself, and states only what differs:
    tables are merged, everything else replaced. The network's vocabulary is the tokenizer's, so a recipe states it
    once. `start_from` wins over the recipe's own, and over what it has its first weights transferred from.

    Raises:
        ConfigError: the file is missing, not TOML, or a value is outside what is allowed; names field and value.
        BundleError: there is no such bundle to start from.
    """
    raw = _read(path, ())
    if start_from is not None:
        raw = {**raw, "transfer_from": None}
    start = raw.get("start_from") if start_from is None else start_from
    if isinstance(start, str):
        raw = with_bundle(raw, start)
    tokenizer = raw.get("tokenizer")
    network = raw.setdefault("network", {})
    if isinstance(network, dict):
        if "vocabulary" in network:
            raise ConfigError(f"{path}: network.vocabulary: state it once, as tokenizer.vocabulary")
        vocabulary = tokenizer.get("vocabulary") if isinstance(tokenizer, dict) else None
        # What is no number is refused as the tokenizer's, and not as the network's besides.
        network["vocabulary"] = vocabulary if type(vocabulary) is int else TokenizerConfig().vocabulary
    data = raw.get("data")
    if isinstance(data, dict) and isinstance(data.get("held_out"), dict):
        data["held_out"] = [data["held_out"]]  # one table stands for an array of one
    try:
        # As JSON a number is no text and 1 not true; nor is a date a text.
        return Recipe.model_validate_json(json.dumps(raw, default=lambda date: [str(date)]), strict=True)
    except ValidationError as error:
        raise ConfigError.from_validation(str(path), error, unknown=unknown_options.told) from error


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with the tables of `changes` merged over its own, validated anew.

    Raises ConfigError if that is no recipe.
    """
    try:
        return Recipe.model_validate(_merge(recipe.model_dump(), changes))
    except ValidationError as error:
        raise ConfigError.from_validation("changes", error, unknown=unknown_options.told) from error


def _read(path: Path, extended_by: tuple[Path, ...]) -> dict[str, Any]:
    """A recipe's tables with those it extends below them."""
    if path.resolve() in extended_by:
        raise ConfigError(f"extends: {path} extends itself")
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        if extended_by:
            raise ConfigError(
                f"{extended_by[-1]}: extends: {path} cannot be read: {error.strerror}; allowed: a recipe file, by its "
                "path from this one"
            ) from error
        raise ConfigError(f"recipe: {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"recipe: {path} is not valid TOML: {error}") from error
    base = raw.pop("extends", None)
    if base is None:
        return raw
    if not isinstance(base, str):
        raise ConfigError(f"{path}: extends: must be a file name (got {base!r})")
    return _merge(_read(path.parent / base, (*extended_by, path.resolve())), raw)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merge(under, value) if isinstance(under, dict) and isinstance(value, Mapping) else value
    return merged
