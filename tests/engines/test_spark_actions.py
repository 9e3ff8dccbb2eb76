"""Counts, margins and scores of lists of actions are the same on Spark as on DuckDB."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from engagement_ml.config import parse_config
from engagement_ml.engine import open_engine
from engagement_ml.inputs import read_tables
from engagement_ml.windows import DAY
from engagement_ml.workflow.acting.totals import (
    counts_and_margin,
    events_between,
    last_event,
    margin_between,
    of_ids,
)
from tests.conftest import SETTINGS

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
CHOSEN = ["tutorial_done", "wishlist_add"]


@pytest.mark.seldom
def test_a_list_is_made_and_followed_alike(spark_session: Any, shop_files: Any) -> None:
    names = ("events", "transactions", "customers")
    sources = {name: str(shop_files / f"{name}.parquet") for name in names}
    found = []
    for kind in ("duckdb", "spark"):
        config = parse_config({**SETTINGS, "sources": sources, "engine": {"kind": kind}})
        with open_engine(config.engine, None) as engine:
            tables = read_tables(config, engine, None)
            as_of = tables.history.end
            ids, counts, margin = counts_and_margin(tables, config, CHOSEN, as_of, 28)
            start = as_of - 28 * DAY
            later = of_ids(tables, ids[::-1], margin_between(tables, start, as_of), ["margin_"])
            done = of_ids(tables, ids, events_between(tables, CHOSEN, start, as_of), ["e_0", "e_1"])
            found.append((as_of, ids, counts, margin, later, done, last_event(tables)))
    one, other = found
    assert (one[0], one[6]) == (other[0], other[6])
    assert isinstance(one[6], dt.date)
    assert one[1].tolist() == other[1].tolist()
    for name in CHOSEN:
        np.testing.assert_array_equal(one[2][name], other[2][name])
    np.testing.assert_array_equal(one[3], other[3])
    np.testing.assert_array_equal(one[4]["margin_"], other[4]["margin_"])
    # Margin of ids in another order is that of the same customers.
    np.testing.assert_allclose(np.nan_to_num(one[4]["margin_"])[::-1] / 1e6, one[3])
    for name in ("e_0", "e_1"):
        np.testing.assert_array_equal(one[5][name], other[5][name])
