"""Base class of all sections of the configuration, and helpers for their JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Frozen(BaseModel):
    """Immutable section of the configuration that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_no_truth_values(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false for a number: Python takes them for 1 and 0."""
        if isinstance(value, bool) and info.field_name is not None:
            accepted = {cls.model_fields[info.field_name].annotation}
            accepted |= set(get_args(next(iter(accepted))))
            if accepted & {int, float} and bool not in accepted:
                raise ValueError("expected a number")
        return value


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
