"""The loss of an example and of a set: of its target tokens, without dropout, however the set is cut into batches."""

from __future__ import annotations

import pytest
import torch

from model_store.network.seq2seq import Seq2Seq
from tests.unit.training.tiny import examples, recipe
from training.teacher_forcing import mean_loss, token_nats


@pytest.mark.parametrize("batch_tokens", [16, 1000])
def test_it_is_the_mean_over_all_target_tokens(batch_tokens: int) -> None:
    torch.manual_seed(0)
    network = Seq2Seq(recipe(network={"dropout": 0.5}).network)
    pairs = examples(9)
    device = torch.device("cpu")
    each = []
    with torch.no_grad():
        for number in range(len(pairs)):
            batch = pairs.batch([number])
            readouts = network.eval()(batch.source, batch.source_lengths, batch.target_in)[0]
            log_probs = network.projection(readouts).log_softmax(dim=1)
            each.append([-float(log_probs[place, token]) for place, token in enumerate(batch.target_out[0])])
    network.train()
    found = token_nats(network, pairs, batch_tokens=batch_tokens, device=device)
    assert found == pytest.approx([sum(one) / len(one) for one in each], rel=1e-5)
    losses = [loss for one in each for loss in one]
    mean = mean_loss(network, pairs, batch_tokens=batch_tokens, device=device)
    assert mean == pytest.approx(sum(losses) / len(losses), rel=1e-5)
