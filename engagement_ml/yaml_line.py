"""Lines of a configuration that messages propose, written so that YAML reads what is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[^\W\d][\w.-]*( [\w.-]+)*")
"""Text that could stand without quotes."""
_BOOLEANS = {"y", "n"}
"""Words that only some readers of YAML take for booleans."""


def yaml_line(key: str, value: Any) -> str:
    """Return a key of the configuration and its value as one line of YAML.

    Text that YAML would read as something else is in quotes. Blanks that a terminal would fold are
    escaped, so that the line means the same wherever it is copied from.

    Parameters
    ----------
    key : str
        A key of the configuration.
    value : any
        Text, a number, a date, a boolean or None, or mappings and sequences of them.

    Examples
    --------
    >>> print(yaml_line("columns", {"events": {"customer_id": "a: b", "event_type": "yes"}}))
    columns: {events: {customer_id: "a: b", event_type: "yes"}}
    """
    return f"{key}: {_flow(value)}"


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value)
    return text if not isinstance(value, str) or _is_plain(text) else _in_quotes(text)


def _is_plain(text: str) -> bool:
    """Return whether YAML reads the text without quotes as this text."""
    import yaml

    if not _PLAIN.fullmatch(text) or text.lower() in _BOOLEANS:
        return False
    return bool(yaml.safe_load(text) == text)


def _in_quotes(text: str) -> str:
    written = []
    for place, character in enumerate(text):
        single = 0 < place < len(text) - 1 and text[place - 1] != " "
        if character in '"\\':
            written.append("\\" + character)
        elif character.isprintable() and (character != " " or single):
            written.append(character)
        else:
            written.append(f"\\U{ord(character):08x}" if ord(character) > 255 else
                           f"\\x{ord(character):02x}")  # fmt: skip
    return '"' + "".join(written) + '"'
