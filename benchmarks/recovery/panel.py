"""Feature table for the competing methods: window counts, purchase history, later margin.

It is built with pandas and shares no code with the package's features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.recovery.world import World

START = pd.Timestamp("2023-01-02")
HISTORY = ("recency_days", "orders", "past_margin", "mean_order", "tenure_days")


@dataclass(frozen=True)
class BaselinePanel:
    """Rows of customers × cutoffs with disjoint outcome windows; all tables share the row order."""

    counts: pd.DataFrame
    history: pd.DataFrame
    margin: pd.Series
    customer: pd.Series

    def sample(self, rows: int, seed: int) -> BaselinePanel:
        """Return at most `rows` randomly drawn rows."""
        if len(self.margin) <= rows:
            return self
        sampled = np.sort(np.random.default_rng(seed).permutation(len(self.margin))[:rows])
        parts = (self.counts, self.history, self.margin, self.customer)
        return BaselinePanel(*(part.iloc[sampled].reset_index(drop=True) for part in parts))


def build_baseline_panel(world: World) -> BaselinePanel:
    """Count events before and sum margin after cutoffs that lie one outcome window apart."""
    windows = dict(world.settings.get("windows", {}))  # type: ignore[call-overload]
    observation = pd.Timedelta(days=windows.get("observation_days", 84))
    outcome = pd.Timedelta(days=windows.get("outcome_days", 84))
    end = START + pd.Timedelta(days=7 * world.n_weeks)
    cutoffs = []
    cutoff = end - outcome
    while cutoff - observation >= START:
        cutoffs.append(cutoff)
        cutoff -= outcome
    events = world.events
    transactions = world.transactions.copy()
    if "margin" not in transactions:
        transactions["margin"] = transactions["revenue"] - transactions["cost"]
    first = pd.concat(
        [events.groupby("customer_id")["timestamp"].min(),
         transactions.groupby("customer_id")["timestamp"].min()]
    ).groupby(level=0).min()  # fmt: skip
    churn = world.settings.get("churn")
    cancelled = pd.Series(dtype="datetime64[us]")
    if isinstance(churn, dict):
        cancellations = events[events["event_type"] == churn["event_type"]]
        cancelled = cancellations.groupby("customer_id")["timestamp"].min()
    parts = [
        _rows(world, events, transactions, first, cancelled, c, observation, outcome)
        for c in sorted(cutoffs)
    ]
    return BaselinePanel(
        counts=pd.concat([p.counts for p in parts], ignore_index=True),
        history=pd.concat([p.history for p in parts], ignore_index=True),
        margin=pd.concat([p.margin for p in parts], ignore_index=True),
        customer=pd.concat([p.customer for p in parts], ignore_index=True),
    )


def _rows(
    world: World,
    events: pd.DataFrame,
    transactions: pd.DataFrame,
    first: pd.Series,
    cancelled: pd.Series,
    cutoff: pd.Timestamp,
    observation: pd.Timedelta,
    outcome: pd.Timedelta,
) -> BaselinePanel:
    """Return the rows of one cutoff."""
    present = first.index[first < cutoff].difference(cancelled.index[cancelled < cutoff])
    in_window = events["timestamp"].between(cutoff - observation, cutoff, inclusive="left")
    counts = (
        events[in_window]
        .groupby(["customer_id", "event_type"])
        .size()
        .unstack(fill_value=0)
        .reindex(index=present, columns=list(world.behaviours), fill_value=0)
        .astype(float)
    )
    past = transactions[transactions["timestamp"] < cutoff]
    recent = past[past["timestamp"] >= cutoff - observation].groupby("customer_id")["margin"]
    last = past.groupby("customer_id")["timestamp"].max().reindex(present)
    history = pd.DataFrame(
        {
            "recency_days": (cutoff - last).dt.total_seconds() / 86_400,
            "orders": recent.size().reindex(present, fill_value=0).astype(float),
            "past_margin": recent.sum().reindex(present, fill_value=0.0),
            "mean_order": recent.mean().reindex(present, fill_value=0.0).fillna(0.0),
            "tenure_days": (cutoff - first.reindex(present)).dt.total_seconds() / 86_400,
        },
        index=present,
    )
    history["recency_days"] = history["recency_days"].fillna(history["tenure_days"])
    in_outcome = transactions["timestamp"].between(cutoff, cutoff + outcome, inclusive="left")
    margin = transactions[in_outcome].groupby("customer_id")["margin"].sum()
    return BaselinePanel(
        counts=counts.reset_index(drop=True),
        history=history.reset_index(drop=True),
        margin=margin.reindex(present, fill_value=0.0).reset_index(drop=True),
        customer=pd.Series(present),
    )
