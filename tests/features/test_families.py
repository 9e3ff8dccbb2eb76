"""Feature families: one defined here enters every panel and the catalogue without other changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from engagement_ml.engine import open_duckdb
from engagement_ml.errors import InputError
from engagement_ml.features import Panel, build_panel
from engagement_ml.features.aggregations import plan_aggregations
from engagement_ml.features.catalogue import catalogue, catalogue_markdown, features_page
from engagement_ml.features.daily_totals import daily_events, daily_transactions
from engagement_ml.features.families import FAMILIES, enabled_families
from engagement_ml.features.family import (
    BY_BEHAVIOUR,
    OBSERVATION,
    Feature,
    FeatureContext,
    FeatureFamily,
)
from engagement_ml.features.lazy_panel import build_lazy_panel
from engagement_ml.features.window_aggregates import Total
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.windows import DAY, Window, plan_windows
from tests.features.test_panel import PolarsEngine, config, frames

# Refunds: totals from the transactions, a column of an earlier family, and both coverage rules.
LAST_WEEK = "last_week"
LOSS = Total("refunds_loss", "loss", "sum", LAST_WEEK)
LATEST = Total("latest_refund", "last", "max", LAST_WEEK)


def loss_rate(context: FeatureContext) -> nw.Expr:
    n = context.column("history__frequency")
    return nw.when(n > 0).then(context.total(LOSS).cast(nw.Float64) / 1e6 / n)


REFUNDS = FeatureFamily(
    prefix="refunds",
    title="Refunds",
    description="Refunds are transactions with a negative margin.",
    daily=daily_transactions,
    windows_at=lambda tables, windows, cutoff: {LAST_WEEK: Window(cutoff - 7 * DAY, cutoff)},
    features=(
        Feature(
            name="loss",
            formula="minus the sum of the negative margins",
            unit="currency",
            window="the week before the cutoff",
            nulls="null unless the history and the customer's entry reach back three windows",
            totals=(LOSS,),
            expression=lambda context: context.total(LOSS).cast(nw.Float64) / 1e6,
            covered_windows=3,
        ),
        Feature(
            name="loss_rate",
            formula="loss of the week / transactions of the observation window",
            unit="currency",
            window="the week before the cutoff; observation window",
            nulls="null without transactions",
            totals=(LOSS,),
            columns=("history__frequency",),
            expression=loss_rate,
        ),
        Feature(
            name="latest_days",
            formula="cutoff − time of the last transaction of the week",
            unit="days",
            window="the week before the cutoff",
            nulls="null without transactions in the week",
            totals=(LATEST,),
            expression=lambda context: context.days_since(context.total(LATEST)),
        ),
        Feature(
            name="monthly",
            formula="loss in windows of 30 days or more",
            unit="currency",
            window="the week before the cutoff",
            nulls="null if the observation window is shorter than 30 days",
            totals=(LOSS,),
            expression=lambda context: context.total(LOSS).cast(nw.Float64),
            min_window_days=30,
        ),
    ),
)
VALUE = Total("value_sum", "value", "sum", OBSERVATION)
EVENTS = Total("events", "n", "sum", OBSERVATION)
MEAN_VALUE = FeatureFamily(
    prefix=BY_BEHAVIOUR,
    title="Mean value",
    daily=daily_events,
    features=(
        Feature(
            name="mean_value",
            formula="sum of `value` / number of events",
            unit="as in the events",
            window="observation window",
            nulls="null without events",
            totals=(VALUE, EVENTS),
            expression=lambda context: nw.when(context.total(EVENTS) > 0).then(
                context.total(VALUE).cast(nw.Float64) / 1e6 / context.total(EVENTS)
            ),
            needs="value",
        ),
    ),
)
SETTINGS = config(windows={"observation_days": 28, "outcome_days": 14, "every_days": 21})
EXTENDED = (*FAMILIES, REFUNDS, MEAN_VALUE)


def data() -> dict[str, pd.DataFrame]:
    tables = frames()
    tables["customers"].loc[tables["customers"]["customer_id"] % 2 == 0, "signup"] = pd.Timestamp(
        "2024-02-20 11:00"
    )
    visits = tables["events"]["event_type"] == "visit"
    tables["events"].loc[visits, "value"] = np.nan
    return tables


def tables_on(engine: Any) -> Tables:
    return read_tables(SETTINGS, engine, data())


def panel_of(tables: Tables) -> Panel:
    windows = plan_windows(tables.history, SETTINGS.windows)
    return build_panel(tables, SETTINGS, windows, families=EXTENDED)


def expected_refunds(row: pd.Series, transactions: pd.DataFrame) -> list[float]:
    paid = transactions[transactions["customer_id"] == row["customer_id"]]
    age = row["cutoff"] - paid["timestamp"]
    week = paid[(age > pd.Timedelta(0)) & (age <= pd.Timedelta(days=7))]
    n = ((age > pd.Timedelta(0)) & (age <= pd.Timedelta(days=28))).sum()
    loss = -np.minimum(week["revenue"] - week["cost"], 0).sum()
    covered = row["cutoff"] - pd.Timedelta(days=84) >= pd.Timestamp("2024-01-01")
    covered &= row["history__tenure_days"] >= 84
    return [
        loss if covered else np.nan,
        loss / n if n else np.nan,
        (row["cutoff"] - week["timestamp"].max()) / pd.Timedelta(days=1),
        np.nan,
    ]


def test_a_new_family_is_in_the_numpy_panel() -> None:
    transactions = data()["transactions"]
    with open_duckdb(threads=2) as engine:
        panel = panel_of(tables_on(engine))
    assert panel.joint_features == tuple(
        f"refunds__{name}" for name in ("loss", "loss_rate", "latest_days", "monthly")
    )
    assert "review__mean_value" in panel.behaviour_features["review"]
    assert "visit__mean_value" not in panel.behaviour_features["visit"]
    assert set(panel.features) < set(panel.frame.columns)
    expected = [expected_refunds(row, transactions) for _, row in panel.frame.iterrows()]
    values = panel.frame[list(panel.joint_features)]
    np.testing.assert_allclose(values.to_numpy(), expected, rtol=1e-9, atol=1e-9)
    # The rule of coverage must have both outcomes here.
    assert 0 < panel.frame["refunds__loss"].isna().sum() < len(panel.frame)
    np.testing.assert_allclose(
        panel.frame["review__mean_value"],
        (panel.frame["review__value"] / panel.frame["review__frequency"].replace(0, np.nan)),
        rtol=1e-12,
    )


@pytest.mark.parametrize("kind", ["duckdb", "polars"])
def test_a_new_family_is_in_the_lazy_panel(kind: str) -> None:
    with open_duckdb(threads=2) as engine:
        tables = tables_on(engine)
        expected = panel_of(tables).frame
        windows = plan_windows(tables.history, SETTINGS.windows)
        if kind == "polars":
            lazy = {
                name: nw.from_native(getattr(tables, name).collect("polars").to_native().lazy())
                for name in ("events", "transactions", "customers")
            }
            other: Any = PolarsEngine()
            tables = replace(tables, engine=other, ledger=None, **lazy)
        lazy_panel = build_lazy_panel(tables, SETTINGS, windows, families=EXTENDED)
        frame = lazy_panel.collect("pandas").to_native()
    frame = frame.sort_values(["cutoff", "customer_id"], ignore_index=True)
    assert list(frame.columns) == list(expected.columns)
    for column in expected.columns.drop(["part", "covariate__country"]):
        pd.testing.assert_series_equal(
            frame[column], expected[column], check_dtype=False, rtol=1e-12
        )


def test_a_new_family_leaves_the_other_columns_as_they_are() -> None:
    with open_duckdb(threads=2) as engine:
        tables = tables_on(engine)
        windows = plan_windows(tables.history, SETTINGS.windows)
        plain = build_panel(tables, SETTINGS, windows).frame
        extended = panel_of(tables).frame
    pd.testing.assert_frame_equal(extended[plain.columns], plain, check_exact=True)


def test_a_new_family_is_in_the_catalogue() -> None:
    names = [line["name"] for line in catalogue(SETTINGS, families=EXTENDED)]
    assert names[-5:] == [
        "refunds__loss",
        "refunds__loss_rate",
        "refunds__latest_days",
        "refunds__monthly",
        "<behaviour>__mean_value",
    ]
    assert "negative margin" in catalogue_markdown(SETTINGS, families=EXTENDED)
    page = features_page(EXTENDED)
    assert "## Refunds\n\nRefunds are transactions with a negative margin.\n\n| name |" in page
    assert all(f"| `{name}` |" in page for name in names)


def test_an_event_type_with_the_prefix_of_a_family_is_refused() -> None:
    tables_in = data()
    tables_in["events"].loc[::50, "event_type"] = "Refunds"
    with open_duckdb(threads=1) as engine:
        tables = read_tables(SETTINGS, engine, tables_in)
        with pytest.raises(InputError, match="event type 'Refunds' is the prefix of a feature"):
            panel_of(tables)


def test_two_features_of_one_name_are_refused() -> None:
    with open_duckdb(threads=1) as engine:
        tables = tables_on(engine)
        with pytest.raises(ValueError, match="two feature families define 'refunds__loss'"):
            enabled_families((*EXTENDED, REFUNDS), tables, SETTINGS)


def test_a_family_by_behaviour_needs_daily_totals() -> None:
    with pytest.raises(ValueError, match="'Trend': a family by behaviour needs daily totals"):
        FeatureFamily(prefix=BY_BEHAVIOUR, title="Trend", features=())


def test_families_of_one_source_share_a_pass_unless_their_names_clash() -> None:
    clash = FeatureFamily(
        prefix="other",
        title="Other",
        daily=daily_transactions,
        windows_at=lambda tables, windows, cutoff: {OBSERVATION: Window(cutoff - DAY, cutoff)},
        features=(
            Feature(
                name="n",
                formula="number of transactions",
                unit="transactions",
                window="the day before the cutoff",
                nulls="never null",
                totals=(Total("n", "n", "sum", OBSERVATION),),
                expression=lambda context: context.total(Total("n", "n", "sum", OBSERVATION)).cast(
                    nw.Float64
                ),
            ),
        ),
    )
    with open_duckdb(threads=1) as engine:
        tables = tables_on(engine)
        windows = plan_windows(tables.history, SETTINGS.windows)
        shared = plan_aggregations(tables, SETTINGS, windows, (*FAMILIES[-1:], REFUNDS))
        apart = plan_aggregations(tables, SETTINGS, windows, (*FAMILIES[-1:], clash))
        frame = build_panel(tables, SETTINGS, windows, families=(*FAMILIES, clash)).frame
    assert [len(spec.families) for spec in shared] == [2]
    assert [len(spec.families) for spec in apart] == [1, 1]
    assert 0 < frame["other__n"].sum() < frame["history__frequency"].sum()
