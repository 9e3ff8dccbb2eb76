"""What is measured of each behaviour: Narwhals expressions, defined once, and their catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import narwhals as nw

from engagement_ml.features.window_aggregates import Total

MICROS_PER_DAY = 86_400_000_000
OBSERVATION, BEFORE = "observation", "before"


@dataclass(frozen=True)
class Feature:
    """One feature: what people read of it, and the expression that makes it.

    Attributes
    ----------
    name : str
        The column is ``<behaviour>__<name>`` or ``history__<name>``.
    formula, unit, window, nulls : str
        As the catalogue says it.
    totals : tuple of Total
        What it needs of the windows.
    expression : callable or None
        From the length of the observation window in days to an expression over the totals and
        ``cutoff``; None where the panel makes it of the entity's entry.
    absent : float or None
        Its value where nothing happened at all, null for None.
    needs : str or None
        The optional column that events of the behaviour must have for it to be made.
    """

    name: str
    formula: str
    unit: str
    window: str
    nulls: str
    totals: tuple[Total, ...]
    expression: Callable[[int], nw.Expr] | None
    absent: float | None
    needs: str | None = None


_N = Total("n", "n", "sum", OBSERVATION)
_N_BEFORE = Total("n_before", "n", "sum", BEFORE)
_DAYS = Total("active_days", "days_", "days", OBSERVATION)
_LAST = Total("last", "last", "max", OBSERVATION)
_WEEKS = Total("active_weeks", "days_", "weeks", OBSERVATION)
_VALUE = Total("value", "value", "sum", OBSERVATION)
_DURATION = Total("duration_seconds", "duration_seconds", "sum", OBSERVATION)


def days_since(moment: nw.Expr) -> nw.Expr:
    """Return the days from `moment` to the cutoff, with fractions; null where `moment` is.

    Both are in microseconds since 1970, which every engine subtracts.
    """
    return (nw.col("cutoff") - moment) / MICROS_PER_DAY


def _trend(_: int) -> nw.Expr:
    now, before = nw.col("n").cast(nw.Float64), nw.col("n_before").cast(nw.Float64)
    together = now + before
    return nw.when(together > 0).then((now - before) / together).otherwise(nw.lit(0.0))


def _regularity(days: int) -> nw.Expr:
    if days < 7:
        return nw.lit(None).cast(nw.Float64)
    return nw.col("active_weeks").cast(nw.Float64) / (days // 7)


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="frequency",
        formula="number of events",
        unit="events",
        window="observation window",
        nulls="never null; 0 where nothing happened",
        totals=(_N,),
        expression=lambda _: nw.col("n").cast(nw.Float64),
        absent=0.0,
    ),
    Feature(
        name="active_days",
        formula="number of distinct days (UTC) with an event",
        unit="days",
        window="observation window",
        nulls="never null; 0 where nothing happened",
        totals=(_DAYS,),
        expression=lambda _: nw.col("active_days").cast(nw.Float64),
        absent=0.0,
    ),
    Feature(
        name="recency_days",
        formula="cutoff − time of the last event",
        unit="days, with fractions",
        window="observation window",
        nulls="null where nothing happened in the window",
        totals=(_LAST,),
        expression=lambda _: days_since(nw.col("last")),
        absent=None,
    ),
    Feature(
        name="trend",
        formula="(n − n before) / (n + n before), 0 where both are 0",
        unit="from −1 (stopped) to 1 (new)",
        window="observation window, and the one of equal length before it",
        nulls="null where the history or the entity does not reach back two windows",
        totals=(_N, _N_BEFORE),
        expression=_trend,
        absent=0.0,
    ),
    Feature(
        name="regularity",
        formula="share of the whole weeks, counted back from the cutoff, with an event",
        unit="from 0 to 1",
        window="observation window, its whole weeks",
        nulls="null where the window is shorter than a week; 0 where nothing happened",
        totals=(_WEEKS,),
        expression=_regularity,
        absent=0.0,
    ),
    Feature(
        name="value",
        formula="sum of `value`, to a millionth; events without one count 0",
        unit="as in the events",
        window="observation window",
        nulls="never null; 0 where nothing happened",
        totals=(_VALUE,),
        expression=lambda _: nw.col("value").cast(nw.Float64) / 1e6,
        absent=0.0,
        needs="value",
    ),
    Feature(
        name="duration_seconds",
        formula="sum of `duration_seconds`, to a millionth; events without one count 0",
        unit="seconds",
        window="observation window",
        nulls="never null; 0 where nothing happened",
        totals=(_DURATION,),
        expression=lambda _: nw.col("duration_seconds").cast(nw.Float64) / 1e6,
        absent=0.0,
        needs="duration_seconds",
    ),
)


def totals_of(features: Sequence[Feature]) -> tuple[Total, ...]:
    """Return the distinct totals that `features` need, in a stable order."""
    return tuple(dict.fromkeys(total for feature in features for total in feature.totals))
