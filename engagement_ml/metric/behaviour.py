"""One behaviour of a metric: its weight and the transform of its count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engagement_ml.errors import InputError, nearest
from engagement_ml.metric.rounding import WEIGHT_DECIMALS
from engagement_ml.metric.transforms import Transform
from engagement_ml.metric.values import as_number, check_text, is_writable, shown

FEATURES = ("frequency",)


@dataclass(frozen=True)
class WeightedBehaviour:
    """One behaviour of a metric: its weight and the transform of its count.

    Parameters
    ----------
    behaviour : str
        The event type; the column that holds its counts has the same name.
    weight : float
        The most points that it adds to the score, above 0 and up to 100; rounded to two decimals.
    weight_low, weight_high : float or None
        95% interval of the weight; None if none was estimated.
    feature : str
        The feature that is scored: ``"frequency"``, the number of events in the observation
        window.
    unit : str
        Unit of the feature in displays, such as ``"events in 84 days"``.
    transform : Transform
    label : str or None, default None
        Name for displays; None means `behaviour` itself.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    behaviour: str
    weight: float
    weight_low: float | None
    weight_high: float | None
    feature: str
    unit: str
    transform: Transform
    label: str | None = None

    def __post_init__(self) -> None:
        if not usable_name(self.behaviour):
            raise InputError(
                f"key 'behaviour': {shown(self.behaviour)} is not a usable name; it must "
                "hold at least one character, no NUL and no half of a surrogate pair"
            )
        if self.feature not in FEATURES:
            near = nearest(self.feature, FEATURES) if isinstance(self.feature, str) else ""
            raise InputError(
                f"key 'feature': {shown(self.feature)} is not known{near}; known: "
                f"{', '.join(FEATURES)}"
            )
        check_text("unit", self.unit)
        check_text("label", self.label, optional=True)
        for key in ("weight", "weight_low", "weight_high"):
            object.__setattr__(self, key, _points(key, getattr(self, key)))
        if self.weight is None or self.weight <= 0:
            raise InputError(f"key 'weight': {self.weight} is not positive")
        if (self.weight_low or 0.0) > (100.0 if self.weight_high is None else self.weight_high):
            raise InputError(
                f"key 'weight_low': {self.weight_low} is above weight_high, {self.weight_high}"
            )

    @property
    def title(self) -> str:
        """The name for displays: the label, else the behaviour."""
        return self.label or self.behaviour


def heaviest_first(behaviours: Iterable[WeightedBehaviour]) -> list[WeightedBehaviour]:
    """Return behaviours by descending weight, the order of displays; ties keep their order."""
    return sorted(behaviours, key=lambda behaviour: -behaviour.weight)


def usable_name(name: object) -> bool:
    """Return whether `name` can name a column on every engine and be written as UTF-8.

    Examples
    --------
    >>> usable_name("page view"), usable_name("")
    (True, False)
    """
    return isinstance(name, str) and bool(name) and is_writable(name)


def _points(key: str, value: object) -> float | None:
    if value is None:
        return None
    number = as_number(value)
    if not 0 <= number <= 100:
        raise InputError(f"key '{key}': {shown(value)} is not a number between 0 and 100")
    return round(number, WEIGHT_DECIMALS)
