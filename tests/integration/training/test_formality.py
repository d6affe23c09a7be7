"""Formality, the whole way: a recipe says how its sources address their reader, and a request asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from model_store.bundle import load_bundle
from service.app import create_app
from service.settings import Settings
from tests.integration.training.test_options import invoke
from tests.unit.service.api.client import ask

# A language that a network learns in seconds; and a sentence that gives the vocabulary its letters.
WORDS = {"b": "б", "g": "г", "m": "м"}
LETTERS = "the quick brown fox jumps over the lazy dog\tсъешь ещё этих мягких французских булок да выпей чаю\n"
RECIPE = """
[data]
directions = ["en-ru", "ru-en"]
[[data.sources]]
name = "letters"
format = "tsv"
left = "en"
right = "ru"
path = "letters.tsv"
[[data.sources]]
name = "vy"
format = "tsv"
left = "en"
right = "ru"
path = "vy.tsv"
repeat = 20
formality = { ru = "formal" }
[[data.sources]]
name = "ty"
format = "tsv"
left = "en"
right = "ru"
path = "ty.tsv"
repeat = 20
formality = { ru = "informal" }
[tokenizer]
vocabulary = 326
[network]
layers = 1
hidden = 64
embedding = 64
dropout = 0.0
tied_embeddings = false
[trainer]
threads = 1
batch_tokens = 200
max_steps = 400
learning_rate = 8e-3
warmup_steps = 50
label_smoothing = 0.0
validate_every_steps = 10000
average_decay = 0.9
[export]
name = "polite"
"""


def test_a_bundle_that_learned_it_is_asked_for_it(tmp_path: Path) -> None:
    for name, pronoun in (("vy", "вы"), ("ty", "ты")):
        rows = [f"you {english}\t{pronoun} {russian}\n" for english, russian in WORDS.items()]
        (tmp_path / f"{name}.tsv").write_text("".join(rows), encoding="utf-8")
    (tmp_path / "letters.tsv").write_text(LETTERS, encoding="utf-8")
    (tmp_path / "polite.toml").write_text(RECIPE, encoding="utf-8")
    invoke("run", str(tmp_path / "polite.toml"), "--data", str(tmp_path), "--runs", str(tmp_path / "runs"))
    store = tmp_path / "runs" / "polite" / "bundles"
    bundle = load_bundle(store / "polite" / "1")
    assert bundle.manifest.formality == ("ru",)
    assert bundle.tokenizer.source_prefix == 2

    app = create_app(Settings(models=str(store), threads=1))
    formal, informal, unsaid, back, refused, models = ask(app, answers)
    pronouns = [answer["translations"][0]["text"].split()[0] for answer in (formal, informal, unsaid, back)]
    assert pronouns[:2] == ["вы", "ты"]
    assert pronouns[2] in ("вы", "ты")
    assert pronouns[3] == "you"
    assert informal["translations"][0]["alignment"]
    assert refused["error"]["field"] == "formality"
    assert refused["error"]["message"] == (
        "formality: 'formal' is nothing that polite@1 has for 'en'; it has it for ru; allowed: 'default'"
    )
    (model,) = models["models"]
    assert {(pair["target"], pair["formality"]) for pair in model["pairs"]} == {("ru", True), ("en", False)}


async def answers(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """What the service says to one request after another."""
    forth = {"text": "you g", "source": "en", "target": "ru"}
    back = {"text": "ты г", "source": "ru", "target": "en"}
    asked = [{**forth, "formality": "formal"}, {**forth, "formality": "informal"}, forth, back]
    asked.append({**back, "formality": "formal"})
    said = [await client.post("/v1/translate", json=body) for body in asked]
    return [each.json() for each in (*said, await client.get("/v1/models"))]
