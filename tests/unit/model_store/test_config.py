"""What a network's configuration refuses and says; that it survives JSON; how long a target may get."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from model_store.config import DecodingConfig, EncoderConfig, NetworkConfig
from model_store.errors import ConfigError
from tests.unit.model_store.network.configurations import CONFIGURATIONS, config_id


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"decoder": {"direction": "bidirectional"}},
            r"decoder\.direction: 'bidirectional' cannot generate.*'forward'",
        ),
        ({"decoder": {"direction": "reversed"}}, r"decoder\.direction: 'reversed' cannot generate.*'forward'"),
        ({"hidden": 5, "encoder": {"direction": "bidirectional"}}, "hidden: 5 must be even"),
        ({"attention": "none", "decoder": {"input_feeding": True}}, r"decoder\.input_feeding: .*attention 'none'"),
        (
            {"attention": "none", "embedding_window": 1},
            "embedding_window: 1, but nothing attends with attention 'none'",
        ),
        ({"embedding_window": 2}, "embedding_window: 2 has no middle; allowed: 0 for none, or an odd number"),
        ({"embedding_window": 17}, r"embedding_window\n.*less than or equal to 15"),
        (
            {"encoder": {"kind": "self_attention", "direction": "forward"}},
            r"encoder\.direction: self-attention .* no direction",
        ),
        (
            {"hidden": 10, "encoder": {"kind": "self_attention", "heads": 4}},
            r"hidden: 10 must be a multiple of encoder\.heads \(4\)",
        ),
        ({"attentoin": "dot"}, r"attentoin\n.*Extra inputs are not permitted"),
        ({"encoder": {"depth": 2}}, r"encoder\.depth\n.*Extra inputs are not permitted"),
        ({"dropout": 1.0}, r"dropout\n.*less than 1"),
        ({"dropout": -0.1}, r"dropout\n.*greater than or equal to 0"),
        ({"dropout": float("nan")}, r"dropout\n"),
        ({"cell": "elman"}, r"cell\n.*'rnn', 'gru' or 'lstm'"),
        ({"attention": "cosine"}, r"attention\n.*'none', 'mean', 'positional'"),
        ({"encoder": {"direction": "up"}}, r"encoder\.direction\n.*'reversed', 'forward' or 'bidirectional'"),
        ({"layers": 0}, r"layers\n.*greater than or equal to 1"),
        ({"hidden": 9000}, r"hidden\n.*less than or equal to 8192"),
        ({"embedding": 0}, r"embedding\n.*greater than or equal to 1"),
        ({"positions": 0}, r"positions\n.*greater than or equal to 1"),
        ({"vocabulary": 3}, r"vocabulary\n.*greater than or equal to 4"),
    ],
)
def test_refuses_what_makes_no_sense_and_names_it(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NetworkConfig.model_validate({"vocabulary": 100, **fields})


def test_a_refusal_as_an_error_of_this_project_names_field_and_value() -> None:
    with pytest.raises(ValidationError) as refusal:
        NetworkConfig.model_validate({"dropout": 2.0})
    error = ConfigError.from_validation("manifest.json", refusal.value)
    assert "vocabulary: Field required" in str(error)
    assert "dropout: Input should be less than 1 (got 2.0)" in str(error)


@pytest.mark.parametrize("config", CONFIGURATIONS[::13], ids=config_id)
def test_survives_json(config: NetworkConfig) -> None:
    assert NetworkConfig.model_validate_json(config.model_dump_json()) == config


def test_values_never_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        NetworkConfig(vocabulary=9).hidden = 3  # type: ignore[misc]


def test_the_defaults_are_the_reference_network() -> None:
    config = NetworkConfig(vocabulary=16_000)
    assert (config.cell, config.layers, config.hidden, config.embedding) == ("lstm", 4, 1000, 1000)
    assert (config.encoder.direction, config.attention, config.decoder.input_feeding) == ("reversed", "general", False)
    assert (config.tied_embeddings, config.residual, config.dropout) == (True, False, 0.2)


def test_the_readout_is_as_wide_as_what_projects_it() -> None:
    wide = NetworkConfig(vocabulary=9, hidden=6, embedding=4)
    assert wide.readout == 4
    assert wide.model_copy(update={"tied_embeddings": False}).readout == 6


def test_only_a_table_of_positions_bounds_lengths() -> None:
    assert not NetworkConfig(vocabulary=9).bounded_positions
    assert NetworkConfig(vocabulary=9, attention="positional").bounded_positions
    assert NetworkConfig(vocabulary=9, encoder=EncoderConfig(kind="self_attention")).bounded_positions


def test_a_target_may_grow_with_its_source() -> None:
    assert DecodingConfig().max_length(7) == 2 * 7 + 10
    assert DecodingConfig(max_length_factor=0.5, max_length_offset=1).max_length(5) == 3
