"""A promotion with odd names, made by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from engagement_ml.lifecycle.backcast import CutoffCounts, backcast
from engagement_ml.lifecycle.facts import GateFacts
from engagement_ml.lifecycle.gate import decide
from engagement_ml.lifecycle.promotion import Promotion
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

ODD = "call \"now\" <script>alert('x')</script> {{ 7 * 7 }}\nnaïve"


def odd_promotion(**changes: Any) -> Promotion:
    """Return a failed promotion whose behaviours, segments and customers have odd names."""
    straight = Transform("linear", scale=None, shape=None, cap=10)

    def metric(name: str, days: int) -> EngagementMetric:
        behaviour = WeightedBehaviour(name, 100.0, None, None, "frequency", "events", straight)
        return EngagementMetric("shop", "driver", days, 84, (behaviour,))

    n = 40
    counts = CutoffCounts(
        cutoff=dt.date(2024, 1, 1),
        customers=np.array([f"<i>{i}</i>" for i in range(n)], dtype=object),
        before={ODD: np.arange(n) % 9.0},
        after={"visit": np.arange(n) % 7.0},
        segments={"<u>plan</u>": np.array([ODD] * n, dtype=object)},
    )
    row = {"value": 0.2, "low": 0.1, "high": 0.3}
    values = {
        "model": "Shop [bold] <b>",
        "version": 2,
        "champion": 1,
        "decision": decide(GateFacts(evidence="driver", gains_on_vanity={ODD: None})),
        "promoted": False,
        "dry_run": True,
        "measured": {
            "across": {"metric": {"spearman": row, "difference": None}},
            "within": {},
            "vanity": {ODD: {"spearman": row, "difference": row}},
        },
        "cutoffs": (dt.date(2024, 1, 1),),
        "backcast": backcast(metric(ODD, 84), metric("visit", 56), [counts]),
        "notes": (f"the events have no {ODD}",),
        "entity": "<em>partner</em>",
        "created_at": "2024-06-01T00:00:00+00:00",
    }
    return Promotion(**{**values, **changes})
