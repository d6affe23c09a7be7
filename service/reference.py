"""docs/api.md from the OpenAPI document: `make docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from service.api.error_handlers import statuses
from service.app import create_app
from service.pipeline.translation import WarningName
from service.settings import Settings

_INTRODUCTION = """\
# API

Written by `make docs` from what a running server says at `/openapi.json`; `/docs` there is the same to try out. Bodies
are JSON where nothing else is said. Errors of `/v1` are `{"error": {"type", "message", "field"}}`, those of
LibreTranslate's paths `{"error": "message"}`; the message names the field, the value and what is allowed. Every answer
has an `X-Request-ID`, taken from the request if it sends one. [libretranslate.md](libretranslate.md) says what
LibreTranslate's clients find.
"""
# What a client is to make of each type of error.
ERROR_TYPES = {
    "conflict": "The models cannot be changed in that way now, or the document is not translated yet.",
    "deadline_exceeded": "Not finished within `timeout_s`, or within `VERSO_REQUEST_TIMEOUT_S`.",
    "forbidden": "The operator has not turned it on, or no more glossaries or suggestions are kept.",
    "internal": "The decoder failed, or the service has a fault. The log says more.",
    "invalid_request": "A field is outside what is allowed, or the body cannot be read.",
    "method_not_allowed": "The path takes other methods, those of the header `Allow`.",
    "not_found": "There is no such path, model, document or glossary, or it is another key's.",
    "overloaded": "The queue is full, or what waits is more than can be done in time. `Retry-After`.",
    "quota_exceeded": "The requests of the minute or the characters of the day are used up. `Retry-After`.",
    "timeout": "The body did not come to its end within `VERSO_BODY_TIMEOUT_S`.",
    "too_large": "More text, or a larger body, than is taken at once.",
    "too_many_documents": "No more documents are kept, of this client or in all. `Retry-After`.",
    "unauthorized": "Not a key of this service, or none where one is required.",
    "unavailable": "Loading, shutting down, or something that is needed fails just now. `Retry-After`.",
    "unsupported_pair": "No loaded model serves the language or the pair.",
    "unusable_bundle": "The bundle is not whole, or of a format that is not read.",
}
# What each warning tells whoever reads the translation or the summary.
WARNING_MEANINGS: dict[WarningName, str] = {
    "truncated": "It was not translated to its end: the translation became too long.",
    "placeholder_lost": "A placeholder, a symbol or a name is missing, or was put where it seems to belong.",
    "term_missing": "A term of the glossary is missing.",
    "number_changed": "A number in figures is different, or missing.",
    "repetition": "The translation says the same words again and again.",
    "uncovered_source": "A part of the text may be missing.",
    "low_score": "The model is unsure.",
    "first_sentence": "Of a summary: the model had nothing to say of such a text, so this is its first sentence.",
    "read_in_windows": "Of a summary: the text was longer than is read at once, and was read in parts.",
    "not_shorter": "Of a summary: it is no shorter than the text.",
    "other_language": "Of a summary: the text is surely in another language than the request says.",
}
_SECTIONS = {"v1": "Verso", "LibreTranslate": "LibreTranslate", "admin": "Models", "probes": "Operation"}


class Row(NamedTuple):
    """A field of a body: `name` with dots into objects and [] into lists."""

    name: str
    type: str
    need: str
    meaning: str


def reference(openapi: dict[str, Any]) -> str:
    """The Markdown text."""
    schemas = openapi.get("components", {}).get("schemas", {})
    parts = [_INTRODUCTION, *_tables()]
    operations = [
        (operation.get("tags", ["other"])[0], method.upper(), path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    for tag in dict.fromkeys([*_SECTIONS, *(each[0] for each in operations)]):
        chosen = [each for each in operations if each[0] == tag]
        if chosen:
            parts.append(f"## {_SECTIONS.get(tag, tag)}\n")
        parts += [_operation(f"{method} {path}", operation, schemas) for _tag, method, path, operation in chosen]
    return "\n".join(parts)


def _tables() -> Iterator[str]:
    """What all operations have in common."""
    rows = [f"| `{name}` | {status} | {ERROR_TYPES[name]} |" for name, status in statuses().items()]
    yield "\n".join(["## Types of errors", "", "| `type` | Status | Meaning |", "|---|---|---|", *rows, ""])
    rows = [f"| `{name}` | {meaning} |" for name, meaning in WARNING_MEANINGS.items()]
    told = "What a machine can see to be wrong; [quality.md](quality.md#warnings) says how exactly."
    yield "\n".join(["## Warnings", "", told, "", "| In `warnings` | Meaning |", "|---|---|", *rows, ""])


def _operation(title: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    lines = [f"### `{title}`", "", _line(operation.get("description", "")), ""]
    if parameters := [each for each in operation.get("parameters", []) if each["in"] != "path"]:
        lines += ["Parameters:", "", *_parameters(parameters, schemas)]
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        body = next(iter(content.values()))["schema"]
        lines += [_headed(f"Request ({', '.join(content)}):", body, schemas), "", *_request(body, schemas)]
    success: dict[str, Any] = next((each for status, each in operation["responses"].items() if status[0] == "2"), {})
    answer = success.get("content", {}).get("application/json", {}).get("schema", {})
    if rows := list(_rows(answer, schemas, "")):
        lines += [_headed("Answer:", answer, schemas), "", "| Field | Type | Meaning |", "|---|---|---|"]
        lines += [*(f"| `{row.name}` | {row.type} | {row.meaning} |" for row in rows), ""]
    statuses = [f"{status} ({_line(each['description'])})" for status, each in operation["responses"].items()]
    errors = [each for each in statuses if each[:3].isdecimal() and not each.startswith("2")]
    if errors:
        lines += [f"Errors: {'; '.join(errors)}.", ""]
    return "\n".join(lines)


def _headed(heading: str, schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The heading of a body, and what is said of the body as a whole, fields among it."""
    return f"{heading} {_line(_meaning(schema, schemas))}".rstrip()


def _parameters(parameters: list[dict[str, Any]], schemas: dict[str, Any]) -> list[str]:
    """Of the query and the headers."""
    rows = []
    for each in parameters:
        need = "required" if each.get("required") else _code(each["schema"].get("default") or None)
        meaning = _line(each.get("description", ""))
        rows.append(f"| `{each['name']}` | {each['in']} | {_type(each['schema'], schemas)} | {need} | {meaning} |")
    return ["| Name | In | Type | Default | Meaning |", "|---|---|---|---|---|", *rows, ""]


def _request(schema: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    rows = [f"| `{row.name}` | {row.type} | {row.need} | {row.meaning} |" for row in _rows(schema, schemas, "")]
    return ["| Field | Type | Default | Meaning |", "|---|---|---|---|", *rows, ""]


def _rows(schema: dict[str, Any], schemas: dict[str, Any], prefix: str) -> Iterator[Row]:
    """The fields of an object, and of the objects inside it."""
    schema = _resolved(schema, schemas)
    if schema.get("type") == "array":
        yield from _rows(schema.get("items", {}), schemas, f"{prefix}[]" if prefix else "[]")
    for name, field in schema.get("properties", {}).items():
        full = f"{prefix}.{name}" if prefix else name
        need = "required" if name in schema.get("required", ()) else _code(field.get("default") or None)
        yield Row(full, _type(field, schemas), need, _line(_meaning(field, schemas)))
        for inner in _choices(field):
            yield from _rows(inner, schemas, full)


def _choices(schema: dict[str, Any]) -> list[dict[str, Any]]:
    choices: list[dict[str, Any]] = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return choices


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _meaning(field: dict[str, Any], schemas: dict[str, Any]) -> str:
    """A field's own description, else that of the object in it."""
    inner = [_resolved(each.get("items", each), schemas) for each in _choices(field)]
    return str(field.get("description") or next((each["description"] for each in inner if "description" in each), ""))


def _type(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    names = []
    for choice in _choices(schema):
        if "prefixItems" in choice:
            names.append(f"[{', '.join(_type(each, schemas) for each in choice['prefixItems'])}]")
        elif choice.get("type") == "array":
            names.append(f"list of {_type(choice.get('items', {}), schemas)}")
        elif "enum" in choice:
            names.append(" or ".join(map(_code, choice["enum"])))
        else:
            names.append(str(_resolved(choice, schemas).get("type", "any")))
    return " or ".join(dict.fromkeys(names))


def _code(value: object) -> str:
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference(create_app(Settings()).openapi()))
