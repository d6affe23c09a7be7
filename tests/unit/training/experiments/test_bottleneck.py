"""The copying task of the bottleneck experiment: its texts, and what counts as copied."""

from __future__ import annotations

import pytest
import torch

from training.experiments import bottleneck
from training.experiments.bottleneck import EOS, FIRST_LETTER, VOCABULARY, share_copied, texts, train


def test_texts_are_letters_and_eos() -> None:
    drawn = texts(50, 6, torch.Generator().manual_seed(0))
    assert drawn.shape == (50, 7)
    assert set(drawn[:, 6].tolist()) == {EOS}
    assert FIRST_LETTER <= int(drawn[:, :6].min()) < int(drawn[:, :6].max()) < VOCABULARY


def test_nothing_is_copied_untrained_and_short_texts_are_when_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bottleneck, "LONGEST", 3)
    assert share_copied(train("general", 1), 3) == 0
    assert share_copied(train("general", 500), 3) > 0.9
