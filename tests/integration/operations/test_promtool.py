"""promtool approves of configuration, rules and metrics, and the alerts fire when they should; dashboards are whole."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from tests.integration.debian import binary
from tests.integration.operations.prometheus import CONFIG, DEPLOY
from tests.integration.service.server import Served

PROMETHEUS = DEPLOY / "prometheus"
RULES = sorted(PROMETHEUS.glob("rules/*.yml"))
ALERT_TESTS = PROMETHEUS / "tests" / "alerts_test.yml"
DASHBOARDS = sorted(DEPLOY.glob("grafana/dashboards/*.json"))


def promtool(*arguments: str, stdin: str = "") -> None:
    command = [binary("promtool", "prometheus"), *arguments]
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_configuration_and_its_rules_are_valid() -> None:
    promtool("check", "config", str(CONFIG))
    promtool("check", "rules", "--lint-fatal", *map(str, RULES))


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", str(ALERT_TESTS))


def test_the_metrics_follow_the_conventions(server: Served) -> None:
    promtool("check", "metrics", stdin=httpx.get(f"{server.url}/metrics").text)


def alerts() -> list[dict[str, dict[str, str]]]:
    groups = yaml.safe_load((PROMETHEUS / "rules" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_alert_is_tested_and_has_a_runbook() -> None:
    cases = yaml.safe_load(ALERT_TESTS.read_text())["tests"]
    fired = {each["alertname"] for case in cases for each in case["alert_rule_test"] if each["exp_alerts"]}
    assert fired == {str(alert["alert"]) for alert in alerts()}
    runbooks = {alert["annotations"]["runbook"] for alert in alerts()}
    folder = DEPLOY.parent / "docs" / "runbooks"
    assert runbooks == {f"docs/runbooks/{path.name}" for path in folder.iterdir()}
    for alert in alerts():
        text = (DEPLOY.parent / alert["annotations"]["runbook"]).read_text()
        assert str(alert["alert"]) in text.splitlines()[0]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_provisioned_and_lays_out(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    provisioned = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())
    sources = {source["uid"] for source in provisioned["datasources"]}
    taken: set[tuple[int, int]] = set()
    identities = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(identities)) == len(identities)
    for panel in dashboard["panels"]:
        grid = panel["gridPos"]
        columns, rows = range(grid["x"], grid["x"] + grid["w"]), range(grid["y"], grid["y"] + grid["h"])
        cells = {(x, y) for x in columns for y in rows}
        assert not cells & taken, panel["title"]
        assert grid["x"] + grid["w"] <= 24
        taken |= cells
        assert panel["type"] == "row" or {target["datasource"]["uid"] for target in panel["targets"]} <= sources
