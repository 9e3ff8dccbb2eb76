"""The report's end: the data, the windows, versions and fingerprints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from engagement_ml.formatting import DASH, as_date, day, finite, number, one_line, percent
from engagement_ml.report import plots, text
from engagement_ml.report.view import Row, Run, as_mapping, as_rows, as_texts

_FINGERPRINT = 12


def data_section(run: Run) -> dict[str, Any] | None:
    """Return what was read, kept and dropped of each table; None where the record has no table."""
    tables = [_table(row) for row in run.rows("tables")]
    if not tables:
        return None
    return {
        "tables": tables,
        "sample": text.sample(run),
        "n_entities": number(run.raw.get("n_entities"), 0),
        "n_rows": number(run.raw.get("n_rows"), 0),
    }


def windows_section(run: Run) -> dict[str, Any] | None:
    """Return the drawing of the windows and what it says in words; None without windows."""
    windows = run.mapping("windows")
    if not windows:
        return None
    train, test = as_texts(windows.get("train")), as_texts(windows.get("test"))
    gap = finite(windows.get("gap_days")) or 0
    return {
        "chart": plots.windows_chart(
            windows, label="Observation and outcome window of every cutoff, over the history"
        ),
        "observation_days": run.days("observation_days"),
        "outcome_days": run.days("outcome_days"),
        "gap_days": int(gap),
        "n_train": len(train),
        "n_test": len(test),
        "fit_until": day(windows.get("fit_until")),
        "history": _history(windows),
    }


def version_section(run: Run) -> list[tuple[str, str]]:
    """Return name and value of whatever says how this was made."""
    registered = run.mapping("registered")
    seconds = {
        one_line(step): value
        for step, took in run.mapping("seconds").items()
        if (value := finite(took)) is not None
    }
    seed = as_mapping(run.raw.get("config")).get("random_seed")
    rows: list[tuple[str, Any]] = [
        ("Pipeline", run.name),
        ("Made", run.text("created_at")),
        ("engagement-ml", _version(run.raw.get("version"))),
        ("Metric definition", run.metric.get("definition_hash")),
        ("Random seed", seed),
        ("Registered model", registered.get("model")),
        ("Version", registered.get("version")),
        ("Alias", registered.get("alias")),
        ("Model URI", registered.get("uri")),
        ("MLflow run", registered.get("run_id")),
        ("Tracking store", registered.get("tracking_uri")),
        *(
            (f"Fingerprint of {one_line(row.get('table'))}", row.get("fingerprint"))
            for row in run.rows("tables")
        ),
    ]
    if seconds:
        rows.append(("Time", f"{number(sum(seconds.values()), 1)} s: " + _steps(seconds)))
    return [(name, one_line(value)) for name, value in rows if value not in (None, "")]


def _table(row: Row) -> dict[str, Any]:
    read, kept = finite(row.get("rows_read")), finite(row.get("rows_kept"))
    dropped = [
        {"reason": one_line(each.get("reason") or ""), "rows": number(each.get("rows"), 0)}
        for each in as_rows(row.get("dropped"))
        if finite(each.get("rows"))
    ]
    first, last = row.get("first"), row.get("last")
    return {
        "table": one_line(row.get("table") or ""),
        "source": one_line(row.get("source") or ""),
        "read": number(read, 0),
        "kept": number(kept, 0),
        "share": percent(kept / read, 1) if read and kept is not None else DASH,
        "dropped": dropped,
        "span": f"{day(first)} to {day(last)}" if first and last else DASH,
    }


def _history(windows: Row) -> str:
    history = as_mapping(windows.get("history"))
    start, end = as_date(history.get("start")), as_date(history.get("end"))
    if start is None or end is None:
        return ""
    return f"{day(start)} to {day(end - dt.timedelta(days=1))}"


def _version(version: Any) -> str:
    if isinstance(version, Mapping):
        return ", ".join(f"{name} {number_}" for name, number_ in version.items())
    return one_line(version or "")


def _steps(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{step} {number(took, 1)} s" for step, took in seconds.items())
