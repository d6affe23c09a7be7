"""Scores of the averaged network while it trains, through the decoder that serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from training.config import Recipe
from training.evaluation import Model, TestSet, evaluate


class Validator:
    """The metrics of the recipe's task on the first `validation_sentences` of each validation set."""

    def __init__(self, recipe: Recipe, tokenizer: Tokenizer, test_sets: Sequence[TestSet]) -> None:
        self._recipe = recipe
        self._tokenizer = tokenizer
        most = recipe.trainer.validation_sentences
        self._sets = [
            replace(each, sources=each.sources[:most], references=each.references[:most]) for each in test_sets
        ]

    def __call__(self, network: Seq2Seq) -> dict[str, float]:
        """Figures by name, as "BLEU/newstest2016 en-ru"."""
        data = self._recipe.data
        model = Model.of_recipe(self._recipe, network, self._tokenizer)
        figures: dict[str, float] = {}
        for test_set in self._sets:
            scored = evaluate(model, test_set, data.task)
            where = f"{scored.test_set} {scored.direction}"
            figures |= {f"{metric.name}/{where}": metric.value for metric in scored.metrics}
        return figures
