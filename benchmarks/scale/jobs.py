"""Jobs that run in separate processes: ``python -m benchmarks.scale.jobs NAME '{"key": 1}'``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.scale.workload import CUTOFFS, OBSERVATION_DAYS

BARE = (
    "CREATE TEMP TABLE grouped AS SELECT customer_id, event_type, count(*) AS n, "
    "sum(value) AS value, max(timestamp) AS last FROM read_parquet('{events}/*.parquet') "
    "GROUP BY customer_id, event_type"
)


def make_data(folder: str, n_events: int) -> None:
    from benchmarks.scale.events import write_data

    write_data(Path(folder), n_events)


def next_day(folder: str, n_events: int) -> None:
    from benchmarks.scale.events import write_next_day

    write_next_day(Path(folder), n_events)


def bare_group_by(events: str) -> None:
    """Group the events in DuckDB with its default memory and threads."""
    import duckdb

    duckdb.connect().execute(BARE.format(events=events))


def group_by_day(events: str) -> None:
    """Group the events by day as well: the bare cost of what measures by period are made from."""
    import duckdb

    from benchmarks.scale.scorecard import BY_DAY

    duckdb.connect().execute(BY_DAY.format(events=events))


def scorecard(definition: str) -> dict[str, Any]:
    """Compute the measures of the scorecard."""
    from benchmarks.scale.scorecard import compute_measures

    return compute_measures(Path(definition))


def imports() -> None:
    """Import the modules of ``engagement-ml features`` and open the engine."""
    import pyarrow.parquet  # noqa: F401

    from engagement_ml.cli import app  # noqa: F401
    from engagement_ml.engine import open_duckdb
    from engagement_ml.features import catalogue, panel  # noqa: F401

    with open_duckdb():
        pass


def pandas_features(source: str, target: str) -> None:
    from benchmarks.scale.by_hand import write_panel

    write_panel(Path(source), Path(target), CUTOFFS, OBSERVATION_DAYS)


def compare(product: str, pandas: str, n_customers: int) -> dict[str, Any]:
    from benchmarks.scale.by_hand import largest_difference

    return dict(largest_difference(Path(product), Path(pandas), n_customers))


def rival(library: str, source: str, target: str) -> dict[str, Any]:
    """Run featuretools or tsfresh; return the reason if it cannot be imported."""
    from importlib import import_module

    from benchmarks.scale.rivals import RIVALS

    try:
        import_module(library)
    except ImportError as error:
        return {"skipped": f"{library} cannot be imported: {error}"}
    return {"columns": RIVALS[library](Path(source), Path(target), CUTOFFS, OBSERVATION_DAYS)}


def counts(target: str, n_customers: int) -> None:
    from benchmarks.scale.scoring import write_counts

    write_counts(Path(target), n_customers)


def score(counts: str, target: str) -> None:
    from benchmarks.scale.scoring import score_counts

    score_counts(Path(counts), Path(target))


def explain(n_rows: int) -> dict[str, Any]:
    from benchmarks.scale.scoring import explain_rows

    return explain_rows(n_rows)


JOBS: dict[str, Callable[..., dict[str, Any] | None]] = {
    job.__name__: job
    for job in (
        make_data, next_day, bare_group_by, group_by_day, scorecard, imports, pandas_features,
        compare, rival, counts, score, explain,
    )
}  # fmt: skip


def command(name: str, *, python: str = sys.executable, **arguments: Any) -> list[str]:
    """Return the command line of a job."""
    return [python, "-m", "benchmarks.scale.jobs", name, json.dumps(arguments)]


def main() -> None:
    """Run the job named on the command line and print its result as JSON."""
    result = JOBS[sys.argv[1]](**json.loads(sys.argv[2]))
    print(json.dumps(result or {}))


if __name__ == "__main__":
    main()
