"""Panel: the same for every engine and file format, and free of data after the cutoff."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features import Panel, build_panel, build_periods, count_frame, numpy_panel
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows

WINDOWS = {"observation_days": 28, "outcome_days": 14, "every_days": 14}


def config(**more: Any) -> PipelineConfig:
    return parse_config({"name": "panel", "windows": WINDOWS, **more})


def frames(seed: int = 0, n: int = 1500) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01")

    def moments(size: int) -> pd.Series:
        seconds = rng.integers(0, 150 * 86400, size)
        return pd.Series(start + pd.to_timedelta(seconds, unit="s")).astype("datetime64[us]")

    events = pd.DataFrame(
        {
            "customer_id": rng.integers(1, 12, n),
            "timestamp": moments(n),
            "event_type": rng.choice(["visit", "app open", "review"], n, p=[0.6, 0.3, 0.1]),
            "event_id": [f"e{i}" for i in rng.integers(0, n * 3, n)],
            "value": np.where(rng.random(n) < 0.4, rng.normal(5, 3, n).round(2), np.nan),
            "duration_seconds": rng.integers(0, 600, n),
        }
    )
    transactions = pd.DataFrame(
        {
            "customer_id": rng.integers(1, 12, n // 5),
            "timestamp": moments(n // 5),
            "revenue": rng.normal(30, 20, n // 5).round(2),
            "cost": rng.normal(20, 5, n // 5).round(2),
        }
    )
    customers = pd.DataFrame(
        {
            "customer_id": np.arange(1, 15),
            "signup": pd.Series([start - pd.Timedelta(days=3)] * 14).astype("datetime64[us]"),
            "age": rng.integers(20, 70, 14),
            "country": rng.choice(["AT", "CH", "DE"], 14),
        }
    )
    return {"events": events, "transactions": transactions, "customers": customers}


def panel_of(tables_in: dict[str, Any], settings: PipelineConfig, threads: int = 2) -> Panel:
    with open_duckdb(threads=threads) as engine:
        tables = read_tables(settings, engine, tables_in)
        return build_panel(tables, settings, plan_windows(tables.history, settings.windows))


def write_as(kind: str, data: dict[str, pd.DataFrame], folder: Path) -> dict[str, Any]:
    if kind == "pandas":
        return dict(data)
    if kind == "polars":
        return {name: pl.from_pandas(frame) for name, frame in data.items()}
    if kind == "polars lazy":
        return {name: pl.from_pandas(frame).lazy() for name, frame in data.items()}
    if kind == "relation":
        other = duckdb.connect()
        return {name: other.from_df(frame) for name, frame in data.items()}
    paths: dict[str, Any] = {}
    for name, frame in data.items():
        if kind == "duckdb":
            with duckdb.connect(str(folder / "shop.duckdb")) as connection:
                connection.register("given", frame)
                connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
            paths[name] = f"{folder / 'shop.duckdb'}::{name}"
        elif kind == "parquet":
            paths[name] = str(folder / f"{name}.parquet")
            frame.to_parquet(paths[name], index=False)
        elif kind == "parquet folder":
            (folder / name / "day=1").mkdir(parents=True)
            half = len(frame) // 2
            frame.iloc[half:].to_parquet(folder / name / "day=1" / "a.parquet", index=False)
            frame.iloc[:half].to_parquet(folder / name / "b.parquet", index=False)
            paths[name] = str(folder / name)
        elif kind == "csv.gz":
            paths[name] = str(folder / f"{name}.csv.gz")
            frame.to_csv(paths[name], index=False)
        elif kind == "zoned csv":
            paths[name] = str(folder / f"{name}.csv")
            zoned = frame.copy()
            for column in zoned.columns.intersection(["timestamp", "signup"]):
                zoned[column] = zoned[column].dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata")
            zoned.to_csv(paths[name], index=False, sep=";")
    return paths


KINDS = (
    "polars",
    "polars lazy",
    "relation",
    "duckdb",
    "parquet",
    "parquet folder",
    "csv.gz",
    "zoned csv",
)


@pytest.fixture(scope="module")
def from_pandas() -> tuple[Panel, list[str]]:
    settings = config(segments=["country"])
    with open_duckdb(threads=1) as engine:
        tables = read_tables(settings, engine, frames())
        windows = plan_windows(tables.history, settings.windows)
        fingerprints = [quality.fingerprint for quality in tables.quality]
        return build_panel(tables, settings, windows), fingerprints


@pytest.mark.parametrize("kind", KINDS)
def test_same_panel_from_every_source(
    kind: str, from_pandas: tuple[Panel, list[str]], tmp_path: Path
) -> None:
    settings = config(segments=["country"])
    expected, fingerprints = from_pandas
    with open_duckdb(threads=2) as engine:
        tables = read_tables(settings, engine, write_as(kind, frames(), tmp_path))
        panel = build_panel(tables, settings, plan_windows(tables.history, settings.windows))
        assert [quality.fingerprint for quality in tables.quality] == fingerprints
    pd.testing.assert_frame_equal(panel.frame, expected.frame, check_exact=True)
    assert panel.behaviour_features == expected.behaviour_features


class PolarsEngine:
    """The part of an engine that features use, on Polars, without caching."""

    local, threads, errors = False, 1, ()
    micros, pandas, rows = Engine.micros, Engine.pandas, Engine.rows

    def small(self, columns: Mapping[str, Any]) -> nw.LazyFrame[Any]:
        return nw.from_native(pl.LazyFrame(dict(columns)))

    def once(self, _: str, make: Callable[[], nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
        return make()


@pytest.mark.parametrize("churn", ["no_transaction", "event"])
def test_the_same_expressions_on_polars(churn: str) -> None:
    kind = {"kind": churn, **({"event_type": "cancelled"} if churn == "event" else {})}
    settings = config(segments=["country"], churn=kind)
    data = frames()
    data["events"].loc[data["events"].index % 300 == 0, "event_type"] = "cancelled"
    with open_duckdb(threads=2) as engine:
        tables = read_tables(settings, engine, data)
        windows = plan_windows(tables.history, settings.windows)
        lazy = {
            name: nw.from_native(getattr(tables, name).collect("polars").to_native().lazy())
            for name in ("events", "transactions", "customers")
        }
        other: Any = PolarsEngine()
        elsewhere = replace(tables, engine=other, ledger=None, **lazy)
        expected = build_panel(tables, settings, windows).frame
        pd.testing.assert_frame_equal(
            build_panel(elsewhere, settings, windows).frame, expected, rtol=1e-12
        )
        duckdb_periods, polars_periods = (
            build_periods(t, settings, until=windows.fit_until) for t in (tables, elsewhere)
        )
        for name in ("entities", "counts", "gain", "loss", "orders", "entry", "exit"):
            np.testing.assert_array_equal(
                getattr(duckdb_periods, name), getattr(polars_periods, name)
            )
        counts = [
            count_frame(t, settings, tables.history.end).collect("pandas").to_native()
            for t in (tables, elsewhere)
        ]
        by_id = [frame.sort_values("customer_id", ignore_index=True) for frame in counts]
        pd.testing.assert_frame_equal(*by_id)


def test_row_order_and_threads_do_not_change_a_bit(from_pandas: tuple[Panel, list[str]]) -> None:
    shuffled = {
        name: frame.sample(frac=1, random_state=3).reset_index(drop=True)
        for name, frame in frames().items()
    }
    panel = panel_of(shuffled, config(segments=["country"]), threads=4)
    pd.testing.assert_frame_equal(panel.frame, from_pandas[0].frame, check_exact=True)


def test_the_number_of_passes_does_not_change_a_bit(
    from_pandas: tuple[Panel, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numpy_panel, "PASS_PLACES", 1)
    panel = panel_of(frames(), config(segments=["country"]))
    pd.testing.assert_frame_equal(panel.frame, from_pandas[0].frame, check_exact=True)


@pytest.mark.parametrize("block", [1, 4])
def test_the_block_size_does_not_change_a_bit(
    block: int, from_pandas: tuple[Panel, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numpy_panel, "BLOCK", block)
    panel = panel_of(frames(), config(segments=["country"]), threads=3)
    pd.testing.assert_frame_equal(panel.frame, from_pandas[0].frame, check_exact=True)


def test_margins_beyond_the_integers_that_a_float_represents() -> None:
    data = frames()
    data["transactions"][["revenue", "cost"]] *= 1e9
    plain = panel_of(frames(), config()).frame
    large = panel_of(data, config()).frame
    assert large["history__past_margin"].abs().max() > 2**53 / 1e6
    for name in ("margin", "history__past_margin", "history__monetary_value"):
        np.testing.assert_allclose(large[name], 1e9 * plain[name], rtol=1e-9)


def test_text_ids_in_one_table_make_all_ids_text() -> None:
    data = frames()
    data["transactions"]["customer_id"] = data["transactions"]["customer_id"].astype(str)
    panel, expected = panel_of(data, config()), panel_of(frames(), config())
    by_text = expected.frame.assign(customer_id=expected.frame["customer_id"].astype(str))
    by_text = by_text.sort_values(["cutoff", "customer_id"], ignore_index=True)
    pd.testing.assert_frame_equal(panel.frame, by_text, check_dtype=False, check_exact=True)


def test_data_at_or_after_a_cutoff_does_not_change_its_features() -> None:
    data, settings = frames(), config()
    before = panel_of(data, settings)
    cutoff = before.frame["cutoff"].unique()[2]
    later = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4],
            "timestamp": [cutoff, cutoff, cutoff + pd.Timedelta("1us"), cutoff],
            "event_type": ["visit", "review", "app open", "visit"],
            "event_id": None,
            "value": 999.0,
            "duration_seconds": 99,
        }
    )
    paid = later[["customer_id", "timestamp"]].assign(revenue=1000.0, cost=1.0)
    more = {
        "events": pd.concat([data["events"], later], ignore_index=True),
        "transactions": pd.concat([data["transactions"], paid], ignore_index=True),
        "customers": data["customers"],
    }
    after = panel_of(more, settings)
    rows = before.frame["cutoff"] <= cutoff
    columns = ["customer_id", "cutoff", *before.features]
    pd.testing.assert_frame_equal(
        after.frame.loc[rows, columns], before.frame.loc[rows, columns], check_exact=True
    )
    at = (before.frame["cutoff"] == cutoff) & (before.frame["customer_id"] <= 4)
    change = (after.frame["margin"] - before.frame["margin"])[at]
    np.testing.assert_allclose(change, 999.0)


def test_columns_parts_and_row_order(from_pandas: tuple[Panel, list[str]]) -> None:
    panel = from_pandas[0]
    frame = panel.frame
    assert list(frame.columns[:3]) == ["customer_id", "cutoff", "part"]
    assert frame["cutoff"].dtype == "datetime64[us]"
    assert frame.equals(frame.sort_values(["cutoff", "customer_id"], ignore_index=True))
    train, test = panel.part("train").frame, panel.part("test").frame
    assert len(train) + len(test) == len(frame)
    assert train["cutoff"].max() < test["cutoff"].min()
    assert set(panel.features) <= set(frame.columns)
    assert panel.covariates == ("covariate__age", "covariate__country")
    assert panel.segments == ("segment__country",)
    assert frame["covariate__age"].dtype == np.float64
    assert list(frame["covariate__country"].cat.categories) == ["AT", "CH", "DE"]
    assert set(frame["segment__country"]) <= {"AT", "CH", "DE"}
    features = [*panel.history_features, *(c for b in panel.behaviour_features.values() for c in b)]
    assert (frame[features].dtypes == np.float64).all()
    np.testing.assert_allclose(frame["margin"], frame["gain"] - frame["loss"], atol=1e-9)


def test_behaviours_have_value_and_duration_if_their_events_do() -> None:
    data = frames()
    data["events"].loc[data["events"]["event_type"] == "visit", "value"] = np.nan
    names = panel_of(data, config()).behaviour_features
    assert "visit__value" not in names["visit"]
    assert "visit__duration_seconds" in names["visit"]
    assert "review__value" in names["review"]
    data["events"] = data["events"].drop(columns=["value", "duration_seconds"])
    names = panel_of(data, config()).behaviour_features
    assert names["review"] == tuple(
        f"review__{name}"
        for name in ("frequency", "active_days", "recency_days", "trend", "regularity")
    )


def test_customers_enter_at_signup() -> None:
    data, settings = frames(), config()
    data["customers"]["signup"] = pd.Timestamp("2024-02-20")
    panel = panel_of(data, settings)
    assert panel.frame["cutoff"].min() > pd.Timestamp("2024-02-20")
    assert panel.frame["history__tenure_days"].min() > 0
    # Customers 12 to 14 signed up and were never active: they have rows.
    inactive = panel.frame[panel.frame["customer_id"] >= 12]
    assert len(inactive) == 3 * panel.frame["cutoff"].nunique()
    assert (inactive["visit__frequency"] == 0).all()
    assert inactive["visit__recency_days"].isna().all()
    assert inactive["churned"].isna().all()


def test_dates_and_text_with_many_levels_are_no_covariates() -> None:
    data = frames()
    ids = [f"c{i}" for i in range(200)]
    data["customers"] = pd.DataFrame(
        {
            "customer_id": np.arange(200),
            "name": ids,
            "born": pd.Timestamp("1980-01-01"),
            "vip": [True, False] * 100,
            "tier": pd.array(["gold", None] * 100),
        }
    )
    panel = panel_of(data, config(segments=["tier", "vip"]))
    assert panel.covariates == ("covariate__tier", "covariate__vip")
    assert set(panel.frame["segment__tier"]) == {"gold", ""}
    assert set(panel.frame["segment__vip"]) == {"True", "False"}
    assert panel.frame["covariate__vip"].isin([0.0, 1.0]).all()


def test_no_event_in_any_window_is_an_error() -> None:
    data, settings = frames(), config(history={"drop_distant": False})
    data["events"]["timestamp"] = data["transactions"]["timestamp"].max().normalize()
    data["events"].loc[0, "timestamp"] = pd.Timestamp("2024-01-01")
    data["events"].loc[0, "customer_id"] = 99
    with open_duckdb() as engine:
        tables = read_tables(settings, engine, data)
        late = config(windows={**WINDOWS, "cutoffs": [dt.date(2024, 4, 1)]})
        windows = plan_windows(tables.history, late.windows)
        with pytest.raises(NotEnoughDataError, match="lies in any observation window"):
            build_panel(tables, settings, windows)


def test_a_history_without_a_whole_period_is_an_error() -> None:
    with open_duckdb() as engine:
        tables = read_tables(config(), engine, frames())
        for until in (tables.history.start, tables.history.start + dt.timedelta(days=6)):
            with pytest.raises(NotEnoughDataError, match="no whole period of 7 days"):
                build_periods(tables, config(), until=until)


def test_periods_have_the_segments_of_their_entities() -> None:
    data = frames()
    data["customers"].loc[data["customers"]["customer_id"] == 5, "country"] = None
    settings = config(segments=["country"])
    with open_duckdb() as engine:
        tables = read_tables(settings, engine, data)
        periods = build_periods(tables, settings, until=tables.history.end)
    country = data["customers"].set_index("customer_id")["country"].fillna("")
    assert list(periods.segments["country"]) == list(country.loc[periods.entities])
    assert periods.counts.dtype == np.float32
    assert periods.counts.shape == (len(periods.entities), 21, 3)
    assert periods.counts.flags.c_contiguous
