"""Feature export: the file equals the panel for every block size and at every cutoff."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.engine import open_duckdb
from engagement_ml.features import build_panel, numpy_panel
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows
from engagement_ml.workflow.feature_export import FEATURES, write_features

START = pd.Timestamp("2024-01-01")
CUTOFFS = ["2024-01-29", "2024-02-12", "2024-02-26"]


def config(folder: Path) -> PipelineConfig:
    return parse_config(
        {
            "name": "features",
            "windows": {"observation_days": 14, "outcome_days": 14, "cutoffs": CUTOFFS},
            "segments": ["country"],
            "engine": {"keep": str(folder / "kept")},
        }
    )


def frames(signup: str | None) -> dict[str, Any]:
    """Tables of twenty customers with text ids, who sign up before the second cutoff or never."""
    rng = np.random.default_rng(4)
    ids = np.array([f"c{i:02}" for i in range(20)])

    def table(n: int, **columns: Any) -> pd.DataFrame:
        moments = START + pd.to_timedelta(rng.integers(0, 90 * 24, n), unit="h")
        return pd.DataFrame({"customer_id": rng.choice(ids, n), "timestamp": moments, **columns})

    customers = pd.DataFrame({"customer_id": ids, "country": rng.choice(["fr", "it"], 20)})
    if signup is not None:
        customers["signup"] = pd.Timestamp(signup)
    events = table(900, event_type=rng.choice(["visit", "like"], 900), value=rng.random(900))
    return {
        "events": events,
        "transactions": table(300, margin=rng.normal(5, 3, 300)),
        "customers": customers,
    }


@pytest.mark.parametrize("block", [3, 131_072])
@pytest.mark.parametrize("signup", [None, "2024-02-05"])
def test_the_file_equals_the_panel(
    block: int, signup: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numpy_panel, "BLOCK", block)
    settings, given = config(tmp_path), frames(signup)
    folder, n_rows, n_columns = write_features(settings, tmp_path / "out", frames=given)
    written = pq.read_table(folder / FEATURES)
    with open_duckdb(threads=1) as engine:
        tables = read_tables(settings, engine, given)
        panel = build_panel(tables, settings, plan_windows(tables.history, settings.windows)).frame
    assert (n_rows, n_columns) == panel.shape
    # Without a sign-up before the first cutoff, that cutoff has no rows.
    assert panel["cutoff"].nunique() == (3 if signup is None else 2)
    assert panel["visit__recency_days"].isna().sum() == written["visit__recency_days"].null_count
    pd.testing.assert_frame_equal(
        written.to_pandas(),
        panel.astype({"covariate__country": str, "segment__country": str, "part": str}),
        check_exact=True,
        check_categorical=False,
        check_dtype=False,
    )
