"""Frames of other libraries give the same panel on DuckDB as pandas frames."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

from engagement_ml.config import EngineConfig
from engagement_ml.engine import open_engine
from engagement_ml.features import build_panel
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows
from tests.features import test_panel

SETTINGS = test_panel.config(segments=["country"])


def panel_of(sources: dict[str, Any]) -> tuple[pd.DataFrame, list[str]]:
    with open_engine(EngineConfig(threads=1), sources) as engine:
        assert engine.local
        tables = read_tables(SETTINGS, engine, sources)
        panel = build_panel(tables, SETTINGS, plan_windows(tables.history, SETTINGS.windows))
        return panel.frame, [quality.fingerprint for quality in tables.quality]


def ibis_tables() -> dict[str, Any]:
    """Ibis tables, with Polars in place of a warehouse."""
    ibis = pytest.importorskip("ibis", reason="ibis-framework is not installed")
    warehouse = ibis.polars.connect()
    return {
        name: warehouse.create_table(name, pl.from_pandas(frame)).filter(ibis._.customer_id > 0)
        for name, frame in test_panel.frames().items()
    }


def zoned(frame: pl.DataFrame) -> pl.DataFrame:
    moments = pl.selectors.datetime()
    utc = moments.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Kolkata")
    return frame.with_columns(utc)


@pytest.mark.parametrize("kind", ["ibis", "polars in a zone", "mixed"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ibis", "ignore::FutureWarning:ibis")
def test_every_frame_gives_the_same_panel(kind: str) -> None:
    frames = test_panel.frames()
    if kind == "ibis":
        sources = ibis_tables()
    else:
        sources = {name: zoned(pl.from_pandas(frame)) for name, frame in frames.items()}
        sources["events"] = sources["events"].lazy()
    if kind == "mixed":
        sources |= {"customers": frames["customers"]}
        sources["transactions"] = sources["transactions"].to_arrow()
    found, expected = panel_of(sources), panel_of(dict(frames))
    pd.testing.assert_frame_equal(found[0], expected[0], check_exact=True)
    assert found[1] == expected[1]
