"""Events with zones in pandas: as in every other library."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

METRIC = EngagementMetric(
    "shop", "driver", 2, 2,
    (WeightedBehaviour("visit", 100, None, None, "frequency", "events",
                       Transform("linear", scale=None, shape=None, cap=4)),),
)  # fmt: skip


@pytest.mark.parametrize("zone", ["America/New_York", "Etc/GMT+5", "Europe/Berlin", "+05:30"])
@pytest.mark.parametrize("unit", ["ns", "us"])
def test_events_of_any_zone_are_scored(zone: str, unit: str) -> None:
    moments = pd.to_datetime(
        ["2024-03-02 23:59:59.999999999", "2024-03-03", "2024-02-29"], format="ISO8601"
    )
    zoned: Any = moments.tz_localize("UTC").as_unit(unit).tz_convert(zone)
    events = pd.DataFrame(
        {"customer_id": ["ann", "ann", "bob"], "event_type": "visit", "timestamp": zoned}
    )
    scored = METRIC.score_events(events, as_of="2024-03-03")
    assert dict(zip(scored["customer_id"], scored["score"], strict=True)) == {"ann": 25, "bob": 0}
    if zone != "+05:30":
        plain = pl.from_pandas(events.assign(timestamp=moments.as_unit(unit)))
        in_zone = pl.col("timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        frame = METRIC.score_events(plain.with_columns(in_zone), as_of="2024-03-03")
        assert dict(frame.rows()) == {"ann": 25, "bob": 0}
