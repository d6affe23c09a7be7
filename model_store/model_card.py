"""README.md of a bundle: its manifest, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from model_store.config import Task
from model_store.manifest import Manifest

_TASKS = {
    "translate": "translates",
    "summarize": "summarizes",
    "comment": "comments code",
    "math": "transforms formulas",
    "style": "changes the style of a text",
}


def model_card(manifest: Manifest) -> str:
    """Markdown, rendered from nothing but the manifest."""
    sections = [
        f"# {manifest.name} {manifest.version}",
        manifest.description.strip() or f"A network that {_TASKS[manifest.task]}.",
        _facts(manifest),
        "## Use",
        _usage(manifest),
        "## Scores",
        _scores(manifest),
        "## Data",
        _data(manifest),
        "## Limits",
        _limits(manifest),
        "The weights, the checksums and all settings are listed in `manifest.json`.",
    ]
    return "\n\n".join(sections) + "\n"


def _facts(manifest: Manifest) -> str:
    network = manifest.network
    facts = {
        "Task": f"{manifest.task} ({_TASKS[manifest.task]})",
        "Languages": ", ".join(manifest.languages),
        "Directions": ", ".join(manifest.directions),
        "Network": f"{network.layers}-layer {network.cell.upper()}, {network.hidden} wide, "
        f"{network.encoder.kind.replace('_', '-')} encoder, attention: {network.attention}",
        "Parameters": f"{manifest.parameters:,}",
        "Vocabulary": f"{network.vocabulary:,} subwords, shared by all languages",
        "Stored as": manifest.storage,
        "Created": manifest.created.isoformat(),
        "Licence": manifest.licence,
    }
    return "\n".join(f"- {name}: {_one_line(value)}" for name, value in facts.items())


def _usage(manifest: Manifest) -> str:
    """How to ask a running service for this bundle."""
    source, target = manifest.pairs[0]
    if manifest.task == "translate":
        path, languages = "translate", {"source": source, "target": target}
    else:
        path, languages = "summarize" if manifest.task == "summarize" else "generate", {"language": target}
    body = json.dumps({"text": "…", **languages, "model": manifest.name}, ensure_ascii=False)
    return "\n".join(
        (
            "With `make serve` running:",
            "",
            "```sh",
            f"curl -s http://127.0.0.1:5000/v1/{path} -H 'Content-Type: application/json' \\",
            f"  -d '{body}'",
            "```",
        )
    )


def _scores(manifest: Manifest) -> str:
    if not manifest.scores:
        return "Not measured."
    return _table(
        ("Test set", "Direction", "Metric", "Value", "Command"),
        (
            (score.test_set, score.direction, score.metric, f"{score.value:.2f}", f"`{score.command}`")
            for score in manifest.scores
        ),
    )


def _data(manifest: Manifest) -> str:
    if not manifest.data:
        return "Not stated."
    return _table(
        ("Corpus", "Licence", "Pairs", "Origin"),
        ((source.name, source.licence, f"{source.pairs:,}", source.origin) for source in manifest.data),
    )


def _limits(manifest: Manifest) -> str:
    at_once = f"It reads at most {manifest.decoding.max_source_length} tokens at once, control tokens included"
    return "\n".join(
        (
            f"- {at_once}; {_longer_text(manifest.task)}.",
            "- It knows the language and the subjects of the data above; on others it does worse.",
            "- It can leave out, add or turn round what the source says, fluently: a person has to check whatever "
            "somebody's health, money or rights hang on.",
        )
    )


def _longer_text(task: Task) -> str:
    """What becomes of a text that is longer than what is read at once."""
    if task == "translate":
        return "longer text has to be split into sentences first, and each sentence is read without its neighbours"
    if task == "summarize":
        return (
            "longer text is read in parts of whole sentences, each without the others, and its one line is that of a "
            "single part"
        )
    return "longer text is refused"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())
