"""The same customers are drawn on every engine."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.engine import DuckDBEngine, Engine, LazyEngine, open_duckdb
from engagement_ml.features.stratified_sample import Sample, draw_sample, sample_of
from engagement_ml.inputs import read_tables
from tests.features import test_stratified_sample

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
CONFIG = test_stratified_sample.settings(random_seed=4)


def drawn_on(engine: Engine) -> tuple[Sample, pd.DataFrame]:
    """Return the sample of customers, and their daily ledger."""
    tables = read_tables(CONFIG, engine, test_stratified_sample.world())
    sample = draw_sample(tables, CONFIG, before=test_stratified_sample.UNTIL.date())
    assert sample is not None
    ledger = sample_of(tables, sample).ledger
    assert ledger is not None
    rows = engine.pandas(ledger.select("customer_id", "event_type", "day", "n"))
    return sample, rows.sort_values(["customer_id", "event_type", "day"], ignore_index=True)


def same_as_on_duckdb(other: LazyEngine) -> None:
    with open_duckdb(threads=1) as engine:
        expected, rows = drawn_on(engine)
    found, ledger = drawn_on(other)
    np.testing.assert_array_equal(found.ids, expected.ids)
    assert (found.of, found.by, found.n_strata) == (expected.of, expected.by, expected.n_strata)
    assert len(found.ids) == test_stratified_sample.DRAWN
    assert set(ledger["customer_id"]) < set(found.ids)
    assert ledger.astype(str).equals(rows.assign(day=rows["day"].dt.date).astype(str))


def test_polars_draws_the_same(polars_engine: LazyEngine) -> None:
    same_as_on_duckdb(polars_engine)


@pytest.mark.seldom
@pytest.mark.spark
def test_spark_draws_the_same(spark_engine: LazyEngine) -> None:
    same_as_on_duckdb(spark_engine)


def permanent_random_numbers(engine: Any, ids: list[Any]) -> dict[Any, int]:
    frame = engine.permanent_random_numbers(engine.small({"who": ids}), "who", 12, "number_")
    return {row["who"]: row["number_"] for row in engine.rows(frame, source="numbers")}


def expected_numbers(ids: list[Any]) -> dict[Any, int]:
    return {i: int(hashlib.md5(f"12 {i}".encode()).hexdigest()[:13], 16) for i in ids}


IDS: list[list[Any]] = [
    [0, -1, 7, 123, 2**62],
    ["", "a b", "o'brien", "Zoë", "名前", "\\", "0001"],
]


@pytest.mark.parametrize("ids", IDS)
def test_permanent_random_numbers_are_digits_of_a_hash(ids: list[Any]) -> None:
    with DuckDBEngine.connect(threads=1) as engine:
        assert permanent_random_numbers(engine, ids) == expected_numbers(ids)


@pytest.mark.spark
@pytest.mark.parametrize("ids", IDS)
def test_permanent_random_numbers_are_the_same_on_spark(
    spark_engine: LazyEngine, ids: list[Any]
) -> None:
    assert permanent_random_numbers(spark_engine, ids) == expected_numbers(ids)
