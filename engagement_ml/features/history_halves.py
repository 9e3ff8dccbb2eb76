"""What each customer did before the middle of the history, and up to its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.features.daily_totals import daily_events, daily_transactions
from engagement_ml.features.population import read_population
from engagement_ml.inputs import Tables
from engagement_ml.windows import DAY, Windows

MIDDLES = (4, 5, 6, 7)
"""Eighths of the history at which its middle may lie; later ones leave more customers."""
ENOUGH = 300
"""Customers with at least as much history before the middle as after it that a middle needs."""
MAX_TYPES = 30
"""Event types, those with the most events, that are summed by themselves."""
EVENTS, TRANSACTIONS, GAINS = "events", "transactions", "positive margins"
SUMS = ("before", "after", "recent_before", "recent")
"""Sums before and from the middle on, and of one outcome window before the middle and the end."""


@dataclass(frozen=True)
class HistoryHalves:
    """What customers did in two parts of the history.

    Attributes
    ----------
    ids : array (n,)
        Customers who entered so early that the first part is no shorter than the second; sorted.
    before, after : dict of str to array (n,)
        Totals by quantity: events, those of single types, transactions, orders, and positive
        margins in millionths.
    past, whole : arrays (n, p)
        Totals, and first and last days, as known in the middle and at the end. Single event types
        are left out: the first event that only one plan allows tells the plan, early or late.
    """

    ids: AnyArray
    before: dict[str, FloatArray]
    after: dict[str, FloatArray]
    past: FloatArray
    whole: FloatArray


def read_halves(tables: Tables, config: PipelineConfig, windows: Windows) -> HistoryHalves | None:
    """Sum up the history of each customer up to a day in its middle, and after it.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows

    Returns
    -------
    HistoryHalves or None
        None without a middle that leaves any customer.
    """
    population = read_population(tables, config)
    start, end = windows.history.start, windows.history.end
    length = (end - start).days
    entry = np.maximum(population.entry.astype("datetime64[D]"), np.datetime64(start))
    chosen: tuple[dt.date, AnyArray] | None = None
    for eighths in MIDDLES:
        middle = start + length * eighths // 8 * DAY
        early = np.datetime64(middle) - entry >= np.timedelta64((end - middle).days, "D")
        if chosen is None or early.sum() > chosen[1].sum():
            chosen = middle, early
        if early.sum() >= ENOUGH:
            break
    assert chosen is not None
    middle, early = chosen
    if not early.any():
        return None
    ids = pd.Index(population.ids[early])
    recent = min(windows.outcome_days, (end - middle).days)
    return _halves(tables, config, ids, _Parts(middle, end, recent))


def _halves(tables: Tables, config: PipelineConfig, ids: pd.Index, parts: _Parts) -> HistoryHalves:
    engine = tables.engine
    events = engine.pandas(parts.sums(daily_events(tables), ["n"], "event_type"))
    paid = engine.pandas(parts.sums(daily_transactions(tables), ["n", "orders", "gain", "loss"]))
    paid = paid.set_index("customer_id").reindex(ids)
    by_events = sorted(tables.event_counts, key=lambda each: (-tables.event_counts[each], each))
    single = {*by_events[:MAX_TYPES], config.churn.event_type}
    groups = {EVENTS: events} | {
        f"events of type '{each}'": events[events["event_type"] == each]
        for each in by_events
        if each in single
    }
    by_customer = {
        name: rows.drop(columns="event_type").groupby("customer_id").agg(_HOW).reindex(ids)
        for name, rows in groups.items()
    }
    before, after = {}, {}
    for name, frame in by_customer.items():
        before[name], after[name] = _filled(frame["n_before"]), _filled(frame["n_after"])
    for column, name in (("n", TRANSACTIONS), ("orders", "orders"), ("gain", GAINS)):
        before[name], after[name] = (_filled(paid[f"{column}_{half}"]) for half in SUMS[:2])
    past, whole = _as_known([by_customer[EVENTS], paid])
    broad = [name for name in before if name not in by_customer or name == EVENTS]
    past += [before[name] for name in broad]
    whole += [before[name] + after[name] for name in broad]
    return HistoryHalves(
        ids.to_numpy(), before, after, np.column_stack(past), np.column_stack(whole)
    )


def _as_known(frames: Sequence[pd.DataFrame]) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return recent sums, and first and last days, as known in the middle and at the end."""
    past, whole = [], []
    for frame in frames:
        for column in ("n", "gain", "loss"):
            if f"{column}_recent" in frame:
                past.append(_filled(frame[f"{column}_recent_before"]))
                whole.append(_filled(frame[f"{column}_recent"]))
        first = [_days(frame[f"first_{half}"]) for half in SUMS[:2]]
        last = [_days(frame[f"last_{half}"]) for half in SUMS[:2]]
        past += [first[0], last[0]]
        whole += [np.fmin(*first), np.fmax(*last)]
    return past, whole


_HOW = {
    **{f"n_{name}": "sum" for name in SUMS},
    "first_before": "min",
    "last_before": "max",
    "first_after": "min",
    "last_after": "max",
}


@dataclass(frozen=True)
class _Parts:
    """Sums over the parts of the history, as expressions that every engine runs."""

    middle: dt.date
    end: dt.date
    recent: int

    def sums(self, daily: nw.LazyFrame[Any], columns: list[str], *keys: str) -> nw.LazyFrame[Any]:
        """Return sums and days by customer and `keys`, such as ``n_before``, ``first_before``."""
        day, length = nw.col("day"), self.recent * DAY
        conditions = {
            "before": day < self.middle,
            "after": day >= self.middle,
            "recent_before": (day < self.middle) & (day >= self.middle - length),
            "recent": (day < self.end) & (day >= self.end - length),
        }
        zero = nw.lit(0)
        parts = {
            f"{column}_{part}": nw.when(condition).then(nw.col(column)).otherwise(zero)
            for part, condition in conditions.items()
            for column in columns
        }
        # Days, not moments: some engines read a literal timestamp in the session's time zone.
        days = {half: nw.when(conditions[half]).then(day) for half in SUMS[:2]}
        marked = daily.with_columns(
            **parts, **{f"day_{half}": value for half, value in days.items()}
        )
        return marked.group_by("customer_id", *keys).agg(
            *(nw.col(name).sum().cast(nw.Float64).alias(name) for name in parts),
            *(nw.col(f"day_{half}").min().alias(f"first_{half}") for half in days),
            *(nw.col(f"day_{half}").max().alias(f"last_{half}") for half in days),
        )


def _filled(values: pd.Series) -> FloatArray:
    filled: FloatArray = values.fillna(0).to_numpy(dtype=np.float64)
    return filled


def _days(values: pd.Series) -> FloatArray:
    """Return dates as days since 1970, NaN for null."""
    moments = pd.to_datetime(values).to_numpy(dtype="datetime64[us]")
    days = (moments - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")
    found: FloatArray = np.where(np.isnat(moments), np.nan, days)
    return found
