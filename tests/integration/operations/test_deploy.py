"""Dockerfile, compose file and manifests: valid by schema and linter, locked down, and true to the settings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose

from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[3]
MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yml"))
KUBERNETES = "1.31"
VARIABLES = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}


def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_the_compose_file_follows_the_compose_specification() -> None:
    # Anchors are resolved first, as Docker does; the parser knows none.
    services = PyCompose.from_json(json.dumps(compose())).service_names()
    assert set(services) == {"verso", "verso-gpu", "prometheus", "grafana"}
    broken = compose() | {"services": {"verso": {"image": "verso", "reed_only": True}}}
    with pytest.raises(Exception, match="reed_only"):
        PyCompose.from_json(json.dumps(broken))


@pytest.mark.parametrize("name", ["verso", "verso-gpu", "prometheus", "grafana"])
def test_every_container_is_locked_down_bounded_and_watched(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all("127.0.0.1" in port for port in service["ports"])


def test_compose_and_manifests_set_only_settings_that_exist() -> None:
    environment = set(compose()["services"]["verso"]["environment"])
    container = deployment()["spec"]["template"]["spec"]["containers"][0]
    environment |= {each["name"] for each in container["env"]}
    assert environment - VARIABLES == {"XDG_CACHE_HOME"}, "where kernels are kept, which is no setting of ours"


def test_process_1_of_a_container_is_one_that_waits_for_orphans() -> None:
    assert all(compose()["services"][name]["init"] is True for name in ("verso", "verso-gpu"))
    assert deployment()["spec"]["template"]["spec"]["shareProcessNamespace"] is True


def test_what_stops_a_container_waits_for_draining() -> None:
    service = compose()["services"]["verso"]
    assert float(service["stop_grace_period"].removesuffix("s")) > float(service["environment"]["VERSO_DRAIN_S"])
    pod = deployment()["spec"]["template"]["spec"]
    environment = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    before = float(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > float(environment["VERSO_DRAIN_S"]) + before


def test_mounted_files_are_there() -> None:
    for service in compose()["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.partition(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in compose()["volumes"]


def test_the_linter_has_nothing_against_the_dockerfile() -> None:
    command = [str(Path(sys.executable).parent / "hadolint"), str(ROOT / "deploy" / "Dockerfile")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_image_runs_as_nobody_and_is_built_of_what_the_build_may_see() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert sum(line.startswith("FROM ") for line in lines) == 2
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert {name for names in copied for name in names} == allowed
    assert all((ROOT / name).exists() for name in allowed)
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {path.parent.name for pattern in patterns for path in ROOT.glob(f"{pattern}/__init__.py")}
    assert packages <= allowed, "a package is left out"


def test_the_image_asks_for_extras_that_there_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = re.findall(r"'\.\[([\w,]+)\]'", (ROOT / "deploy" / "Dockerfile").read_text())
    assert found
    assert {extra for each in found for extra in each.split(",")} <= set(project["optional-dependencies"])


def deployment() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "deployment.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_follows_the_schema_of_kubernetes(path: Path) -> None:
    manifest = yaml.safe_load(path.read_text())
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest | {"specc": {}}, KUBERNETES, strict=True)


def test_kubernetes_sets_no_variables_that_the_service_would_take_for_settings() -> None:
    # It tells containers of every Service of their namespace: of one called verso by VERSO_PORT=tcp://10.96.0.9:80.
    assert deployment()["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_the_manifests_fit_together() -> None:
    by_kind = {manifest["kind"]: manifest for manifest in (yaml.safe_load(path.read_text()) for path in MANIFESTS)}
    assert set(by_kind) == {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
    labels = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert by_kind["Service"]["spec"]["selector"] == labels
    assert by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    target = by_kind["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", by_kind["Deployment"]["metadata"]["name"])
    [container] = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["readinessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert by_kind["Service"]["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
