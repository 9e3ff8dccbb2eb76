"""The scorecard on Spark equals that on DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import engagement_ml as em
from engagement_ml.config import parse_config
from tests.conftest import SETTINGS
from tests.engines.test_spark_runs import near

pytestmark = [
    pytest.mark.spark,
    pytest.mark.seldom,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]
SHOWN = ["retention", "tutorial_done", "engagement_score", "clv_predicted"]


def test_the_scorecard_is_the_same(
    spark_session: Any, trained: Any, small_shop: Any, here: Path
) -> None:
    events = small_shop.events.copy()
    events["campaign"] = None
    events.loc[events["event_type"] == "email_open", "campaign"] = "spring"
    ids = sorted(events["customer_id"].unique())[:40]
    moment = pd.Timestamp("2024-09-10")
    surveys = pd.DataFrame(
        {"customer_id": ids, "timestamp": moment, "survey": "nps", "score": [9, 3, 7, 10] * 10}
    )
    frames = {"events": events, "transactions": small_shop.transactions,
              "customers": small_shop.customers, "surveys": surveys}  # fmt: skip
    for name, frame in frames.items():
        frame.to_parquet(f"{name}.parquet")
    goal = {"name": "Spring", "measure": "retention", "target": 90, "campaign": "spring",
            "start": "2024-07-01", "end": "2024-12-31"}  # fmt: skip
    cards = {}
    for kind in ("duckdb", "spark"):
        config = parse_config(
            {
                **SETTINGS,
                "sources": {name: str(here / f"{name}.parquet") for name in frames},
                "engine": kind,
                "tracking": {"uri": None},
                "goals": [goal],
                "scorecard": {"periods": 2, "show": SHOWN, "segments": False},
            }
        )
        result = em.scorecard(config, model=trained.folder, since="2024-08-31")
        cards[kind] = (result.frame, result.to_dict())
    pd.testing.assert_frame_equal(cards["duckdb"][0], cards["spark"][0], rtol=1e-9)
    for part in ("goals", "engaged_buying", "score", "facts", "stages", "cohorts"):
        assert near(cards["duckdb"][1][part], cards["spark"][1][part]), part
