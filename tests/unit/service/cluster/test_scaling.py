"""How many replicas, one /metrics for all of them, and what the command line says; without Ray."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from service.cli import app as cli
from service.cluster.merged_metrics import merged
from service.cluster.scaling import SegmentsInHand, wanted_replicas
from tests.unit.service.api.client import app_of, get


@pytest.mark.parametrize(
    ("segments", "wanted"),
    [([], 1), ([0, 0, 0], 1), ([32], 1), ([33], 2), ([32, 32], 2), ([100, 0], 4), ([0.4], 1), ([500, 500, 24], 32)],
)
def test_as_many_replicas_as_have_their_slots_full(segments: list[float], wanted: int) -> None:
    assert wanted_replicas(segments, 32) == wanted
    context = SimpleNamespace(aggregated_metrics={"segments": dict(enumerate(segments))})
    assert SegmentsInHand(32)(cast(Any, context)) == (wanted, {})


def test_before_any_replica_has_told_there_is_to_be_one() -> None:
    nothing: list[dict[str, Any] | None] = [None, {}]
    for told in nothing:
        assert SegmentsInHand(1)(cast(Any, SimpleNamespace(aggregated_metrics=told))) == (1, {})


def test_metrics_of_replicas_are_told_apart_and_none_is_lost() -> None:
    texts = {name: get(app_of(), "/metrics").text for name in ("a", "b")}
    found = {"a": 0, "b": 0}
    for family in text_string_to_metric_families(merged(texts).decode()):
        for sample in family.samples:
            found[sample.labels.pop("replica")] += 1
            assert family.documentation
    for name, text in texts.items():
        assert found[name] == sum(len(family.samples) for family in text_string_to_metric_families(text)) > 100


@pytest.mark.parametrize("command", [["serve", "--ray"], ["translate", "--ray", "--text", "a"]])
def test_without_the_extra_the_command_says_which(monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    ours = ("ray.", "service.cluster.bulk", "service.cluster.deployment")
    for name in [name for name in sys.modules if name == "ray" or name.startswith(ours)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 2
    assert "pip install '.[ray]', in the folder of Verso's sources" in result.output


@pytest.mark.parametrize("beside", [["--server", "http://localhost"], ["guide.md"], ["--format", "document", "a.txt"]])
def test_a_cluster_takes_neither_documents_nor_what_is_for_a_server(beside: list[str]) -> None:
    result = CliRunner().invoke(cli, ["translate", "--ray", *beside])
    assert result.exit_code == 2
    assert result.output.startswith("verso: --ray: neither with --server nor with a document; allowed:")
