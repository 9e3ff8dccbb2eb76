"""Metrics whose weights are set by hand: from a mapping, or from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engagement_ml.errors import InputError, nearest
from engagement_ml.metric.behaviour import WeightedBehaviour
from engagement_ml.metric.files import read_text
from engagement_ml.metric.moments import whole_days
from engagement_ml.metric.rounding import round_weights
from engagement_ml.metric.transforms import Transform
from engagement_ml.metric.values import as_number, shown

if TYPE_CHECKING:
    from engagement_ml.metric.stored import StoredMetric

Metric = TypeVar("Metric", bound="StoredMetric")

DAYS_OF_A_WEEK = 7
"""By default, as many events as the window has weeks earn full points."""
_WANTED = "a YAML file with the key 'weights'"
_KEYS = (
    "name", "weights", "full_points_at", "observation_days", "outcome_days", "gap_days",
    "currency", "entity",
)  # fmt: skip


def from_weights(
    metric_type: type[Metric],
    weights: Mapping[str, float],
    *,
    full_points_at: Mapping[str, float] | float | None,
    observation_days: int,
    **more: Any,
) -> Metric:
    """Return a metric of linear responses with weights in proportion to those given."""
    if not isinstance(weights, Mapping) or not weights:
        raise InputError(
            f"key 'weights': {shown(weights)}; give a weight per behaviour, such as "
            "{login: 60, review: 40}"
        )
    for name, weight in weights.items():
        if not isinstance(name, str):
            raise InputError(
                f"key 'weights': behaviour {shown(name)} is not text; put its name in quotes"
            )
        if not 0 < as_number(weight) < float("inf"):
            raise InputError(
                f"key 'weights', behaviour {shown(name)}: {shown(weight)} is not a positive "
                "number; a score has no negative weights, so leave the behaviour out"
            )
    days = whole_days("observation_days", observation_days, 1)
    caps = _caps(weights, full_points_at, days)
    rounded = round_weights([as_number(weight) for weight in weights.values()])
    unit = f"events in {days} days"
    behaviours = tuple(
        WeightedBehaviour(
            name, weight, None, None, "frequency", unit,
            Transform("linear", scale=None, shape=None, cap=caps[name]),
        )
        for name, weight in zip(weights, rounded, strict=True)
    )  # fmt: skip
    return metric_type(evidence="by_hand", observation_days=days, behaviours=behaviours, **more)


def from_yaml(metric_type: type[Metric], path: str | Path) -> Metric:
    """Read the arguments of `from_weights` from a YAML file; its name is the default name."""
    text, origin = read_text(path, _WANTED)
    keys = _keys(text, origin)
    keys.setdefault("name", Path(origin).stem)
    try:
        return metric_type.from_weights(keys.pop("weights", None), **keys)
    except InputError as error:
        raise InputError(f"{origin}: {error}") from None


def _caps(
    weights: Mapping[str, float], given: Mapping[str, float] | float | None, days: int
) -> dict[str, float]:
    usual = days / DAYS_OF_A_WEEK
    if given is None:
        return dict.fromkeys(weights, usual)
    if not isinstance(given, Mapping):
        given = dict.fromkeys(weights, given)
    for name, cap in given.items():
        if name not in weights:
            near = nearest(name, weights)
            raise InputError(
                f"key 'full_points_at': {shown(name)} is not a behaviour of 'weights'{near}"
            )
        if not 0 < as_number(cap) < float("inf"):
            raise InputError(
                f"key 'full_points_at', behaviour {shown(name)}: {shown(cap)} is not a positive "
                f"number; give the events in {days} days that earn full points"
            )
    return {name: as_number(given.get(name, usual)) for name in weights}


def _keys(text: str, origin: str) -> dict[str, Any]:
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{origin}: cannot be read as YAML: {reason:.200}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{origin}: found {shown(raw)}; give {_WANTED}")
    for mapping in _mappings(node):
        names = [key.value for key, _ in mapping if isinstance(key.value, str)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InputError(f"{origin}: key {shown(twice)} is given twice; keep one")
    for key in raw:
        if key not in _KEYS:
            raise InputError(
                f"{origin}: unknown key {shown(key)}{nearest(str(key), _KEYS)}; known are "
                f"{', '.join(_KEYS)}; behaviours stand under 'weights'"
            )
    if "weights" not in raw:
        raise InputError(f"{origin}: key 'weights' is missing; give a weight per behaviour")
    return raw


def _mappings(node: Any) -> list[list[Any]]:
    """Return the file's keys and those of the mappings below, as YAML keeps the last of two."""
    nested = [value.value for _, value in node.value if type(value).__name__ == "MappingNode"]
    return [node.value, *nested]
