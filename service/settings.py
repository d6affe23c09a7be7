"""What the operator sets: the only reader of the environment (VERSO_*)."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode, SettingsConfigDict

from model_store.errors import ConfigError
from service.cores import usable_cores
from service.decoding_settings import DecodingSettings

PREFIX = "VERSO_"

Count = Annotated[int, Field(ge=1)]
Threads = Annotated[int, Field(ge=1, le=1024)]
Seconds = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
# As a file has it: the line's end behind it, which no client could send, does not belong to it.
Secret = Annotated[str, StringConstraints(strip_whitespace=True)]
# As a browser sends it, in lower case and with nothing behind the port.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\sA-Z]+")
# The form of a code, as BCP 47 has it. Which languages there are depends on the bundles.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


class Settings(DecodingSettings):
    """Every setting is an environment variable of the same name with the prefix VERSO_; see docs/configuration.md."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", min_length=1, description="Address that `verso serve` listens on.")
    port: int = Field(
        5000, ge=0, le=65535, description="Port that `verso serve` listens on; 0 takes a free one, not with --ray."
    )
    models: str = Field(
        "", description="Folder or fsspec URL with bundles, as <name>/<version>/. Empty: the bundles that ship."
    )
    default_models: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Bundles to load, as comma-separated name or name@version. Empty: the newest version of each."
    )
    pivot_language: str = Field(
        "en", description="Language through which a pair goes that no bundle serves directly. Empty: none."
    )
    threads: Threads = Field(
        default_factory=usable_cores,
        description="CPU threads for tensor work. Default: all cores that the process may use.",
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        description="Where networks run: cpu, cuda, cuda:1, or auto: the first GPU if there is one, else the CPU.",
    )
    backend: Literal["auto", "eager", "int8", "cuda_graph"] = Field(
        "auto",
        description="How networks run: int8 (CPU), cuda_graph (GPU), eager (slow), or auto: the best that can.",
    )
    cuda_precision: Literal["float16", "bfloat16"] = Field(
        "float16",
        description="Numbers of cuda_graph. bfloat16: of any size, 8 bits; float16: up to 65,504, 11 bits.",
    )
    shortlist: Literal["auto", "off"] = Field(
        "auto",
        description="On a CPU, score only what a sentence may be translated by, where bundles have lists. off: all.",
    )
    decoder_processes: int = Field(
        0,
        ge=0,
        le=64,
        description="Processes that a model decodes in, on a CPU. 0: one a thread, at most 8, where its kernels are "
        "compiled; else 1.",
    )
    decoder_rows: int = Field(
        0,
        ge=0,
        description="Hypotheses that a process decodes at once, of a segment as many as its beam is wide; 0: 128 on a "
        "CPU, 2048 on a GPU.",
    )
    max_source_length: int = Field(
        1024,
        ge=8,
        le=4096,
        description="Longest segment in source tokens, whatever a bundle allows; it fixes the memory needed.",
    )
    max_model_bytes: int = Field(
        0, ge=0, description="Memory that all models together may take, in bytes, by estimate; 0: no limit."
    )
    watch_s: float = Field(
        0.0,
        ge=0.0,
        allow_inf_nan=False,
        description="Seconds between looks for newer versions in the store, which are then swapped to; 0: never.",
    )
    admin_key: Secret = Field(
        "", repr=False, description="Key of the admin API, /v1/admin. Empty: there is no admin API."
    )
    keys_file: str = Field("", description="File of API keys, which `verso keys` writes. Empty: there are none.")
    keys_required: bool = Field(
        False, description="Whether requests without an API key are refused, with 401; true or false."
    )
    anonymous_requests_per_minute: int = Field(
        0, ge=0, description="Requests without a key that one address may send in a minute; 0: no limit."
    )
    anonymous_characters_per_day: int = Field(
        0, ge=0, description="Characters that one address may have translated in a day without a key; 0: no limit."
    )
    quota_store: str = Field(
        "memory://",
        repr=False,
        description="Where rates and quotas are counted: memory://, or redis://host:6379 for several replicas.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Addresses or networks of proxies whose X-Forwarded-For and -Proto are believed, comma-separated.",
    )
    metrics_token: Secret = Field(
        "", repr=False, description="Bearer token without which /metrics is refused. Empty: anyone may read it."
    )
    traces_endpoint: str = Field(
        "", description="URL of a collector that takes traces as OTLP over HTTP (extra `tracing`). Empty: no traces."
    )
    traces_share: float = Field(
        1.0, ge=0.0, le=1.0, description="Share of the requests that are traced, of those whose client has not decided."
    )
    max_queued_segments: Count = Field(
        2000, description="Segments per model and priority that may wait; beyond that: 429."
    )
    max_queued_tokens: Count = Field(
        60_000, description="Source tokens per model and priority that may wait; beyond that: 429."
    )
    cache_entries: int = Field(10_000, ge=0, description="Exact results kept per model; 0 keeps none.")
    max_body_bytes: Count = Field(
        2_097_152, description="Largest request body, in bytes, but of a document; beyond that: 413."
    )
    body_timeout_s: Seconds = Field(
        30.0, description="Longest a request's body may take to arrive, in seconds; then: 408."
    )
    max_characters: Count = Field(
        100_000, description="Most characters in one request, over all texts; beyond that: 413."
    )
    max_texts: Count = Field(1000, description="Most texts in one request; beyond that: 413.")
    max_beam_size: int = Field(
        16, ge=1, le=32, description="Widest beam, and most hypotheses, a request may ask for; beyond that: 400."
    )
    request_timeout_s: Seconds = Field(120.0, description="Longest a request may take, in seconds; beyond that: 504.")
    libretranslate_wait_s: float = Field(
        15.0,
        ge=0.0,
        allow_inf_nan=False,
        description="Seconds that LibreTranslate's /translate and /translate_file wait for room in a full queue before "
        "a 429.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("*",),
        description="Web origins whose pages may ask LibreTranslate's paths, comma-separated; * is any. Empty: none.",
    )
    glossaries_file: str = Field(
        "", description="SQLite file that named glossaries are kept in. Empty: in memory, until the service ends."
    )
    suggestions_file: str = Field(
        "", description="File to which /suggest appends what users suggest, as JSON lines. Empty: 403."
    )
    max_suggestions_bytes: Count = Field(
        67_108_864, description="Largest size of that file, in bytes; beyond that: 403."
    )
    documents_file: str = Field(
        "", description="SQLite file in which /v1/documents keeps its jobs over a restart. Empty: in memory."
    )
    max_document_bytes: Count = Field(10_485_760, description="Largest document, in bytes; beyond that: 413.")
    max_document_characters: Count = Field(
        1_000_000, description="Most characters to translate in one document; beyond that: 413."
    )
    max_documents: Count = Field(100, description="Documents that are kept at once; beyond that: 429.")
    max_documents_per_client: Count = Field(
        20,
        description="Documents of one key, or of one address without a key, that are kept at once; beyond that: 429.",
    )
    document_kept_s: Seconds = Field(
        86_400.0, description="How long a document is kept after it has come, and again after it is done, in seconds."
    )
    ray_address: str = Field(
        "", description="Address of the Ray cluster of `verso ... --ray`. Empty: RAY_ADDRESS, or a new one here."
    )
    ray_min_replicas: Count = Field(1, description="Fewest replicas, or translating actors, in a Ray cluster.")
    ray_max_replicas: Count = Field(4, description="Most replicas, or translating actors, in a Ray cluster.")
    ray_replica_gpus: float = Field(
        0.0, ge=0.0, allow_inf_nan=False, description="GPUs that a Ray cluster reserves for each replica."
    )
    ray_segments_per_replica: Count = Field(
        32, description="Segments, running or waiting, beyond which a Ray cluster adds a replica."
    )
    keep_alive_s: Count = Field(
        75,
        description="How long a connection waits for a next request, in seconds: longer than a proxy keeps it.",
    )
    drain_s: Seconds = Field(30.0, description="After SIGTERM, longest wait for accepted requests, in seconds.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important log lines that are written: debug, info, warning or error."
    )

    @field_validator("trusted_proxies", "default_models", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("pivot_language")
    @classmethod
    def _is_language(cls, code: str) -> str:
        if code and not _LANGUAGE.fullmatch(code):
            raise PydanticCustomError(
                "language", "not a language code; allowed: such as en and pt-BR, or empty for none"
            )
        return code

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                message = "{error}; allowed: IP addresses, and networks such as 10.0.0.0/8"
                raise PydanticCustomError("proxies", message, {"error": str(error)}) from error
        return proxies

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                message = "{origin} is no origin; allowed: *, and such as https://page.example:8080"
                raise PydanticCustomError("origins", message, {"origin": repr(origin)})
        return origins

    @field_validator("traces_endpoint")
    @classmethod
    def _is_http(cls, endpoint: str) -> str:
        if endpoint and not re.match(r"https?://[^/\s]", endpoint):
            raise PydanticCustomError("endpoint", "not a URL of HTTP; allowed: such as http://collector:4318/v1/traces")
        return endpoint


# What the commands say to a server that asks for a key; no setting of the service.
CLIENT_KEY = f"{PREFIX}API_KEY"


def client_key() -> str | None:
    """The API key that the command line has for `--server`; None without one."""
    return os.environ.get(CLIENT_KEY) or None


def read_settings(*, host: str | None = None, port: int | None = None) -> Settings:
    """The settings that the environment makes, with host and port as given here instead.

    Raises:
        ConfigError: a value is outside what is allowed, or a VERSO_ variable that does not exist (a typing error).
    """
    names = set(map(_variable, Settings.model_fields))
    known = names | {CLIENT_KEY}
    unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise ConfigError(f"environment: {', '.join(unknown)} does not exist; there are {', '.join(sorted(names))}")
    try:
        given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
        return Settings.model_validate(Settings().model_dump() | given) if given else Settings()
    except ValidationError as error:
        raise ConfigError.from_validation("environment", error, _variable) from error


def _variable(field: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{field}".upper()
