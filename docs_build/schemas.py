"""Prints a JSON schema as Markdown tables, one for each object."""

from __future__ import annotations

import json
from typing import Any

Schema = dict[str, Any]
_LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": ", at least {} long",
    "minItems": ", at least {} entries",
}


def schema_files() -> dict[str, str | bytes]:
    """Return the JSON schemas that the site publishes, by their paths in the site."""
    from engagement_ml.config.schema import SCHEMA_URL, schema_text

    return {f"reference/{SCHEMA_URL.rpartition('/')[2]}": schema_text()}


def schema_tables(schema: Schema, first: str, level: int = 3) -> str:
    """Return a table for the schema itself and one for each object that it refers to.

    Parameters
    ----------
    schema : dict
        JSON schema of an object; definitions under ``$defs``.
    first : str
        Heading of the first table.
    level : int, default 3
        Level of the headings.
    """
    definitions: dict[str, Schema] = schema.get("$defs", {})
    places = _places(schema, definitions)
    parts = [f"{'#' * level} {first}", _table(schema, definitions)]
    for name, keys in places.items():
        heading = ", ".join(f"`{key}`" for key in keys)
        if sum(others == keys for others in places.values()) > 1:
            heading = f"{heading}: {name}"
        parts += [f"{'#' * level} {heading}", _table(definitions[name], definitions)]
    return "\n\n".join(parts)


def _places(schema: Schema, definitions: dict[str, Schema]) -> dict[str, list[str]]:
    """Return under which keys each definition stands, in the order of the schema."""
    places: dict[str, list[str]] = {}
    waiting = [("", schema)]
    while waiting:
        prefix, owner = waiting.pop(0)
        for key, value in owner.get("properties", {}).items():
            path = f"{prefix}.{key}" if prefix else key
            for name in _references(value):
                if definitions.get(name, {}).get("properties"):
                    if name not in places:
                        waiting.append((path, definitions[name]))
                    places.setdefault(name, []).append(path)
    return places


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"].rsplit("/", 1)[-1]] if "$ref" in value else []
        return own + [name for part in value.values() for name in _references(part)]
    if isinstance(value, list):
        return [name for part in value for name in _references(part)]
    return []


def _table(schema: Schema, definitions: dict[str, Schema]) -> str:
    required = set(schema.get("required", ()))
    rows = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for key, value in schema.get("properties", {}).items():
        default = "required" if key in required else _default(value)
        cells = (f"`{key}`", _type(value, definitions), default, _meaning(value, definitions))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _default(value: Schema) -> str:
    if "default" not in value:
        return ""
    if isinstance(value["default"], dict) and value["default"]:
        return "its keys' defaults"
    return f"`{json.dumps(value['default'], ensure_ascii=False)}`"


def _meaning(value: Schema, definitions: dict[str, Schema]) -> str:
    text = value.get("description")
    if text is None:
        target = next((definitions.get(name, {}) for name in _references(value)), {})
        text = target.get("description", "").split("\n\n")[0]
    if not text and "const" in value:
        text = "Always this value."
    return " ".join(text.replace("``", "`").split())


def _type(value: Schema, definitions: dict[str, Schema]) -> str:
    """Return a type in words: ``whole number ≥ 1``, ``list of text``, ``"a" or "b"``."""
    kind = value.get("type")
    if "$ref" in value:
        target = definitions.get(value["$ref"].rsplit("/", 1)[-1], {})
        words = ["object" if target.get("properties") else _type(target, definitions)]
    elif "const" in value:
        words = [f"`{value['const']}`"]
    elif "enum" in value:
        words = [f"`{item}`" for item in value["enum"]]
    elif isinstance(kind, list):
        words = [_type({**value, "type": part}, definitions) for part in kind]
    elif choices := value.get("anyOf") or value.get("oneOf") or value.get("allOf"):
        words = [_type(part, definitions) for part in choices]
    elif kind == "array":
        items = value.get("items") or (value.get("prefixItems") or [{}])[0]
        words = [f"list of {_type(items, definitions)}".replace("of object", "of objects")]
    elif kind == "object" and isinstance(value.get("additionalProperties"), dict):
        words = [f"mapping to {_type(value['additionalProperties'], definitions)}"]
    else:
        words = [_plain(value, kind)]
    return " or ".join(dict.fromkeys(words))


def _plain(value: Schema, kind: Any) -> str:
    if value.get("format") in ("date", "date-time"):
        return str(value["format"])
    words = {
        "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
        "null": "null", "object": "object", None: "any value",
    }  # fmt: skip
    limits = [text.format(value[key]) for key, text in _LIMITS.items() if key in value]
    if kind == "null":
        return "null"
    text = f"{words.get(kind, str(kind))} {' and '.join(limits)}".rstrip()
    return text.replace(" , at least 1 long", ", not empty").replace(" ,", ",")
