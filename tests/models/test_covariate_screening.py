"""Covariates that show what happened after a cutoff are found, named and left out; others stay."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import engagement_ml as em
from benchmarks.covariate_leaks import HARD, NEVER, simulate
from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.errors import ConfigError
from engagement_ml.features.covariates import Covariates, LazyCovariates
from engagement_ml.features.history_halves import read_halves
from engagement_ml.inputs import read_tables
from engagement_ml.models.covariate_screening import screen_covariates
from engagement_ml.models.leak_tests import collider, explained_share
from engagement_ml.windows import plan_windows
from engagement_ml.workflow.fitting import fit_pipeline

WINDOWS = {"observation_days": 56, "outcome_days": 56}
Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def shop() -> Frames:
    return simulate("shop", 3, 700)


def config(**more: Any) -> PipelineConfig:
    return parse_config({"name": "leaks", "windows": WINDOWS, "engine": {"keep": None}} | more)


def screened(frames: Frames, settings: PipelineConfig) -> tuple[set[str], tuple[str, ...]]:
    """Return the covariates that are used, and the notes."""
    with open_duckdb(threads=1) as engine:
        tables = read_tables(settings, engine, frames)
        windows = plan_windows(tables.history, settings.windows)
        tables, notes = screen_covariates(tables, settings, windows)
        used = Covariates.of(tables, settings).covariates
        assert set(used) == set(LazyCovariates.of(tables, settings).names.values()) - {
            f"segment__{name}" for name in settings.segments
        }
    return {name.removeprefix("covariate__") for name in used}, notes


def with_columns(frames: Frames, *columns: str, n: int | None = None) -> Frames:
    customers = frames["customers"][["customer_id", "signup", *columns]]
    return {**frames, "customers": customers.head(n)} if n else {**frames, "customers": customers}


def test_totals_and_last_orders_are_left_out_and_traits_stay(shop: Frames) -> None:
    used, notes = screened(shop, config())
    assert used - set(HARD) == set(NEVER)
    left_out, as_of_export, no_covariates = notes
    assert left_out.startswith("left out of models and evaluation, as they show what customers did")
    for name in set(shop["customers"]) - {*used, "customer_id", "signup"}:
        assert f"'{name}'" in (no_covariates if name.startswith("last_order_") else left_out)
    assert as_of_export.startswith("covariates are as of the export of the customers table")
    assert all(f"'{name}'" in as_of_export for name in used)


def test_a_name_decides_nothing(shop: Frames) -> None:
    frames = with_columns(shop, "age", "total_spent")
    frames["customers"] = frames["customers"].rename(
        columns={"age": "total_spent", "total_spent": "age"}
    )
    assert screened(frames, config())[0] == {"total_spent"}


def test_a_fixed_column_is_used_without_a_test(shop: Frames) -> None:
    frames = with_columns(shop, "total_spent", "n_orders")
    used, notes = screened(frames, config(covariates={"fixed": ["Total_Spent"]}))
    assert used == {"total_spent"}
    assert "'n_orders'" in notes[0]
    with pytest.raises(ConfigError, match=r"no column 'total_spend' \(did you mean 'total_spent'"):
        screened(frames, config(covariates={"fixed": ["total_spend"]}))


def test_a_leaking_segment_stays_with_a_note(shop: Frames) -> None:
    frames = with_columns(shop, "value_segment", "plan")
    used, notes = screened(frames, config(segments=["value_segment", "plan"]))
    assert used == {"plan"}
    (note,) = (note for note in notes if note.startswith("segment "))
    assert note.startswith("segment 'value_segment' shows what customers did after the cutoffs")


def test_too_few_customers_are_said_to_be_untested(shop: Frames) -> None:
    used, notes = screened(with_columns(shop, "total_spent", n=150), config())
    assert used == {"total_spent"}
    assert "fewer than 200 customers have a history long enough to test" in notes[0]


@pytest.mark.parametrize("customers", [None, pd.DataFrame({"customer_id": [1, 2]})])
def test_without_covariates_nothing_is_said(shop: Frames, customers: Any) -> None:
    frames = {name: shop[name] for name in ("events", "transactions")}
    if customers is not None:
        frames["customers"] = customers
    assert screened(frames, config()) == (set(), ())


def test_neither_models_nor_files_have_the_columns(
    shop: Frames, quick_drivers: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    quick_drivers("visit")
    frames = with_columns(shop, "total_spent", "plan")
    fitted = fit_pipeline(config(tracking={"uri": None}), frames=frames)
    assert "covariate__plan" in fitted.profit.design_.columns
    assert "covariate__total_spent" not in fitted.profit.design_.columns
    (customers,) = (table for table in fitted.record.tables if table.table == "customers")
    assert "'total_spent'" in customers.notes[0]
    assert customers.notes[0] in fitted.record.notes
    with caplog.at_level(logging.WARNING):
        panel = em.features(**frames, config=config())
    assert [c for c in panel if c.startswith("covariate__")] == ["covariate__plan"]
    assert "'total_spent'" in caplog.text


def check_halves(engine: Engine, make: Callable[[pd.DataFrame, str], Any]) -> None:
    """Every engine sums up the same halves, and finds the same covariates."""
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 200, 90), unit="D")
    frames = {
        "events": pd.DataFrame({"customer_id": np.arange(90) % 9, "timestamp": days,
                                "event_type": rng.choice(["a", "b.c"], 90)}),
        "transactions": pd.DataFrame({"customer_id": np.arange(90) % 8, "timestamp": days[::-1],
                                      "margin": rng.integers(-9, 99, 90) / 4}),
        "customers": pd.DataFrame({"customer_id": range(9), "plan": ["x", "y", "z"] * 3,
                                   "joined": ["2024-01-01", "2024-01-02 10:00", None] * 3}),
    }  # fmt: skip
    found = []
    with open_duckdb(threads=1) as other:
        for each, given in (
            (other, frames),
            (engine, {name: make(frame, name) for name, frame in frames.items()}),
        ):
            tables = read_tables(config(), each, given)
            assert list(LazyCovariates.of(tables, config()).names.values()) == ["covariate__plan"]
            halves = read_halves(tables, config(), plan_windows(tables.history, config().windows))
            assert halves is not None
            found.append(halves)
    one, two = found
    assert [str(each) for each in one.ids] == [str(each) for each in two.ids]
    assert list(one.before) == list(two.before)
    for name in one.before:
        np.testing.assert_array_equal(one.before[name], two.before[name])
        np.testing.assert_array_equal(one.after[name], two.after[name])
    np.testing.assert_array_equal(one.past, two.past)
    np.testing.assert_array_equal(one.whole, two.whole)


def test_halves_are_the_sums_by_hand() -> None:
    with open_duckdb(threads=1) as engine:
        check_halves(engine, lambda frame, name: frame)
        frames = simulate("shop", 0, 60)
        tables = read_tables(config(), engine, frames)
        windows = plan_windows(tables.history, config().windows)
        halves = read_halves(tables, config(), windows)
    assert halves is not None
    whole = frames["transactions"].groupby("customer_id")["margin"].sum().reindex(halves.ids)
    before, after = (each["positive margins"] / 1e6 for each in (halves.before, halves.after))
    np.testing.assert_allclose(before + after, whole.fillna(0), atol=1e-6)
    assert (before > 0).any()
    assert (after > 0).any()


def test_a_total_is_a_collider_and_a_cause_is_none() -> None:
    rng = np.random.default_rng(0)
    trait = rng.integers(0, 10, 3000)
    early, late = trait + rng.normal(size=3000), trait + rng.normal(size=3000)
    total = np.round(early + late).astype(np.int64)
    given_total, z = collider(total - total.min(), early, late)
    assert given_total < -0.8
    assert z < -20
    given_trait, z = collider(trait, early, late)
    assert abs(given_trait) < 0.05
    assert abs(z) < 3
    assert explained_share(total[:, None] * 1.0, np.column_stack([early, late])) > 0.95
    assert explained_share(rng.normal(size=(3000, 1)), early[:, None]) < 0.02


def test_screening_twice_gives_the_same(shop: Frames) -> None:
    frames = with_columns(shop, "value_segment", "age")
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in frames.items()}
    assert screened(frames, config()) == screened(shuffled, config())
