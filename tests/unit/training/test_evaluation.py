"""Evaluation: the baseline of summaries, the table, and that a set within one language is scored once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from model_store.bundle import load_bundle
from model_store.config import DecodingConfig
from tests.unit.model_store.tiny_bundle import DESCRIPTION, save_tiny
from tests.unit.training.tiny import write_tsv
from training.data_config import TestSetConfig
from training.evaluation import Evaluation, LeadSentence, Model, evaluate, table
from training.metrics import Metric
from training.test_sets import load_test_sets


def test_the_first_sentence_is_taken_as_it_is(tmp_path: Path) -> None:
    write_tsv(tmp_path / "set.tsv", [("It plays music. It also stops.", "It plays music."), ("Only one", "Else")])
    config = TestSetConfig(name="set", left="en", right="en", path="set.tsv")
    (test_set,) = load_test_sets([config], ["en-en"], tmp_path)
    found = evaluate(LeadSentence(), test_set, "summarize")
    assert found.outputs == ("It plays music.", "Only one")
    assert {metric.name: metric.value for metric in found.metrics}["ROUGE-L"] == 50


def test_the_table_is_aligned() -> None:
    rows = [
        Evaluation(name, "en-ru", ("x",) * count, (Metric("BLEU", value),), 0, 1.25)
        for name, count, value in (("short", 3, 9.06), ("a longer name", 1000, 100.0))
    ]
    assert table(rows).splitlines() == [
        "test set       direction  segments   BLEU  unfinished  seconds",
        "short          en-ru             3    9.1           0      1.2",
        "a longer name  en-ru          1000  100.0           0      1.2",
    ]


def test_a_bundle_is_decoded_as_its_manifest_says(tmp_path: Path) -> None:
    decoding = DecodingConfig(beam_size=3, max_source_length=17)
    save_tiny(tmp_path / "1", replace(DESCRIPTION, task="summarize", directions=(("en", "en"),), decoding=decoding))
    bundle = load_bundle(tmp_path / "1")
    model = Model.of_bundle(bundle, cut_source_tokens=9)
    assert (model.decoding, model.task, model.cut_source_tokens) == (decoding, "summarize", 9)
    assert model.tokenizer.serialized == bundle.tokenizer.serialized
    assert all(weight.equal(bundle.weights[name]) for name, weight in model.network.named_parameters())
    assert len(model.decode(["abc", "def"], "en", "en").outputs) == 2
