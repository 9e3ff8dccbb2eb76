"""The same features by hand in pandas, as one would write them in a notebook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

KEYS = ["customer_id", "event_type"]


def write_panel(world: Path, target: Path, cutoffs: Sequence[dt.date], days: int) -> int:
    """Write features and outcomes of all customers at all cutoffs; return the rows."""
    events = pd.read_parquet(world / "events").drop_duplicates("event_id")
    events["event_type"] = events["event_type"].astype("category")
    orders = pd.read_parquet(world / "transactions.parquet")
    entry = pd.concat(
        [events.groupby("customer_id")["timestamp"].min(),
         orders.groupby("customer_id")["timestamp"].min()]
    ).groupby(level=0).min().sort_index()  # fmt: skip
    start = max(events["timestamp"].min(), orders["timestamp"].min()).normalize()
    with_value = set(events.loc[events["value"].notna(), "event_type"].unique())
    panels = []
    for day in cutoffs:
        cutoff = pd.Timestamp(day).as_unit("us")
        there = entry[entry < cutoff]
        parts = [
            behaviours(events, cutoff, days, there, start, with_value),
            history(orders, cutoff, days, there),
        ]
        panel = pd.concat(parts, axis=1).reset_index()
        panel.insert(1, "cutoff", cutoff)
        panels.append(panel)
    pd.concat(panels, ignore_index=True).to_parquet(target)
    return sum(map(len, panels))


def behaviours(
    events: pd.DataFrame,
    cutoff: pd.Timestamp,
    days: int,
    there: pd.Series,
    start: pd.Timestamp,
    with_value: set[str],
) -> pd.DataFrame:
    """Features of each behaviour in the window before a cutoff, a column each."""
    opened = cutoff - pd.Timedelta(days=days)
    earlier = opened - pd.Timedelta(days=days)
    when = events["timestamp"]
    now = events[(when >= opened) & (when < cutoff)].copy()
    before = events[(when >= earlier) & (when < opened)]
    now["day"] = now["timestamp"].dt.normalize()
    now["week"] = ((cutoff - now["day"]).dt.days - 1) // 7
    grouped = now.groupby(KEYS, observed=True)
    n = grouped.size()
    n_before = before.groupby(KEYS, observed=True).size()
    both = pd.concat([n, n_before], axis=1, keys=["now", "before"]).fillna(0.0)
    whole_weeks = now[now["week"] < days // 7].groupby(KEYS, observed=True)["week"]
    made = {
        "frequency": n,
        "active_days": grouped["day"].nunique(),
        "recency_days": (cutoff - grouped["timestamp"].max()) / pd.Timedelta(days=1),
        "trend": (both["now"] - both["before"]) / (both["now"] + both["before"]),
        "regularity": whole_weeks.nunique() / (days // 7),
        "value": grouped["value"].sum(),
    }
    uncovered = there.index[(there > earlier)] if earlier >= start else there.index
    wide = []
    for name, values in made.items():
        table = values.unstack().reindex(there.index)
        if name == "value":
            table = table[[kind for kind in table.columns if kind in with_value]]
        if name != "recency_days":
            table = table.fillna(0.0)
        if name == "trend":
            table.loc[uncovered] = np.nan
        table.columns = [f"{kind}__{name}" for kind in table.columns]
        wide.append(table)
    return pd.concat(wide, axis=1)


def history(
    orders: pd.DataFrame, cutoff: pd.Timestamp, days: int, there: pd.Series
) -> pd.DataFrame:
    """Purchase history before a cutoff and outcomes after it."""
    when = orders["timestamp"]
    window = pd.Timedelta(days=days)
    past = orders[when < cutoff].groupby("customer_id")
    now = orders[(when >= cutoff - window) & (when < cutoff)].groupby("customer_id")["margin"]
    after = orders[(when >= cutoff) & (when < cutoff + window)].groupby("customer_id")["margin"]
    made = pd.DataFrame(index=there.index)
    made["history__recency_days"] = (cutoff - past["timestamp"].max()) / pd.Timedelta(days=1)
    made["history__frequency"] = now.size()
    made["history__monetary_value"] = now.mean()
    made["history__tenure_days"] = (cutoff - there) / pd.Timedelta(days=1)
    made["history__past_margin"] = now.sum()
    made["margin"] = after.sum()
    made["transactions"] = after.size()
    whole = ["history__frequency", "history__past_margin", "margin", "transactions"]
    made[whole] = made[whole].fillna(0.0)
    bought = made["history__frequency"] > 0
    made["churned"] = (made["transactions"] == 0).astype(float).where(bought)
    return made


def disagreement(ours: Path, theirs: Path, n_customers: int, seed: int = 0) -> dict[str, object]:
    """Return the largest relative difference on a sample of customers, and where it is."""
    left = pd.read_parquet(ours)
    right = pd.read_parquet(theirs)
    everybody = np.sort(left["customer_id"].unique())
    some = np.random.default_rng(seed).choice(
        everybody, min(n_customers, len(everybody)), replace=False
    )
    keys = ["customer_id", "cutoff"]
    left = left[left["customer_id"].isin(some)].sort_values(keys).reset_index(drop=True)
    right = right[right["customer_id"].isin(some)].sort_values(keys).reset_index(drop=True)
    if not left[keys].equals(right[keys]):
        return {"largest": float("inf"), "column": "customer_id, cutoff", "columns": 0}
    columns = [c for c in right.columns if c not in keys]
    largest, worst = 0.0, ""
    for column in columns:
        a, b = left[column].to_numpy(float), right[column].to_numpy(float)
        unlike = np.isnan(a) != np.isnan(b)
        scale = np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))
        apart = np.where(unlike, np.inf, np.nan_to_num(np.abs(a - b) / scale))
        if apart.max() > largest:
            largest, worst = float(apart.max()), column
    return {"largest": largest, "column": worst, "columns": len(columns), "rows": len(left)}
