"""Language codes of corpora."""

from __future__ import annotations

import pytest

from training.corpora.language import speaks


@pytest.mark.parametrize(
    ("stated", "wanted", "same"),
    [
        ("en", "en", True),
        ("EN-us", "en", True),
        ("ru_RU.UTF-8", "ru", True),
        ("sr@latin", "sr", True),
        ("pt_BR", "pt-BR", True),
        ("zh-Hant-TW", "zh-Hant", True),
        ("en", "en-US", False),
        ("pt-PT", "pt-BR", False),
        ("eng", "en", False),
        ("", "en", False),
    ],
)
def test_a_variant_speaks_its_language_and_not_the_other_way_round(stated: str, wanted: str, same: bool) -> None:
    assert speaks(stated, wanted) is same
