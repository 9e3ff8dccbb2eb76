"""Panel, periods and counts: the same numbers on every engine as the slow oracle's."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engagement_ml.engine import DuckDBEngine, LazyEngine, open_duckdb
from engagement_ml.features import build_panel
from engagement_ml.features.lazy_panel import build_lazy_panel
from engagement_ml.inputs import Tables, read_tables
from engagement_ml.windows import plan_windows
from tests.features import test_oracle, test_panel

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
RELAXED = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
LENGTHS = st.sampled_from([1, 7, 9])


def equal_the_oracle(engine: Any, world: test_oracle.World, length: int) -> Tables:
    """Put the tables, read once, to the three tests that DuckDB is put to."""
    tables = test_oracle.read(world, engine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_oracle, "read", lambda *_: tables)
        for test, more in (
            (test_oracle.test_counts_for_scoring_equal_the_oracle, ()),
            (test_oracle.test_periods_equal_the_oracle, (length,)),
            (test_oracle.test_panel_equals_the_oracle, ()),
        ):
            test.hypothesis.inner_test(engine, world, *more)
    return tables


def dropped(tables: Tables) -> list[Any]:
    return [(q.table, q.rows_read, q.rows_kept, q.dropped, q.first, q.last) for q in tables.quality]


@RELAXED
@given(world=test_oracle.worlds(), length=LENGTHS)
def test_polars_equals_the_oracle(
    polars_engine: LazyEngine, world: test_oracle.World, length: int
) -> None:
    found = equal_the_oracle(polars_engine, world, length)
    with open_duckdb(threads=1) as engine:
        assert dropped(found) == dropped(test_oracle.read(world, engine))


@pytest.mark.spark
@settings(RELAXED, max_examples=3, phases=[Phase.explicit, Phase.generate])
@given(world=test_oracle.worlds(), length=LENGTHS)
def test_spark_equals_the_oracle(
    spark_engine: LazyEngine, world: test_oracle.World, length: int
) -> None:
    every = world.config.windows.model_copy(update={"every_days": 17})
    world.config = world.config.model_copy(update={"windows": every})
    found = equal_the_oracle(spark_engine, world, length)
    with open_duckdb(threads=1) as engine:
        assert dropped(found) == dropped(test_oracle.read(world, engine))


def laid_out(engine: Any, churn: str) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Return the panel of DuckDB, and what another engine lays out itself."""
    kind = {"kind": churn, **({"event_type": "cancelled"} if churn == "event" else {})}
    windows = {"observation_days": 20, "outcome_days": 10, "gap_days": 2, "every_days": 21}
    settings_ = test_panel.config(segments=["country", "age", "paid"], churn=kind, windows=windows)
    data = test_panel.frames()
    data["events"].loc[data["events"].index % 300 == 0, "event_type"] = "cancelled"
    data["events"].loc[data["events"].index % 7 == 0, "event_type"] = "page.view"
    data["customers"]["paid"] = data["customers"]["customer_id"] % 2 == 0
    data["customers"]["height"] = data["customers"]["age"] / 4
    data["customers"].loc[3, ["country", "height"]] = None
    found = []
    for each in (open_duckdb(threads=1), engine):
        tables = read_tables(settings_, each, data)
        cutoffs = plan_windows(tables.history, settings_.windows)
        if isinstance(each, DuckDBEngine):
            found.append(build_panel(tables, settings_, cutoffs).frame)
        else:
            found.append(each.pandas(build_lazy_panel(tables, settings_, cutoffs)))
    expected, wide = (f.sort_values(["cutoff", "customer_id"], ignore_index=True) for f in found)
    assert list(wide.columns) == list(expected.columns)
    return expected, wide, data


@pytest.mark.parametrize("churn", ["no_transaction", "event"])
def test_polars_lays_out_the_panel_itself(polars_engine: LazyEngine, churn: str) -> None:
    same_panel(*laid_out(polars_engine, churn)[:2])


@pytest.mark.seldom
@pytest.mark.spark
def test_spark_lays_out_the_panel_itself(spark_engine: LazyEngine) -> None:
    same_panel(*laid_out(spark_engine, "event")[:2])


def same_panel(expected: pd.DataFrame, wide: pd.DataFrame) -> None:
    assert expected["cutoff"].nunique() > 1
    assert "page.view__trend" in expected
    for column in expected:
        one, two = expected[column], wide[column]
        if isinstance(one.dtype, pd.CategoricalDtype) or one.dtype == object:
            assert (
                one.astype(object).where(one.notna(), None).tolist()
                == two.astype(object).where(two.notna(), None).tolist()
            ), column
        else:
            pd.testing.assert_series_equal(one, two, check_dtype=False, rtol=1e-9)
