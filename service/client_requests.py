"""What the client sends: each request once, for the sync and the async one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import quote

from service.errors import InputError


@dataclass(frozen=True)
class Ask:
    """One request: what is sent where. file: the name and content of a document, whose fields are then `fields`."""

    method: str
    path: str
    body: dict[str, object] | None = None
    file: tuple[str, bytes] | None = None
    fields: dict[str, str] | None = None


class TranslateOptions(TypedDict, total=False):
    """What may be said of a translation. model: "name" or "name@version". n_best: translations, the best included.
    format: "text" or "html". formality: "default", "formal" or "informal". prefix: what the translation of the one
    text begins with. glossary: terms and their translations, or the name of a kept glossary."""

    model: str | None
    n_best: int
    format: str
    formality: str
    prefix: str
    glossary: str | Mapping[str, str]


def translation(
    texts: Sequence[str], source: str, target: str, options: TranslateOptions, *, stream: bool = False
) -> Ask:
    """POST /v1/translate."""
    body: dict[str, object] = {"text": list(texts), "source": source, "target": target}
    body |= {name: value for name, value in options.items() if name not in ("n_best", "glossary") and value is not None}
    body["options"] = {"n_best": options.get("n_best", 1)}
    if (glossary := options.get("glossary")) is not None:
        body["glossary"] = (
            glossary
            if isinstance(glossary, str)
            else [{"source": term, "target": target} for term, target in glossary.items()]
        )
    return Ask("POST", "/v1/translate", body | {"stream": True} if stream else body)


def generation(texts: Sequence[str], model: str, language: str | None) -> Ask:
    """POST /v1/generate."""
    return Ask("POST", "/v1/generate", {"text": list(texts), "model": model, "language": language})


def summary(texts: Sequence[str], language: str, *, model: str | None, lines: bool) -> Ask:
    """POST /v1/summarize."""
    body: dict[str, object] = {"text": list(texts), "language": language, "format": "lines" if lines else "line"}
    return Ask("POST", "/v1/summarize", body if model is None else body | {"model": model})


def detection(text: str) -> Ask:
    """POST /detect."""
    return Ask("POST", "/detect", {"q": text})


def upload(name: str, content: bytes, source: str, target: str, *, model: str | None) -> Ask:
    """POST /v1/documents."""
    fields = {"source": source, "target": target}
    fields |= {} if model is None else {"model": model}
    return Ask("POST", "/v1/documents", file=(name, content), fields=fields)


def document(method: str, document_id: str, part: str = "") -> Ask:
    """Of a document: its state, its download, its end."""
    return Ask(method, f"/v1/documents/{quote(document_id, safe='')}{part}")


def files(ask: Ask) -> dict[str, tuple[str, bytes]] | None:
    """What is uploaded, as httpx takes it."""
    return None if ask.file is None else {"file": ask.file}


def headers(api_key: str | None) -> dict[str, str]:
    """What every request says. White space around a key, as files have it at their end, is no part of it, and an empty
    one is none. Raises InputError, without the key, for what can be none."""
    key = (api_key or "").strip()
    if not key:
        return {}
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InputError("api_key: it has a space, a control character or a letter beyond ASCII in it, as no key has")
    return {"Authorization": f"Bearer {key}"}


LANGUAGES = Ask("GET", "/languages")
MODELS = Ask("GET", "/v1/models")
