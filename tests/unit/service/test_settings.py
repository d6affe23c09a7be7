"""Settings: read from the environment, refused by name, documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model_store.errors import ConfigError
from service.settings import PREFIX, Settings, read_settings

DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    field = Settings.model_fields[name]
    row = next(
        (line for line in DOCUMENT.read_text().splitlines() if line.startswith(f"| `{PREFIX}{name.upper()}`")), ""
    )
    assert field.description
    assert field.description in row
    if field.default_factory is None and field.default not in (None, "", ()):
        default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        assert f"`{default}`" in row


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_bounds_are_documented(name: str) -> None:
    bounds: dict[str, float] = {}
    for each in Settings.model_fields[name].metadata:
        bounds |= {bound: getattr(each, bound) for bound in ("ge", "le") if hasattr(each, bound)}
    if "le" in bounds:
        assert f"`{PREFIX}{name.upper()}` {bounds['ge']:g} to {bounds['le']:.0f}" in DOCUMENT.read_text()


def test_nothing_else_is_documented() -> None:
    documented = set(re.findall(rf"^\| `{PREFIX}(\w+)`", DOCUMENT.read_text(), re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSO_PORT", "8080")
    monkeypatch.setenv("VERSO_DEFAULT_MODELS", "a, b@2,")
    settings = read_settings()
    assert settings.port == 8080
    assert settings.default_models == ("a", "b@2")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("VERSO_PORT", "70000", "environment: VERSO_PORT: .*65535.*70000"),
        ("VERSO_PIVOT_LANGUAGE", "english", "VERSO_PIVOT_LANGUAGE: not a language code; allowed: .*en.*got 'english'"),
        ("VERSO_PIVOT_LANGUAGE", "en,de", "VERSO_PIVOT_LANGUAGE: .*allowed"),
        ("VERSO_PIVOT_LANGUAGE", "en-", "VERSO_PIVOT_LANGUAGE: .*allowed"),
        ("VERSO_DRAIN_S", "inf", "VERSO_DRAIN_S: "),
        ("VERSO_CUDA_PRECISION", "float32", "VERSO_CUDA_PRECISION: .*'float16' or 'bfloat16'"),
        ("VERSO_LOG_LEVEL", "loud", "VERSO_LOG_LEVEL: .*'debug'"),
        ("VERSO_HORIZON", "1000001", "VERSO_HORIZON: .* less than or equal to 1000000 .*'1000001'"),
        ("VERSO_THREADS", "1000000", "VERSO_THREADS: .* less than or equal to 1024 .*'1000000'"),
        ("VERSO_NO_REPEAT_NGRAM", "33", "VERSO_NO_REPEAT_NGRAM: .* less than or equal to 32 .*'33'"),
        ("VERSO_TRUSTED_PROXIES", "10.0.0.1, proxy", "VERSO_TRUSTED_PROXIES: 'proxy' .*allowed: IP addresses"),
        ("VERSO_TRUSTED_PROXIES", "10.0.0.1/8", "VERSO_TRUSTED_PROXIES: .*10.0.0.1/8 has host bits set"),
        ("VERSO_TRUSTED_PROXIES", "*", "VERSO_TRUSTED_PROXIES: .*allowed"),
        ("VERSO_CORS_ORIGINS", "page.example", "VERSO_CORS_ORIGINS: 'page.example' is no origin; allowed: .*https://"),
        ("VERSO_CORS_ORIGINS", "https://page.example/", "VERSO_CORS_ORIGINS"),
        ("VERSO_CORS_ORIGINS", "https://Page.example", "VERSO_CORS_ORIGINS"),
        ("VERSO_TRACES_ENDPOINT", "collector:4318", "VERSO_TRACES_ENDPOINT: .*allowed: .*got 'collector:4318'"),
        ("VERSO_PROT", "1", "VERSO_PROT does not exist; there are .*VERSO_PORT"),
    ],
)
def test_bad_values_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=message):
        read_settings()


def test_what_a_list_may_have_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSO_TRUSTED_PROXIES", "10.0.0.1,::1, 192.168.0.0/16,fd00::/8")
    monkeypatch.setenv("VERSO_CORS_ORIGINS", "*,https://page.example:8443, moz-extension://0a-b")
    settings = read_settings()
    assert settings.trusted_proxies == ("10.0.0.1", "::1", "192.168.0.0/16", "fd00::/8")
    assert settings.cors_origins == ("*", "https://page.example:8443", "moz-extension://0a-b")


@pytest.mark.parametrize("code", ["", "en", "EN", "yue", "zh-Hant", "pt_BR", "sr-Latn-RS"])
def test_a_pivot_is_named_as_languages_are_or_left_empty(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setenv("VERSO_PIVOT_LANGUAGE", code)
    assert read_settings().pivot_language == code
