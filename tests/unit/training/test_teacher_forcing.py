"""The mean loss of a set: that of each target token by itself, without dropout, however the set is cut into batches."""

from __future__ import annotations

import pytest
import torch

from model_store.network.seq2seq import Seq2Seq
from tests.unit.training.tiny import examples, recipe
from training.teacher_forcing import mean_loss


@pytest.mark.parametrize("batch_tokens", [16, 1000])
def test_it_is_the_mean_over_all_target_tokens(batch_tokens: int) -> None:
    torch.manual_seed(0)
    network = Seq2Seq(recipe(network={"dropout": 0.5}).network)
    pairs = examples(9)
    found = mean_loss(network, pairs, batch_tokens=batch_tokens, device=torch.device("cpu"))
    losses = []
    with torch.no_grad():
        for number in range(len(pairs)):
            batch = pairs.batch([number])
            readouts = network.eval()(batch.source, batch.source_lengths, batch.target_in)[0]
            log_probs = network.projection(readouts).log_softmax(dim=1)
            losses += [-float(log_probs[place, token]) for place, token in enumerate(batch.target_out[0])]
    assert found == pytest.approx(sum(losses) / len(losses), rel=1e-5)
