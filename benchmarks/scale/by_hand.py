"""The same features in hand-written pandas, as in a notebook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

KEYS = ["customer_id", "event_type"]


def write_panel(source: Path, target: Path, cutoffs: Sequence[dt.date], days: int) -> int:
    """Write features and outcomes of all customers at all cutoffs; return the number of rows."""
    events = pd.read_parquet(source / "events").drop_duplicates("event_id")
    events["event_type"] = events["event_type"].astype("category")
    orders = pd.read_parquet(source / "transactions.parquet")
    entry = pd.concat(
        [events.groupby("customer_id")["timestamp"].min(),
         orders.groupby("customer_id")["timestamp"].min()]
    ).groupby(level=0).min().sort_index()  # fmt: skip
    start = max(events["timestamp"].min(), orders["timestamp"].min()).normalize()
    with_value = set(events.loc[events["value"].notna(), "event_type"].unique())
    panels = []
    for day in cutoffs:
        cutoff = pd.Timestamp(day).as_unit("us")
        present = entry[entry < cutoff]
        parts = [
            behaviours(events, cutoff, days, present, start, with_value),
            history(orders, cutoff, days, present),
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
    present: pd.Series,
    start: pd.Timestamp,
    with_value: set[str],
) -> pd.DataFrame:
    """Return the features of each behaviour in the window before a cutoff."""
    window_start = cutoff - pd.Timedelta(days=days)
    previous_start = window_start - pd.Timedelta(days=days)
    timestamps = events["timestamp"]
    current = events[(timestamps >= window_start) & (timestamps < cutoff)].copy()
    previous = events[(timestamps >= previous_start) & (timestamps < window_start)]
    current["day"] = current["timestamp"].dt.normalize()
    current["week"] = ((cutoff - current["day"]).dt.days - 1) // 7
    grouped = current.groupby(KEYS, observed=True)
    n = grouped.size()
    n_previous = previous.groupby(KEYS, observed=True).size()
    both = pd.concat([n, n_previous], axis=1, keys=["current", "previous"]).fillna(0.0)
    whole_weeks = current[current["week"] < days // 7].groupby(KEYS, observed=True)["week"]
    features = {
        "frequency": n,
        "active_days": grouped["day"].nunique(),
        "recency_days": (cutoff - grouped["timestamp"].max()) / pd.Timedelta(days=1),
        "trend": (both["current"] - both["previous"]) / (both["current"] + both["previous"]),
        "regularity": whole_weeks.nunique() / (days // 7),
        "value": grouped["value"].sum(),
    }
    uncovered = (
        present.index[(present > previous_start)] if previous_start >= start else present.index
    )
    wide = []
    for name, values in features.items():
        table = values.unstack().reindex(present.index)
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
    orders: pd.DataFrame, cutoff: pd.Timestamp, days: int, present: pd.Series
) -> pd.DataFrame:
    """Return the purchase history before a cutoff and the outcomes after it."""
    timestamps = orders["timestamp"]
    window = pd.Timedelta(days=days)
    past = orders[timestamps < cutoff].groupby("customer_id")
    in_window = (timestamps >= cutoff - window) & (timestamps < cutoff)
    in_outcome = (timestamps >= cutoff) & (timestamps < cutoff + window)
    margin_before = orders[in_window].groupby("customer_id")["margin"]
    margin_after = orders[in_outcome].groupby("customer_id")["margin"]
    result = pd.DataFrame(index=present.index)
    result["history__recency_days"] = (cutoff - past["timestamp"].max()) / pd.Timedelta(days=1)
    result["history__frequency"] = margin_before.size()
    result["history__monetary_value"] = margin_before.mean()
    result["history__tenure_days"] = (cutoff - present) / pd.Timedelta(days=1)
    result["history__past_margin"] = margin_before.sum()
    result["margin"] = margin_after.sum()
    result["transactions"] = margin_after.size()
    zero_if_missing = ["history__frequency", "history__past_margin", "margin", "transactions"]
    result[zero_if_missing] = result[zero_if_missing].fillna(0.0)
    bought = result["history__frequency"] > 0
    result["churned"] = (result["transactions"] == 0).astype(float).where(bought)
    return result


def largest_difference(
    product: Path, pandas: Path, n_customers: int, seed: int = 0
) -> dict[str, object]:
    """Return the largest relative difference on a sample of customers, and its column."""
    left = pd.read_parquet(product)
    right = pd.read_parquet(pandas)
    customers = np.sort(left["customer_id"].unique())
    sample = np.random.default_rng(seed).choice(
        customers, min(n_customers, len(customers)), replace=False
    )
    keys = ["customer_id", "cutoff"]
    left = left[left["customer_id"].isin(sample)].sort_values(keys).reset_index(drop=True)
    right = right[right["customer_id"].isin(sample)].sort_values(keys).reset_index(drop=True)
    if not left[keys].equals(right[keys]):
        return {"largest": float("inf"), "column": "customer_id, cutoff", "columns": 0}
    columns = [c for c in right.columns if c not in keys]
    largest, worst = 0.0, ""
    for column in columns:
        a, b = left[column].to_numpy(float), right[column].to_numpy(float)
        null_mismatch = np.isnan(a) != np.isnan(b)
        scale = np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))
        difference = np.where(null_mismatch, np.inf, np.nan_to_num(np.abs(a - b) / scale))
        if difference.max() > largest:
            largest, worst = float(difference.max()), column
    return {"largest": largest, "column": worst, "columns": len(columns), "rows": len(left)}
