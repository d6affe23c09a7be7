"""A recipe with the places it works in, and what of the run lies there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model_store.bundle import load_bundle
from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer
from training.config import Recipe
from training.data_config import Draw, TestSetConfig
from training.dataset import Examples, PackedPairs
from training.evaluation import Model, TestSet, on_best_device
from training.export import stored_network, trained_weights
from training.prepared_options import what_it_depends_on
from training.recipe_file import load_recipe
from training.run_folder import RunFolder, read_json
from training.start import check_beginning, check_tokenizer_of_start, find_bundle
from training.test_sets import load_test_sets

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Run:
    """One run of a recipe. argument: what the recipe was called on the command line."""

    argument: str
    recipe: Recipe
    data_root: Path
    folder: RunFolder

    @classmethod
    def open(cls, argument: str, data: Path | None, runs: Path, start_from: str | None) -> Run:
        """`argument` is a file, or the name of a recipe that comes with Verso."""
        path = Path(argument) if argument.endswith(".toml") else RECIPES / f"{argument}.toml"
        if not argument.endswith(".toml") and (path.parent != RECIPES or not path.exists()):
            own = ", ".join(sorted(each.stem for each in RECIPES.glob("*.toml")))
            raise ConfigError(
                f"recipe: {argument!r} does not come with Verso; allowed: a file that ends in .toml, {own}"
            )
        recipe = load_recipe(path, start_from=start_from)
        root = data if data is not None else (path.parent / recipe.data.data_root).resolve()
        return cls(argument, recipe, root, RunFolder(runs / recipe.export.name))

    def tokenizer(self) -> Tokenizer:
        """The tokenizer as prepared. Raises ConfigError if nothing was."""
        if not self.folder.prepared.exists():
            raise ConfigError(f"{self.folder.prepared} does not exist; run `verso-train prepare {self.argument}` first")
        tokenizer = self.folder.load_tokenizer()
        then = read_json(self.folder.prepared)
        if self.recipe.start_from is None and not any(name.startswith("tokenizer.") for name in then):
            raise ConfigError(
                f"{self.folder.prepared.parent}: was prepared with --from; give that here too, or choose another --runs"
            )
        if changed := self._changed(then, tokenizer):
            raise ConfigError(
                f"{self.folder.prepared.parent}: was prepared with another {', '.join(changed)} than the recipe has; "
                "remove it and prepare again, or choose another --runs"
            )
        if self.recipe.start_from is not None:
            check_tokenizer_of_start(self.recipe.start_from, tokenizer, self.folder.report.parent)
        check_beginning(self.recipe, self.folder)
        return tokenizer

    def _changed(self, then: dict[str, Any], tokenizer: Tokenizer) -> list[str]:
        """The options that were others when the data was prepared."""
        now = what_it_depends_on(self.recipe)
        then = {"tokenizer.lower_case": False, **then}  # an option that earlier runs did not have
        for source in then.get("data.sources", []):
            source.pop("licence", None)  # which earlier runs had among those that count
        # A tokenizer that came from a bundle has no options.
        names = {
            name for name in then.keys() | now.keys() if "tokenizer." not in name or (name in then and name in now)
        }
        changed = {name for name in names if then.get(name) != now.get(name)}
        if tokenizer.vocabulary != self.recipe.network.vocabulary:
            changed.add("tokenizer.vocabulary")
        return sorted(changed)

    def system(self) -> Model:
        """The averaged network as a bundle would store it, on the GPU where there is one."""
        weights = trained_weights(self.recipe, self.folder.checkpoint)
        return Model.of_recipe(self.recipe, on_best_device(stored_network(self.recipe, weights)), self.tokenizer())

    def system_of(self, reference: str, sets: Sequence[TestSet]) -> Model:
        """A bundle, as find_bundle takes it, that reads as much as the recipe's network; on the GPU where there is one.

        Raises as load_bundle and find_bundle, and ConfigError for a bundle of another task, or that cannot be asked for
        the language of one of the sets.
        """
        data, bundle = self.recipe.data, load_bundle(find_bundle(reference))
        if bundle.manifest.task != data.task:
            raise ConfigError(f"bundle: {reference!r} is for the task {bundle.manifest.task!r}; allowed: {data.task!r}")
        languages = bundle.tokenizer.languages
        if others := [each for each in sets if each.target_language not in languages]:
            raise ConfigError(
                f"bundle: {reference!r} knows {list(languages)}, but {others[0].name} {others[0].direction} is to be "
                "scored; allowed: a bundle of these languages, or --only with other sets"
            )
        model = Model.of_bundle(bundle, cut_source_tokens=data.cut_source_tokens)
        return replace(model, network=on_best_device(model.network))

    def test_sets(self, only: tuple[str, ...]) -> list[TestSet]:
        """The held-out sets of those names, or all. "validation" names all those to choose by, "report" the others.

        Raises ConfigError for a name that the recipe does not have, or if the set that is split off its sources is
        among them and was not prepared.
        """
        data, split_off = self.recipe.data, self._split_off
        named = [("validation", each) for each in data.validation] + [("report", each) for each in data.report]
        for draw, each in split_off:
            named.append(("validation" if draw.config.validation else "report", each))
        known = {name for kind, each in named for name in (kind, each.name)}
        if unknown := set(only) - known:
            raise ConfigError(f"--only: the recipe has no held-out set {min(unknown)!r}; allowed: {sorted(known)}")
        chosen = [each for kind, each in named if not only or {kind, each.name} & set(only)]
        for _draw, each in split_off:
            if each in chosen and not Path(each.path).exists():
                raise ConfigError(
                    f"{each.path} does not exist; run `verso-train prepare {self.argument}` first, which splits "
                    "the held-out set off the recipe's sources"
                )
        return self.load(chosen)

    def validation_sets(self) -> list[TestSet]:
        """Those of the held-out sets that are to choose by; none if the recipe has none."""
        data = self.recipe.data
        to_choose_by = data.validation or any(each.validation for each in data.held_out)
        return self.test_sets(("validation",)) if to_choose_by else []

    @property
    def _split_off(self) -> list[tuple[Draw, TestSetConfig]]:
        """The sets that `prepare` splits off the sources, each by what it was drawn by."""
        sets = []
        for draw in self.recipe.data.draws:
            name, left, right = draw.config.name, draw.left, draw.right
            path = str(self.folder.held_out(left, right, name).resolve())
            sets.append((draw, TestSetConfig(name=name, left=left, right=right, path=path)))
        return sets

    def load(self, configs: Sequence[TestSetConfig]) -> list[TestSet]:
        """These held-out sets as texts, references lower-cased if that is all that the recipe's system can write."""
        recipe = self.recipe
        lower_case = recipe.tokenizer.lower_case
        return list(load_test_sets(configs, recipe.data.directions, self.data_root, lower_case=lower_case))

    def examples(self, tokenizer: Tokenizer) -> tuple[Examples, Examples]:
        """Training and validation examples as prepared."""
        data = self.recipe.data
        train, validation = (
            Examples(PackedPairs.load(path), data.pairs, tokenizer, data.task)
            for path in (self.folder.train, self.folder.validation)
        )
        return train, validation
