"""A recipe as text, and as a file."""

from __future__ import annotations

from pathlib import Path

RECIPE = """
[data]
directions = ["en-ru", "ru-en"]
sources = [{ name = "pairs", format = "tsv", left = "en", right = "ru", path = "pairs.tsv" }]
[tokenizer]
vocabulary = 500
[export]
name = "model"
"""


def write(folder: Path, text: str, name: str = "recipe.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
