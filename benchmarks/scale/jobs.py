"""What runs in a process of its own: ``python -m benchmarks.scale.jobs NAME '{"key": 1}'``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.scale.world import CUTOFFS, OBSERVATION_DAYS

BARE = (
    "CREATE TEMP TABLE grouped AS SELECT customer_id, event_type, count(*) AS n, "
    "sum(value) AS value, max(timestamp) AS last FROM read_parquet('{events}/*.parquet') "
    "GROUP BY customer_id, event_type"
)


def make_world(folder: str, n_events: int) -> None:
    from benchmarks.scale.events import write_world

    write_world(Path(folder), n_events)


def next_day(folder: str, n_events: int) -> None:
    from benchmarks.scale.events import write_next_day

    write_next_day(Path(folder), n_events)


def bare(events: str) -> None:
    """Group the events in DuckDB as it comes, with its default memory and threads."""
    import duckdb

    duckdb.connect().execute(BARE.format(events=events))


def imports() -> None:
    """Load what ``engagement-ml features`` loads, and open the engine."""
    import pyarrow.parquet  # noqa: F401

    from engagement_ml.cli import app  # noqa: F401
    from engagement_ml.engine import open_duckdb
    from engagement_ml.features import catalogue, panel  # noqa: F401

    with open_duckdb():
        pass


def by_hand(world: str, target: str) -> None:
    from benchmarks.scale.by_hand import write_panel

    write_panel(Path(world), Path(target), CUTOFFS, OBSERVATION_DAYS)


def disagreement(ours: str, theirs: str, n_customers: int) -> dict[str, Any]:
    from benchmarks.scale.by_hand import disagreement as find

    return dict(find(Path(ours), Path(theirs), n_customers))


def rival(library: str, world: str, target: str) -> dict[str, Any]:
    """Run featuretools or tsfresh; where it cannot run here, say why."""
    from importlib import import_module

    from benchmarks.scale.rivals import RIVALS

    try:
        import_module(library)
    except ImportError as error:
        return {"skipped": f"{library} cannot be imported: {error}"}
    return {"columns": RIVALS[library](Path(world), Path(target), CUTOFFS, OBSERVATION_DAYS)}


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
        make_world, next_day, bare, imports, by_hand, disagreement, rival, counts, score, explain
    )
}  # fmt: skip


def command(name: str, *, python: str = sys.executable, **told: Any) -> list[str]:
    """Return the command line of a job."""
    return [python, "-m", "benchmarks.scale.jobs", name, json.dumps(told)]


def main() -> None:
    found = JOBS[sys.argv[1]](**json.loads(sys.argv[2]))
    print(json.dumps(found or {}))


if __name__ == "__main__":
    main()
