"""Problems of a configuration that pydantic finds, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from engagement_ml.errors import nearest
from engagement_ml.masking import is_secret_name, masked, masked_option


def first_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first problem of a section of the configuration in one sentence."""
    return next(all_problems(error, model))


def all_problems(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Yield each problem of a section of the configuration in one sentence."""
    for problem in error.errors():
        yield _sentence(problem, model)


def _sentence(problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    path = [str(part) for part in problem["loc"]]
    key = ".".join(path)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        return (
            f"unknown key '{key}'{nearest(path[-1], known)}; "
            f"known keys here: {', '.join(sorted(known))}"
        )
    if problem["type"] == "missing":
        return f"key '{key}' is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not path:
        return message
    shown = masked_option(key, str(problem["input"])) if is_secret_name(key) else problem["input"]
    value = "" if isinstance(problem["input"], dict) else f", found {shown!r}"
    return masked(f"key '{key}': {message}{value}")


def _known_keys(model: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        field = model.model_fields.get(part)
        if field is not None:
            model = model_in(field.annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section in a field's type: itself, or the elements of a list or mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)
