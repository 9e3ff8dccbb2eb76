"""Where a world of so many events lies, the day that comes after it, and the definition to run."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DAYS = 364
CUTOFFS = (dt.date(2024, 7, 8), dt.date(2024, 8, 5), dt.date(2024, 9, 2))
OBSERVATION_DAYS = 84
MEMORY = "1.5GB"
"""DuckDB's limit; the process needs more, for NumPy, Arrow and one cutoff's rows."""
BYTES_AN_EVENT = 70
"""Of disk: events 17, what is kept 12, features 4, and room to spill."""


def folder_of(data: Path, n_events: int) -> Path:
    """Return the folder of a world."""
    return data / f"{n_events}-events"


def link_live(world: Path, live: Path) -> None:
    """Make a folder with the events and transactions of a world, without copying the events."""
    shutil.rmtree(live, ignore_errors=True)
    (live / "events").mkdir(parents=True)
    for file in sorted((world / "events").iterdir()):
        os.link(file, live / "events" / file.name)
    shutil.copyfile(world / "transactions.parquet", live / "transactions.parquet")


def write_definition(
    live: Path,
    *,
    cutoffs: Sequence[dt.date] = CUTOFFS,
    sessions: bool = False,
    name: str = "scale",
) -> Path:
    """Write the pipeline's definition into a live folder; JSON is YAML."""
    content: dict[str, Any] = {
        "name": "scale",
        "sources": {"events": "events", "transactions": "transactions.parquet"},
        "windows": {"cutoffs": [str(cutoff) for cutoff in cutoffs]},
        "engine": {"memory": MEMORY, "spill": str(live / "spill"), "keep": str(live / "kept")},
        "tracking": {"uri": None},
    }
    if sessions:
        content["features"] = {"sessions": {}}
    file = live / f"{name}.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def sessions_refused() -> str | None:
    """Return why a configuration cannot ask for session features, None where it can."""
    from engagement_ml.config import parse_config
    from engagement_ml.errors import ConfigError

    try:
        parse_config({"name": "scale", "features": {"sessions": {}}})
    except ConfigError as error:
        return str(error)
    return None


def needed(n_events: Sequence[int]) -> int:
    """Return the bytes of disk that measuring these sizes takes.

    Examples
    --------
    >>> needed([1_000_000, 100_000_000]) / 10**9
    7.017
    """
    return sum(17 * n for n in n_events) + (BYTES_AN_EVENT - 17) * max(n_events)
