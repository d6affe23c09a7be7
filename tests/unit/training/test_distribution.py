"""However many processes share an update, each example is learned from once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from lightning_fabric import Fabric

from training.distribution import share

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
