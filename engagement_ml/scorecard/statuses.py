"""Status of a measure: its value against target and warning limit."""

from __future__ import annotations

from engagement_ml.errors import ConfigError
from engagement_ml.scorecard.card import Status, Value


def status_of(
    value: Value, target: float | None, warning: float | None, better: str | None
) -> Status:
    """Return the status of a value.

    A value that reaches the target has met it. One that does not is missed; it is a warning if
    the warning limit is reached or, without such a limit, if the 95% interval includes the target.

    Parameters
    ----------
    value : Value
    target, warning : float or None
    better : {"more", "less"} or None
        None if no direction is better; then a target cannot be met.

    Examples
    --------
    >>> status_of(Value(76.0, 70.0, 82.0), 80.0, None, "more")
    'warning'
    >>> status_of(Value(76.0, 70.0, 79.0), 80.0, None, "more")
    'missed'
    """
    if target is None or better is None:
        return "no target"
    if value.value is None:
        return "no data"
    sign = 1.0 if better == "more" else -1.0
    if sign * value.value >= sign * target:
        return "met"
    if warning is not None:
        return "warning" if sign * value.value >= sign * warning else "missed"
    best = value.high if better == "more" else value.low
    return "warning" if best is not None and sign * best >= sign * target else "missed"


def check_limits(
    name: str, target: float | None, warning: float | None, better: str | None
) -> None:
    """Check that the limits of a measure can be used.

    Raises
    ------
    ConfigError
        If a limit has no direction, or the warning limit lies on the wrong side of the target.
    """
    if target is None:
        if warning is not None:
            raise ConfigError(f"key 'measures.{name}.warning': there is no target; set 'target'")
        return
    if better is None:
        raise ConfigError(
            f"key 'measures.{name}.target': the measure has no direction; set 'better: more' or "
            "'better: less'"
        )
    if warning is not None and (warning > target if better == "more" else warning < target):
        side = "above" if better == "more" else "below"
        raise ConfigError(
            f"key 'measures.{name}.warning': {warning:g} is {side} the target of {target:g}, and "
            f"{better} is better; a warning is given between the two, so set a limit that is "
            "easier to reach than the target"
        )
