"""Serialisation of a metric as ``metric.json``: the same definition gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engagement_ml.errors import InputError, OutputError
from engagement_ml.metric.behaviour import WeightedBehaviour
from engagement_ml.metric.files import read_text
from engagement_ml.metric.transforms import Transform
from engagement_ml.metric.values import shown

if TYPE_CHECKING:
    from engagement_ml.metric.stored import StoredMetric

Metric = TypeVar("Metric", bound="StoredMetric")

FORMAT = 1
REQUIRED = ("name", "format", "definition_hash", "evidence", "observation_days", "outcome_days")
BEHAVIOUR_REQUIRED = ("behaviour", "weight", "feature", "transform")


def definition_hash(metric: StoredMetric) -> str:
    """Return the SHA-256 of everything that determines scores.

    It does not depend on the order of the behaviours.
    """
    behaviours = [
        {
            "behaviour": behaviour.behaviour,
            "feature": behaviour.feature,
            "transform": behaviour.transform.to_dict(),
            "weight": behaviour.weight,
        }
        for behaviour in sorted(metric.behaviours, key=lambda b: b.behaviour)
    ]
    determinants = {
        "behaviours": behaviours,
        "format": FORMAT,
        "observation_days": metric.observation_days,
    }
    text = json.dumps(determinants, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def to_dict(metric: StoredMetric) -> dict[str, Any]:
    """Return the metric as plain JSON types."""
    raw: dict[str, Any] = {
        "name": metric.name,
        "format": FORMAT,
        "definition_hash": definition_hash(metric),
        "evidence": metric.evidence,
        "abstained": metric.abstained,
        "reason": metric.reason,
        "currency": metric.currency,
        "entity": metric.entity,
        "observation_days": metric.observation_days,
        "gap_days": metric.gap_days,
        "outcome_days": metric.outcome_days,
        "behaviours": [_behaviour_to_dict(behaviour) for behaviour in metric.behaviours],
    }
    if metric.score_quantiles:
        raw["score_quantiles"] = list(metric.score_quantiles)
    if metric.derived:
        raw["derived"] = list(metric.derived)
    return raw


def _behaviour_to_dict(behaviour: WeightedBehaviour) -> dict[str, Any]:
    return {
        "behaviour": behaviour.behaviour,
        "label": behaviour.label,
        "weight": behaviour.weight,
        "weight_low": behaviour.weight_low,
        "weight_high": behaviour.weight_high,
        "feature": behaviour.feature,
        "unit": behaviour.unit,
        "transform": behaviour.transform.to_dict(),
    }


def to_json(metric: StoredMetric, path: str | Path | None = None) -> str:
    """Return the text of ``metric.json``, and write it to `path` if given."""
    text = json.dumps(to_dict(metric), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    return text


def from_json(metric_type: type[Metric], path_or_text: str | Path) -> Metric:
    """Read ``metric.json`` from a path, or from its text."""
    text, origin = _read(path_or_text)
    try:
        raw = json.loads(
            text, parse_constant=_no_constant, object_pairs_hook=_without_repeated_keys
        )
    except RecursionError:
        raise InputError(f"{origin}: cannot be read as JSON: it is nested too deeply") from None
    except ValueError as error:
        # Also a whole number of more digits than Python reads.
        raise InputError(f"{origin}: cannot be read as JSON: {error!s:.200}") from None
    return from_dict(metric_type, raw, origin)


def from_dict(metric_type: type[Metric], raw: Any, origin: str) -> Metric:
    """Read what `to_dict` returned; unknown keys are ignored."""
    if not isinstance(raw, Mapping):
        raise InputError(f"{origin}: expected a metric's keys, found {type(raw).__name__}")
    _require(raw, ("format",), origin)
    if raw["format"] != FORMAT:
        raise InputError(
            f"{origin}: key 'format': {shown(raw['format'])} is not known, this version reads "
            f"{FORMAT}; if a newer engagement-ml wrote it, install that version"
        )
    _require(raw, REQUIRED, origin)
    listed = raw.get("behaviours")
    if not isinstance(listed, list | tuple):
        raise InputError(f"{origin}: key 'behaviours': expected a list, found {shown(listed)}")
    behaviours = tuple(
        _behaviour(item, f"{origin}: behaviours[{place}]") for place, item in enumerate(listed)
    )
    if (abstained := raw.get("abstained", not behaviours)) is not (not behaviours):
        raise InputError(
            f"{origin}: key 'abstained': {shown(abstained)} contradicts key 'behaviours', which "
            f"lists {len(behaviours)}; use the original file"
        )
    try:
        metric = metric_type(
            name=_text(raw, "name"),
            evidence=raw["evidence"],
            observation_days=raw["observation_days"],
            outcome_days=raw["outcome_days"],
            behaviours=behaviours,
            reason=raw.get("reason"),
            gap_days=raw.get("gap_days", 0),
            currency=_text(raw, "currency", "EUR"),
            entity=_text(raw, "entity", "customer"),
            score_quantiles=raw.get("score_quantiles", ()),
            derived=raw.get("derived", ()),
        )
    except InputError as error:
        raise InputError(f"{origin}: {error}") from None
    if raw["definition_hash"] != metric.definition_hash:
        given = raw["definition_hash"]
        stored_hash = shown(given[:12] if isinstance(given, str) else given)
        raise InputError(
            f"{origin}: key 'definition_hash': {stored_hash} is not the hash of the definition "
            f"({metric.definition_hash[:12]!r}), so the file was edited; use the original file or "
            "train again"
        )
    return metric


def _behaviour(raw: Any, origin: str) -> WeightedBehaviour:
    if not isinstance(raw, Mapping):
        raise InputError(f"{origin}: expected a behaviour's keys, found {type(raw).__name__}")
    _require(raw, BEHAVIOUR_REQUIRED, origin)
    if not isinstance(raw["transform"], Mapping):
        raise InputError(
            f"{origin}: key 'transform': expected keys, found {shown(raw['transform'])}"
        )
    try:
        transform = Transform.from_dict(raw["transform"])
    except InputError as error:
        raise InputError(f"{origin}.transform: {error}") from None
    try:
        return WeightedBehaviour(
            behaviour=raw["behaviour"],
            weight=raw["weight"],
            weight_low=raw.get("weight_low"),
            weight_high=raw.get("weight_high"),
            feature=raw["feature"],
            unit=_text(raw, "unit", "events"),
            transform=transform,
            label=raw.get("label"),
        )
    except InputError as error:
        raise InputError(f"{origin}: {error}") from None


def _read(path_or_text: str | Path) -> tuple[str, str]:
    if isinstance(path_or_text, str):
        text = path_or_text.removeprefix("\ufeff")
        if text.lstrip().startswith("{"):
            return text, "metric"
    return read_text(path_or_text, "a metric.json")


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {shown(twice)} is given twice")
    return keys


def _require(raw: Mapping[str, Any], keys: tuple[str, ...], origin: str) -> None:
    for key in keys:
        if key not in raw:
            raise InputError(f"{origin}: key '{key}' is missing")


def _text(raw: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = raw.get(key, default)
    if not isinstance(value, str):
        raise InputError(f"key '{key}': {shown(value)} is not text")
    return value
