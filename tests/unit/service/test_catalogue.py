"""Routing: direct, through the pivot, by name."""

from __future__ import annotations

import pytest

from service.catalogue import Catalogue
from service.errors import ModelNotFoundError, UnsupportedPairError
from tests.unit.service.fakes import model

EN_RU = model("en-ru", "ru-en", name="a")
EN_DE = model("en-de", "de-en", name="b", version="2")
BOTH = Catalogue((EN_RU, EN_DE))


def test_a_direct_pair_is_one_leg() -> None:
    (leg,) = BOTH.route("en", "de")
    assert (leg.model, leg.source, leg.target) == (EN_DE, "en", "de")


def test_a_pair_without_a_model_goes_through_the_pivot() -> None:
    assert [(leg.model.name, leg.source, leg.target) for leg in BOTH.route("ru", "de")] == [
        ("a", "ru", "en"),
        ("b", "en", "de"),
    ]
    with pytest.raises(UnsupportedPairError, match="ru-de is not a served pair; allowed: de-en, en-de, en-ru, ru-en"):
        Catalogue(BOTH.models, pivot="").route("ru", "de")


def test_languages_and_targets() -> None:
    assert BOTH.languages == ("de", "en", "ru")
    assert BOTH.targets("ru") == ("de", "en")
    assert BOTH.language("EN", "source") == "en"
    with pytest.raises(UnsupportedPairError, match="target: 'xx' is not a served language; allowed: de, en, ru"):
        BOTH.language("xx", "target")


def test_a_model_is_chosen_by_name_and_version() -> None:
    assert BOTH.route("en", "de", "b@2")[0].model is EN_DE
    assert BOTH.route("en", "en") == ()
    with pytest.raises(UnsupportedPairError, match="en-de is not a served pair; allowed: en-ru, ru-en"):
        BOTH.route("en", "de", "a")
    with pytest.raises(ModelNotFoundError, match="'b@1' is not loaded; allowed: a@1, b@2"):
        BOTH.route("en", "de", "b@1")
