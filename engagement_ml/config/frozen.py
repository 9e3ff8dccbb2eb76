"""Base class of all sections of the configuration, and helpers for their JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from engagement_ml.config.problems import first_problem
from engagement_ml.errors import ConfigError
from engagement_ml.masking import masked_uri

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class _SectionType(ModelMetaclass):
    """Type of all sections: what a section rejects in Python is a `ConfigError`, too."""

    # Type checkers see the keys of a section.
    if not TYPE_CHECKING:

        def __call__(cls, *args, **keys):  # noqa: N805
            try:
                return super().__call__(*args, **keys)
            except ValidationError as error:
                raise ConfigError(f"{cls.__name__}: {first_problem(error, cls)}") from None


class Frozen(BaseModel, metaclass=_SectionType):
    """Immutable section of the configuration that rejects unknown keys.

    Raises
    ------
    ConfigError
        If a key is unknown or a value does not fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield the keys and values that a notebook shows: without secrets."""
        for name, value in super().__repr_args__():
            yield name, masked_uri(value) if isinstance(value, str) else value

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
        if "type" in schema:
            schema["anyOf"] = [{"type": schema.pop("type")}]
        schema["anyOf"] = [*schema["anyOf"], *schemas]

    return add
