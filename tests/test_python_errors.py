"""What a user can do wrong in Python is an `EngagementError` of one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pytest

import engagement_ml as em
from engagement_ml.config import WindowsConfig
from engagement_ml.metric import Transform, WeightedBehaviour

EMPTY = pd.DataFrame()
EVENTS = pd.DataFrame(
    {
        "customer_id": [1, 2, 1, 2],
        "timestamp": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-20", "2024-02-10"]),
        "event_type": "visit",
    }
)
TRANSACTIONS = EVENTS[["customer_id", "timestamp"]].assign(margin=2.5)
WINDOWS = {"observation_days": 7, "outcome_days": 7, "every_days": 7}
STRAIGHT = Transform("linear", scale=None, shape=None, cap=4)
VISIT = WeightedBehaviour("visit", 100, None, None, "frequency", "events", STRAIGHT)


def metric(days: Any = 84) -> em.EngagementMetric:
    return em.EngagementMetric("shop", "driver", days, 84, (VISIT,))


CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "unknown key": (
        lambda: em.PipelineConfig(name="shop", windws={}),  # type: ignore[call-arg]
        "PipelineConfig: unknown key 'windws' (did you mean 'windows'?)",
    ),
    "missing key": (em.PipelineConfig, "key 'name' is missing"),  # type: ignore[call-arg]
    "key of a section": (
        lambda: em.PipelineConfig(name="shop", windows={"gap_days": -1}),  # type: ignore[arg-type]
        "PipelineConfig: key 'windows.gap_days'",
    ),
    "section": (lambda: WindowsConfig(gap_days=-1), "WindowsConfig: key 'gap_days'"),
    "unknown key of a section": (
        lambda: WindowsConfig(gap_dys=1),  # type: ignore[call-arg]
        "WindowsConfig: unknown key 'gap_dys' (did you mean 'gap_days'?)",
    ),
    "no configuration": (lambda: em.read_config(None), "found None"),  # type: ignore[arg-type]
    "no metric": (lambda: em.load_metric(None), "found None"),  # type: ignore[arg-type]
    "a number as metric": (lambda: em.load_metric(3), "found 3"),  # type: ignore[arg-type]
    "no text of a metric": (lambda: em.EngagementMetric.from_json(None), "found None"),  # type: ignore[arg-type]
    "nothing to score": (lambda: em.score(None, EVENTS), "found None"),  # type: ignore[arg-type]
    "nothing to evaluate": (lambda: em.evaluate(None), "found None"),  # type: ignore[arg-type]
    "fit without tables": (lambda: em.EngagementModel().fit(), "'sources.events' is missing"),
    "fit empty tables": (lambda: em.EngagementModel().fit(EMPTY, EMPTY), "events: has no columns"),
    "fit tables without rows": (
        lambda: em.EngagementModel().fit(EVENTS.head(0), TRANSACTIONS.head(0)), "empty",
    ),
    "features of empty Polars frames": (
        lambda: em.features(pl.DataFrame(), pl.DataFrame()), "events: has no columns",
    ),
    "a date before all dates": (
        lambda: metric().score_events(EVENTS, as_of="0001-01-01T00:00+14:00"), "is not a date",
    ),
    "a date that does not exist": (
        lambda: metric().score_events(EVENTS, as_of="2024-02-30"), "'2024-02-30' is not a date",
    ),
    "a window of a metric": (lambda: metric(10**9), "at most 36500"),
    "a seed": (lambda: em.make_shop(5, 5, seed=-1), "seed"),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_mistakes_are_errors_of_one_line(call):
    function, said = CALLS[call]
    with pytest.raises(em.EngagementError) as caught:
        function()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_scores_at_the_first_date_of_all_are_zero():
    customers = pd.DataFrame({"customer_id": [1]})
    scored = metric().score_events(EVENTS, as_of="0001-03-01", customers=customers)
    assert scored["score"].tolist() == [0.0]
    assert "0001-01-01" in metric().to_sql_events("events", "0001-03-01")


ODD = {
    "bytes": [b"a", b"b"],
    "list": [["a"], ["b", "c"]],
    "record": [{"a": 1}, {"a": 2}],
    "period": pd.period_range("2024-01", periods=2, freq="M"),
    "interval": pd.interval_range(0, 2),
    "complex": [1j, 2j],
    "mixed": [1, "a"],
}


@pytest.mark.parametrize("column", ODD)
def test_columns_of_customers_that_are_no_covariates(column):
    customers = pd.DataFrame({"customer_id": [1, 2], "odd": ODD[column], "plan": ["a", "b"]})
    panel = em.features(EVENTS, TRANSACTIONS, customers, windows=WINDOWS)
    assert sorted(set(panel["covariate__plan"])) == ["a", "b"]
    # What became text is a covariate like any other text.
    as_text = column in ("period", "interval", "complex", "mixed")
    assert ("covariate__odd" in panel) is as_text


@pytest.mark.parametrize("column", ["bytes", "list", "record"])
def test_columns_of_polars_customers_that_are_no_covariates(column):
    customers = pl.DataFrame({"customer_id": [1, 2], "odd": ODD[column], "plan": ["a", "b"]})
    panel = em.features(EVENTS, TRANSACTIONS, customers, windows=WINDOWS)
    assert "covariate__plan" in panel
    assert "covariate__odd" not in panel
