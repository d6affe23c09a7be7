"""LibreTranslate's /spec: its part of the OpenAPI document as Swagger 2, which has no alternatives of types."""

from __future__ import annotations

from typing import Any

_KEPT = ("description", "enum", "default", "minimum")
_TAG = "LibreTranslate"
# By which clients know such a server.
_TITLE = "LibreTranslate"


def swagger_document(openapi: dict[str, Any]) -> dict[str, Any]:
    """`openapi`: the app's OpenAPI 3 document."""
    paths = {
        path: {method: _operation(operation) for method, operation in operations.items()}
        for path, operations in openapi["paths"].items()
        if any(_TAG in operation.get("tags", ()) for operation in operations.values())
    }
    schemas = openapi["components"]["schemas"]
    return {
        "swagger": "2.0",
        "info": {**openapi["info"], "title": _TITLE, "description": "LibreTranslate's API, as Verso serves it."},
        "basePath": "/",
        "paths": paths,
        "definitions": {name: _plain(schemas[name]) for name in sorted(_named(paths, schemas))},
    }


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    parameters = [
        {"name": each["name"], "in": each["in"], "required": each["required"], "type": "string"}
        for each in operation.get("parameters", ())
    ]
    for media in list(content.values())[:1]:
        required = media["schema"]["required"]
        for name, schema in media["schema"]["properties"].items():
            parameters.append({"name": name, "in": "formData", "required": name in required, **_parameter(schema)})
    return {
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "tags": [_TAG],
        **({"consumes": [media for media in content if media != "application/json"]} if content else {}),
        "produces": ["application/json"],
        "parameters": parameters,
        "responses": {status: _response(each) for status, each in operation["responses"].items()},
    }


def _parameter(schema: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    is_file = schema.get("format") == "binary"
    return {"type": "file" if is_file else schema.get("type", "string"), **kept}


def _response(response: dict[str, Any]) -> dict[str, Any]:
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    return {"description": response["description"], **({"schema": _plain(schema)} if schema else {})}


def _plain(schema: Any) -> Any:
    """Without what Swagger 2 lacks: a choice of types is left open, examples are one."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": f"#/definitions/{schema['$ref'].rpartition('/')[2]}"}
    return {key: _plain(value) for key, value in schema.items() if key not in ("anyOf", "oneOf", "examples")}


def _named(part: Any, schemas: dict[str, Any]) -> set[str]:
    """Names of the schemas that `part` refers to, and of those that these refer to."""
    if isinstance(part, list):
        return set().union(*(_named(each, schemas) for each in part))
    if not isinstance(part, dict):
        return set()
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return {name} | _named(schemas[name], schemas)
    return set().union(*(_named(each, schemas) for each in part.values()))
