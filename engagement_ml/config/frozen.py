"""Base class of all sections of the configuration, and helpers for their JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Immutable section of the configuration that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def also_accepts(*schemas: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Return a hook that adds the short forms of a key to its JSON Schema.

    Validators turn a short form, such as ``sample: 50000``, into the key's full form, which the
    generated schema does not know.
    """

    def add(schema: dict[str, Any]) -> None:
        if "$ref" in schema:
            schema["anyOf"] = [{"$ref": schema.pop("$ref")}]
        schema["anyOf"] = [*schema["anyOf"], *schemas]

    return add
