"""Translations in a bundle: they come back as they were, and nonsense is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from model_store.errors import BundleCorruptError
from model_store.translations import Translations, pack_translations, unpack_translations

ONE = Translations(np.array([1, 4]), np.array([0, 2, 2, 3, 3, 3]), np.array([3, 4, 0]))


def test_they_come_back_in_few_bytes() -> None:
    content = pack_translations({"pt-BR": ONE, "ru": ONE})
    assert content == pack_translations({"ru": ONE, "pt-BR": ONE})
    found = unpack_translations(content, vocabulary=5)
    assert list(found) == ["pt-BR", "ru"]
    for each in found.values():
        for field in ("common", "offsets", "ids"):
            assert getattr(each, field).tolist() == getattr(ONE, field).tolist()
            assert getattr(each, field).dtype == np.int64
    assert [found["ru"].of(token).tolist() for token in range(5)] == [[3, 4], [], [0], [], []]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offsets": [0, 2, 2, 3, 3]}, "ru.offsets: they are not those of 5 tokens"),
        ({"offsets": [0, 2, 1, 3, 3, 3]}, "ru.offsets"),
        ({"offsets": [0, 2, 2, 3, 3, 4]}, "ru.offsets"),
        ({"offsets": [1, 2, 2, 3, 3, 3]}, "ru.offsets"),
        ({"ids": [3, 5, 0]}, "ru: an id is not below 5"),
        ({"common": [1, 5]}, "ru: an id is not below 5"),
        ({"common": None}, r"ru\.common is missing"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any], message: str) -> None:
    fields = {"common": [1, 4], "offsets": [0, 2, 2, 3, 3, 3], "ids": [3, 4, 0], **changes}
    tensors = {f"ru.{name}": np.array(values, np.uint16) for name, values in fields.items() if values is not None}
    with pytest.raises(BundleCorruptError, match=message):
        unpack_translations(safetensors.numpy.save(tensors), vocabulary=5)


def test_what_is_no_safetensors_is_refused() -> None:
    with pytest.raises(BundleCorruptError, match="not safetensors"):
        unpack_translations(b"x" * 40, vocabulary=5)
