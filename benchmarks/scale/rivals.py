"""featuretools and tsfresh on the features they can express: counts, days, last times, sums."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd


def run_featuretools(source: Path, target: Path, cutoffs: Sequence[dt.date], days: int) -> int:
    """Run deep feature synthesis at each cutoff: count, active days, last time, sum, by type."""
    warnings.simplefilter("ignore")
    import featuretools as ft

    events = pd.read_parquet(source / "events")
    customers = pd.DataFrame({"customer_id": events["customer_id"].unique()})
    entity_set = ft.EntitySet("events")
    entity_set.add_dataframe(dataframe_name="customers", dataframe=customers, index="customer_id")
    entity_set.add_dataframe(
        dataframe_name="events",
        dataframe=events,
        index="event_id",
        time_index="timestamp",
        logical_types={"event_type": "Categorical"},
    )
    entity_set.add_relationship("customers", "customer_id", "events", "customer_id")
    kinds = sorted(events["event_type"].astype(str).unique())
    entity_set.add_interesting_values(dataframe_name="events", values={"event_type": kinds})
    cutoff_times = [customers.assign(time=pd.Timestamp(cutoff)) for cutoff in cutoffs]
    features, _ = ft.dfs(
        entityset=entity_set,
        target_dataframe_name="customers",
        cutoff_time=pd.concat(cutoff_times, ignore_index=True),
        training_window=f"{days} days",
        include_cutoff_time=False,
        agg_primitives=["count", "n_unique_days", "time_since_last", "sum"],
        where_primitives=["count", "n_unique_days", "time_since_last", "sum"],
        trans_primitives=[],
        max_depth=2,
    )
    pd.DataFrame(features).to_parquet(target)
    return int(features.shape[1])


def run_tsfresh(source: Path, target: Path, cutoffs: Sequence[dt.date], days: int) -> int:
    """Extract length, sum and last time of each series: a customer's events of one type."""
    warnings.simplefilter("ignore")
    from tsfresh import extract_features

    events = pd.read_parquet(source / "events")
    events["event_type"] = events["event_type"].astype(str)
    parts: list[Any] = []
    for day in cutoffs:
        cutoff = pd.Timestamp(day)
        opened = cutoff - pd.Timedelta(days=days)
        inside = events[(events["timestamp"] >= opened) & (events["timestamp"] < cutoff)]
        days_ago = (cutoff - inside["timestamp"]) / pd.Timedelta(days=1)
        series = pd.DataFrame(
            {
                "id": inside["customer_id"],
                "kind": inside["event_type"],
                "sort": inside["timestamp"],
                "value": inside["value"].fillna(0.0),
            }
        )
        moments = series.assign(kind=series["kind"] + "_ago", value=days_ago)
        features = extract_features(
            pd.concat([series, moments], ignore_index=True),
            column_id="id",
            column_kind="kind",
            column_sort="sort",
            column_value="value",
            default_fc_parameters={"length": None, "sum_values": None, "minimum": None},
            disable_progressbar=True,
        )
        parts.append(features.assign(cutoff=cutoff))
    panel = pd.concat(parts)
    panel.to_parquet(target)
    return int(panel.shape[1])


RIVALS = {"featuretools": run_featuretools, "tsfresh": run_tsfresh}
