"""However many processes share an update, each example is learned from once."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from training import distribution
from training.config import Precision, TrainerConfig
from training.distribution import open_fabric, share

BATCHES = [np.arange(0, 5), np.arange(5, 6), np.arange(6, 8), np.arange(8, 15)]


@pytest.mark.parametrize("world", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_each_example_is_one_processs_and_all_have_equally_many_batches(count: int, world: int) -> None:
    batches = BATCHES[:count]
    shares = [
        share(cast("Fabric", SimpleNamespace(global_rank=rank, world_size=world)), batches) for rank in range(world)
    ]
    assert len({len(each) for each in shares}) == 1
    examples = [int(example) for each in shares for part in each for example in part]
    assert sorted(examples) == list(range(sum(map(len, batches))))


def test_batches_that_come_out_even_stay_whole() -> None:
    first = share(cast("Fabric", SimpleNamespace(global_rank=0, world_size=2)), BATCHES)
    assert [list(batch) for batch in first] == [list(BATCHES[0]), list(BATCHES[2])]


@pytest.mark.skipif(torch.cuda.is_available(), reason="what a processor has counts for nothing beside a GPU")
@pytest.mark.parametrize(
    ("asked", "has_bfloat16", "used"),
    [("bf16-mixed", False, "32-true"), ("bf16-mixed", True, "bf16-mixed"), ("32-true", False, "32-true")],
)
def test_bfloat16_is_float32_where_a_processor_has_none_and_a_line_says_so(
    asked: Precision,
    has_bfloat16: bool,
    used: Precision,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(distribution, "processor_has_bfloat16", lambda: has_bfloat16)
    with caplog.at_level(logging.WARNING):
        fabric = open_fabric(TrainerConfig(precision=asked))
    assert fabric.strategy.precision.precision == used
    assert ("'bf16-mixed' is computed as '32-true'" in caplog.text) == (used != asked)
