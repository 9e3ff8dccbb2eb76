"""Cost of scoring: the metric as SQL, compared with the profit model and its SHAP values."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scale.events import BEHAVIOURS, SHARES

KINDS = ("hill", "log1p", "linear")
EVENTS_PER_WINDOW = 25.0
TRAINING_CUSTOMERS = 2_000
"""Customers of the simulated shop that train the profit model; more would not add trees."""


def write_counts(target: Path, n_customers: int, seed: int = 0) -> None:
    """Write a Parquet file with the counts of every behaviour per customer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    partial = target.with_suffix(".part")
    writer = None
    for first in range(0, n_customers, 1_000_000):
        n = min(1_000_000, n_customers - first)
        size = rng.lognormal(-0.8, 1.3, n)[:, None]
        counts = rng.poisson(size * SHARES * EVENTS_PER_WINDOW)
        columns: dict[str, Any] = {"customer_id": np.arange(first, first + n)}
        columns |= {name: counts[:, i] for i, name in enumerate(BEHAVIOURS)}
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(partial, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    partial.replace(target)


def score_counts(counts: Path, target: Path) -> None:
    """Score a Parquet file of counts in DuckDB with a metric of three behaviours."""
    import duckdb

    from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

    shapes = {"hill": (2.0, 1.5), "log1p": (3.0, None), "linear": (None, None)}
    behaviours = tuple(
        WeightedBehaviour(
            behaviour=BEHAVIOURS[5 + i],
            weight=weight,
            weight_low=None,
            weight_high=None,
            feature="frequency",
            unit="events in 84 days",
            transform=Transform(kind, scale=shapes[kind][0], shape=shapes[kind][1], cap=12.0),
        )
        for i, (kind, weight) in enumerate(zip(KINDS, (50.0, 30.0, 20.0), strict=True))
    )
    metric = EngagementMetric("scale", "driver", 84, 84, behaviours)
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW counts AS SELECT * FROM read_parquet('{counts}')")
    connection.execute(f"COPY ({metric.to_sql('counts')}) TO '{target}' (FORMAT parquet)")


def explain_rows(n_rows: int) -> dict[str, Any]:
    """Time the profit model's predictions and SHAP values on rows of the simulated shop.

    ``train`` would fit the same model. Only the calls of LightGBM are timed.
    """
    from engagement_ml.config import PipelineConfig
    from engagement_ml.datasets import make_shop
    from engagement_ml.engine import open_duckdb
    from engagement_ml.features import build_panel
    from engagement_ml.inputs import read_tables
    from engagement_ml.models import ProfitModel
    from engagement_ml.windows import plan_windows

    shop = make_shop(TRAINING_CUSTOMERS)
    frames = {"events": shop.events, "transactions": shop.transactions}
    config = PipelineConfig(name="scale")
    with open_duckdb() as engine:
        tables = read_tables(config, engine, frames)
        windows = plan_windows(tables.history, config.windows)
        panel = build_panel(tables, config, windows)
    model = ProfitModel().fit(panel, 0, windows=windows)
    matrix = model.design_.matrix(panel.frame)
    rows = matrix[np.random.default_rng(0).integers(0, len(matrix), n_rows)]
    booster = model.boosters["profit"]
    started = time.perf_counter()
    booster.predict(rows)
    predicted = time.perf_counter()
    booster.predict(rows, pred_contrib=True)
    explained = time.perf_counter()
    return {
        "rows": n_rows,
        "columns": rows.shape[1],
        "trees": booster.num_trees(),
        "predict_seconds": predicted - started,
        "shap_seconds": explained - predicted,
    }
