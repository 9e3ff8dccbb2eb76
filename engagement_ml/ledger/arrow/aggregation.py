"""Entry to the sort-based aggregation: Parquet files in, a daily ledger as Parquet out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from engagement_ml.ledger.arrow.daily import aggregate_by_day
from engagement_ml.ledger.arrow.reading import read_events
from engagement_ml.ledger.arrow.sessions import sessions_by_day
from engagement_ml.ledger.sessions import SessionRule
from engagement_ml.tables.schema import AMOUNTS

ROW_GROUP = 500_000
"""Rows per row group of a written ledger: enough to compress well, few enough to skip days."""


def aggregate_files(
    files: Sequence[Path],
    source_columns: Mapping[str, str],
    target: Path,
    *,
    integer_ids: bool,
    sessions: SessionRule | None = None,
) -> pa.Table:
    """Aggregate the events of Parquet files by day, write the ledger as Parquet and return it.

    The result equals that of ``ledger.daily.aggregate_by_day``, or with `sessions` that of
    ``ledger.sessions.sessions_by_day``, except for rows without a day, which may be split.

    Parameters
    ----------
    files : sequence of Path
        Their events have no duplicates and, for `sessions`, no ``session_id`` or ``direction``.
    source_columns : mapping of str to str
        Name in the files of ``customer_id``, ``event_type``, ``timestamp`` and, for the ledger of
        events, of the amounts that are wanted.
    target : Path
        The file to write.
    integer_ids : bool
        Whether ``customer_id`` becomes an integer, else text.
    sessions : SessionRule, optional
        Writes the ledger of sessions by this rule instead of the ledger of events.

    Returns
    -------
    pyarrow.Table
        Sorted by day within each group of files with overlapping days.

    Raises
    ------
    UnsupportedInputError
        If the engine has to aggregate these files: a column needs conversion, an amount does not
        fit, there are too many rows, or a file cannot be read.
    """
    tables = read_events(files, source_columns, integer_ids=integer_ids)
    if sessions is not None:
        ledger = pa.concat_tables([sessions_by_day(table, sessions) for table in tables])
        _write(ledger, target, moments=("last",), unique=("customer_id", "duration"))
        return ledger
    ledger = pa.concat_tables([aggregate_by_day(table) for table in tables]).unify_dictionaries()
    counts = (f"n_{column}" for column in AMOUNTS)
    _write(ledger, target, moments=("first", "last"), unique=("customer_id", *AMOUNTS, *counts))
    return ledger


def _write(
    ledger: pa.Table, target: Path, *, moments: Sequence[str], unique: Sequence[str]
) -> None:
    """Write a ledger that is sorted by day as Parquet, so that days can be read alone.

    Columns that are mostly `unique` get no dictionary, and `moments` no compression: it would
    take three times as long to write and save four percent of their size.
    """
    pq.write_table(
        ledger,
        target,
        row_group_size=ROW_GROUP,
        compression={c: "none" if c in moments else "lz4" for c in ledger.column_names},
        use_dictionary=[c for c in ledger.column_names if c not in {*moments, *unique}],
        write_statistics=["day"],
    )
