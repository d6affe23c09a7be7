"""Routing: direct, through the pivot, by name."""

from __future__ import annotations

import pytest

from service.catalogue import Canary, Catalogue
from service.errors import InvalidRequestError, ModelNotFoundError, UnsupportedLanguageError, UnsupportedPairError
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
    with pytest.raises(UnsupportedPairError, match="ru-de is not a served pair"):
        Catalogue(BOTH.models, pivot="xx").route("ru", "de")


@pytest.mark.parametrize("pivot", ["EN", "en-US", "en_GB"])
def test_the_pivot_is_named_in_any_case_and_with_a_region_as_languages_of_requests_are(pivot: str) -> None:
    assert Catalogue(BOTH.models, pivot=pivot).route("ru", "de") == BOTH.route("ru", "de")


def test_languages_and_targets() -> None:
    assert BOTH.languages == ("de", "en", "ru")
    assert BOTH.targets("ru") == ("de", "en")
    assert BOTH.language("EN", "source") == "en"
    with pytest.raises(UnsupportedLanguageError, match="target: 'xx' is not a served language; allowed: de, en, ru"):
        BOTH.language("xx", "target")


def test_a_model_is_chosen_by_name_and_version() -> None:
    assert BOTH.for_request(["x"], "b@2").route("en", "de")[0].model is EN_DE
    assert BOTH.route("en", "en") == ()
    with pytest.raises(UnsupportedPairError, match="en-ru is not a served pair; allowed: de-en, en-de"):
        BOTH.for_request(["x"], "b").route("en", "ru")
    with pytest.raises(InvalidRequestError, match="model: 'b@2' is asked at /v1/translate"):
        BOTH.for_request(["x"], "b", "summarize")
    for unknown in ("b@1", "c", "b@canary", ""):
        with pytest.raises(ModelNotFoundError, match=f"'{unknown}' is not loaded; allowed: a@1, b@2"):
            BOTH.for_request(["x"], unknown)


NEW, OLD = model("en-ru", "ru-en", name="a", version="2"), model("en-ru", name="a", version="0.9")
WITH_CANARY = Catalogue((EN_RU, EN_DE), canaries=(Canary(NEW, 0.25),), others=(OLD,))
TEXTS = [[f"text {number}"] for number in range(2000)]


def test_a_canary_gets_its_share_and_always_the_same_texts() -> None:
    taken = [texts for texts in TEXTS if WITH_CANARY.for_request(texts).models == (NEW, EN_DE)]
    assert len(taken) == pytest.approx(0.25 * len(TEXTS), rel=0.15)
    for texts in TEXTS:
        expected = NEW if texts in taken else EN_RU
        assert WITH_CANARY.for_request(texts, "a").models == (expected,)
        assert WITH_CANARY.for_request(texts).models == (expected, EN_DE)
    wider = Catalogue((EN_RU, EN_DE), canaries=(Canary(NEW, 0.5),))
    assert all(wider.for_request(texts).models[0] is NEW for texts in taken), "a growing share moves nobody back"
    all_of_it = Catalogue((EN_RU,), canaries=(Canary(NEW, 1.0),))
    assert all(all_of_it.for_request(texts).models == (NEW,) for texts in TEXTS)


def test_aliases_and_versions_reach_what_is_loaded_whatever_the_share() -> None:
    for texts in TEXTS[:50]:
        for reference, expected in (
            ("a@default", EN_RU),
            ("a@1", EN_RU),
            ("a@canary", NEW),
            ("a@2", NEW),
            ("a@0.9", OLD),
        ):
            assert WITH_CANARY.for_request(texts, reference).models == (expected,)
    with pytest.raises(ModelNotFoundError, match=r"'a@3' is not loaded; allowed: a@1, b@2, a@2, a@0\.9"):
        WITH_CANARY.for_request(["x"], "a@3")
