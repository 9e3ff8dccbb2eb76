"""Names, ids, money and types on Polars and Spark: the same rules as on DuckDB."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from engagement_ml.engine import Engine
from tests.doors import as_csv, as_parquet
from tests.inputs import test_event_types, test_identities, test_meeting, test_money
from tests.models import test_covariate_screening
from tests.tables import test_column_names, test_ids, test_types

Make = Callable[[pd.DataFrame, str], Any]
COMMON: dict[str, Callable[[Engine, Make], Any]] = {
    "names": lambda engine, make: test_column_names.check_shouted(
        engine, {name: make(frame, name) for name, frame in test_column_names.SHOUTED.items()}
    ),
    "left out": lambda engine, make: test_column_names.check_left_out(
        engine, {name: make(frame, name) for name, frame in test_column_names.LEFT_OUT.items()}
    ),
    "helpers": test_column_names.check_helpers,
    "event types": test_event_types.check_engine,
    "halves": test_covariate_screening.check_halves,
    "integers": lambda engine, make: test_ids.check_placeholders(engine, make, (7, 12)),
    "texts": lambda engine, make: test_ids.check_placeholders(engine, make, ("ann", "Nat")),
    "meeting": test_meeting.check_counts,
    "disguise": lambda engine, make: test_meeting.check_disguise(engine, make, "zeros"),
    "revenue": test_money.check_revenue,
    "repeats": test_money.check_repeats,
    "currencies": test_money.check_currencies,
}
TYPED = {
    "floats": test_ids.check_floats,
    "identities": test_identities.check_timed,
    "empty": lambda engine, make: test_types.check_empty(engine, make, None),
}
CSV = {"codes": test_money.check_codes}
ALWAYS = ("meeting",)
"""Checks that Spark may fail and Polars pass: joins of ids, and columns of text."""
AS_PARQUET = ("helpers", "names")
"""Checks that Parquet files cover on Spark."""


def polars(frame: pd.DataFrame, name: str) -> pl.LazyFrame:
    return pl.from_pandas(frame).lazy()


@pytest.mark.parametrize("check", COMMON | TYPED)
def test_polars_follows_the_rules(check: str, polars_engine: Engine) -> None:
    (COMMON | TYPED)[check](polars_engine, polars)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize(
    "check",
    [
        pytest.param(name, marks=[pytest.mark.seldom] * (name not in ALWAYS))
        for name in COMMON | CSV
        if name not in AS_PARQUET
    ],
)
def test_spark_follows_the_rules_for_csv(check: str, spark_engine: Engine, tmp_path: Path) -> None:
    # Spark keeps the rows of a path that it has read in the same session.
    folders = (tmp_path / str(i) for i in itertools.count())

    def make(frame: pd.DataFrame, name: str) -> Path:
        folder = next(folders)
        folder.mkdir()
        return as_csv(frame, folder, name)

    (COMMON | CSV)[check](spark_engine, make)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("check", ["names", "helpers", "floats", "empty"])
def test_spark_follows_the_rules_for_parquet(
    check: str, spark_engine: Engine, tmp_path: Path
) -> None:
    (COMMON | TYPED)[check](spark_engine, lambda frame, name: as_parquet(frame, tmp_path, name))
