"""Ratios between behaviours against a slow oracle, on every engine, with zero denominators."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement_ml.config import parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.errors import ConfigError, InputError
from engagement_ml.features import Panel, build_panel
from engagement_ml.features.family import FeatureContext
from engagement_ml.features.ratios import ratio_features
from engagement_ml.inputs import read_tables
from engagement_ml.windows import History, plan_windows

KINDS = ("opened", "clicked", "begun", "done")
RATIOS = [
    {"name": "click_through", "numerator": "clicked", "denominator": "opened"},
    {"name": "per mail", "numerator": ["clicked", "done"], "denominator": ["opened", "begun"]},
    {"name": "abandonment", "begun": "begun", "done": ["done"]},
    {"name": "breadth", "breadth": ["clicked", "begun", "done"]},
]
CONFIG = parse_config({"name": "ratios", "features": {"ratios": RATIOS}})
CUTOFF = dt.date(2024, 3, 25)
WINDOWS = plan_windows(History(dt.date(2024, 1, 1), dt.date(2024, 6, 17)), CONFIG.windows)
COUNTS = st.lists(
    st.tuples(*(st.sampled_from([0, 0, 1, 2, 7]) for _ in KINDS)), min_size=1, max_size=12
)


def expected(counts: dict[str, float]) -> list[float]:
    opened, clicked, begun, done = (counts[kind] for kind in KINDS)
    return [
        clicked / opened if opened else math.nan,
        (clicked + done) / (opened + begun) if opened + begun else math.nan,
        max(0.0, 1 - done / begun) if begun else math.nan,
        sum(x > 0 for x in (clicked, begun, done)) / 3,
    ]


@settings(deadline=None, max_examples=30)
@given(rows=COUNTS)
def test_every_engine_equals_the_oracle(rows: list[tuple[int, ...]]) -> None:
    table = {f"{kind}__frequency": [float(row[i]) for row in rows] for i, kind in enumerate(KINDS)}
    wanted = [expected(dict(zip(KINDS, map(float, row), strict=True))) for row in rows]
    context = FeatureContext(
        total=lambda total: nw.col(total.name),
        column=nw.col,
        entry=nw.col("entry"),
        exit=nw.col("exit"),
        cutoff=CUTOFF,
        windows=WINDOWS,
    )
    features = ratio_features(CONFIG.features.ratios)
    expressions = [feature.evaluate(context).alias(feature.name) for feature in features]
    with open_duckdb(threads=1) as engine:
        frames: list[Any] = [
            engine.small(table),
            nw.from_native(pl.LazyFrame(table)),
            nw.from_native(pd.DataFrame(table)).lazy(),
        ]
        for frame in frames:
            values = frame.select(*expressions).collect("pandas").to_native()
            np.testing.assert_allclose(values.to_numpy(dtype=float), wanted, rtol=1e-12)


def panel_of(events: list[tuple[int, str]], ratios: list[dict[str, Any]]) -> Panel:
    frame = pd.DataFrame(events, columns=["customer_id", "event_type"])
    # The first and the last day of the window.
    frame["timestamp"] = pd.Timestamp("2024-03-09 10:00")
    frame.loc[0, "timestamp"] = pd.Timestamp("2024-03-05 10:00")
    paid = pd.DataFrame(
        {
            "customer_id": [1, 2],
            "timestamp": pd.to_datetime(["2024-03-01", "2024-03-20"]),
            "margin": [1.0, 2.0],
        }
    )
    config = parse_config(
        {
            "name": "ratios",
            "windows": {"observation_days": 5, "outcome_days": 5, "cutoffs": ["2024-03-10"]},
            "behaviours": {"beat": {"role": "ignore"}} if (9, "beat") in events else {},
            "features": {"ratios": ratios},
        }
    )
    with open_duckdb(threads=1) as engine:
        tables = read_tables(config, engine, {"events": frame, "transactions": paid})
        return build_panel(tables, config, plan_windows(tables.history, config.windows))


def test_the_panel_has_the_ratios_as_features_with_nan_for_null() -> None:
    events = [(1, "opened"), (1, "opened"), (1, "clicked"), (2, "begun"), (2, "done"), (2, "done")]
    panel = panel_of(events, RATIOS)
    assert panel.joint_features == (
        "ratio__click_through", "ratio__per mail", "ratio__abandonment", "ratio__breadth",
    )  # fmt: skip
    assert set(panel.joint_features) < set(panel.features)
    ratios = panel.frame.set_index("customer_id")[list(panel.joint_features)]
    assert (ratios.dtypes == np.float64).all()
    np.testing.assert_array_equal(
        ratios.loc[[1, 2]].to_numpy(), [[0.5, 0.5, np.nan, 1 / 3], [np.nan, 2.0, 0.0, 2 / 3]]
    )


@pytest.mark.parametrize(
    ("ratios", "says"),
    [
        ([{"name": "r", "numerator": "clicked", "denominator": "openend"}],
         r"'features\.ratios\.0\.denominator'.*no event of type 'openend'.*mean 'opened'"),
        ([RATIOS[0], {"name": "r", "breadth": ["clicked", "dome"]}],
         r"'features\.ratios\.1\.breadth'.*'dome'.*mean 'done'"),
        ([{"name": "Clicked", "breadth": "done"}],
         r"'features\.ratios\.0\.name': 'clicked' is an event type .* give the ratio another name"),
    ],
)  # fmt: skip
def test_a_ratio_needs_existing_event_types_and_a_free_name(ratios: list[Any], says: str) -> None:
    events = [(1, kind) for kind in KINDS] + [(2, "opened")]
    with pytest.raises(ConfigError, match=says):
        panel_of(events, ratios)


def test_an_event_type_may_not_have_the_prefix_of_an_enabled_family() -> None:
    events = [(1, "opened"), (2, "ratio")]
    assert "ratio__frequency" in panel_of(events, []).frame
    with pytest.raises(InputError, match="event type 'ratio' is a reserved name of results"):
        panel_of(events, [{"name": "r", "breadth": "opened"}])
