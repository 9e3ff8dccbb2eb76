"""Workload of the scale benchmark: folders of generated events and the pipeline definition."""

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
"""Memory limit of DuckDB; the process also needs memory for NumPy, Arrow and a cutoff's rows."""
BYTES_PER_EVENT = 70
"""Disk space per event: events 17, cache 12, features 4, the rest for spilling."""


def folder_of(data: Path, n_events: int) -> Path:
    """Return the folder with `n_events` generated events."""
    return data / f"{n_events}-events"


def link_copy(source: Path, copy: Path) -> None:
    """Copy a generated data set into another folder, with hard links to the event files."""
    shutil.rmtree(copy, ignore_errors=True)
    (copy / "events").mkdir(parents=True)
    for file in sorted((source / "events").iterdir()):
        os.link(file, copy / "events" / file.name)
    shutil.copyfile(source / "transactions.parquet", copy / "transactions.parquet")


def write_definition(
    copy: Path,
    *,
    cutoffs: Sequence[dt.date] = CUTOFFS,
    sessions: bool = False,
    name: str = "scale",
) -> Path:
    """Write the pipeline definition into a folder; JSON is valid YAML."""
    content: dict[str, Any] = {
        "name": "scale",
        "sources": {"events": "events", "transactions": "transactions.parquet"},
        "windows": {"cutoffs": [str(cutoff) for cutoff in cutoffs]},
        "engine": {"memory": MEMORY, "spill": str(copy / "spill"), "keep": str(copy / "cache")},
        "tracking": {"uri": None},
    }
    if sessions:
        content["features"] = {"sessions": {}}
    file = copy / f"{name}.yaml"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def unsupported_sessions() -> str | None:
    """Return why the configuration rejects session features, or None if it accepts them."""
    from engagement_ml.config import parse_config
    from engagement_ml.errors import ConfigError

    try:
        parse_config({"name": "scale", "features": {"sessions": {}}})
    except ConfigError as error:
        return str(error)
    return None


def disk_space(n_events: Sequence[int]) -> int:
    """Return the disk space in bytes that measuring these sizes takes.

    Examples
    --------
    >>> disk_space([1_000_000, 100_000_000]) / 10**9
    7.017
    """
    return sum(17 * n for n in n_events) + (BYTES_PER_EVENT - 17) * max(n_events)
