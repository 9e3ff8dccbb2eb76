"""Samples of the rows of large Parquet files: row groups spread evenly over all files."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from engagement_ml.engine import DuckDBEngine, Engine
from engagement_ml.engine.files import NULL
from engagement_ml.errors import EngagementError
from engagement_ml.formatting import count
from engagement_ml.inputs.inspection import Rows
from engagement_ml.readiness.result import SampledRows
from engagement_ml.tables.opening import as_whole
from engagement_ml.tables.quality import TableQuality
from engagement_ml.tables.records import arrow_fields, find_field
from engagement_ml.tables.schema import SourceTable

LARGE_BYTES = 16_000_000
"""Smaller files are read whole without a look at their footers."""
LARGE_ROWS = 5_000_000
"""Rows of events from which a sample is read."""
LARGE_TABLE = 2_000_000
"""The same for other tables, whose rows cost more: there is no ledger of them."""
SAMPLE_ROWS = 500_000
"""Rows of the sample, about."""
LARGEST_GAP = dt.timedelta(days=14)
"""Longest time between two parts of the sample, as far as the row groups allow."""
MOST_GROUPS = 64
"""Most row groups that are read."""


class RowGroup(NamedTuple):
    """A row group of a Parquet file, with the range of its timestamps if the file states it."""

    file: Path
    number: int
    rows: int
    first: dt.datetime | None = None
    last: dt.datetime | None = None


@dataclass
class RowSamples(Rows):
    """The rows that a check reads: of large Parquet files a sample, of other tables all.

    Attributes
    ----------
    read : dict of str to SampledRows
        The tables of which a part was read.
    """

    read: dict[str, SampledRows] = field(default_factory=dict)
    _lacking: list[EngagementError] = field(default_factory=list)
    _spans: dict[str, tuple[dt.datetime, dt.datetime]] = field(default_factory=dict)

    def opened(self, engine: Engine, table: Any) -> Any:
        """Return an opened table, or a sample of its rows if it is large."""
        if not isinstance(engine, DuckDBEngine) or not isinstance(table, SourceTable):
            return table
        if sum(file.stat().st_size for file in table.files) < LARGE_BYTES:
            return table
        groups = row_groups(table)
        rows = sum(group.rows for group in groups)
        if rows < (LARGE_ROWS if table.name == "events" else LARGE_TABLE):
            return table
        chosen = spread(groups)
        sampled, n_read = _read(engine, table, chosen)
        self.lacking = self._lacking.append
        self.read[table.name] = SampledRows(n_read, rows, len(chosen), len(groups))
        stated = [group for group in groups if group.first is not None and group.last is not None]
        if len(stated) == len(groups):
            self._spans[table.name] = (
                min(group.first for group in stated if group.first is not None),
                max(group.last for group in stated if group.last is not None),
            )
        return sampled

    def quality(self, quality: TableQuality) -> TableQuality:
        """Return what was counted, with the first and last timestamp that the files state."""
        span = self._spans.get(quality.table)
        notes = quality.notes
        if quality.table in self.read:
            # The days between the parts of a sample are no gaps in the data.
            notes = tuple(note for note in notes if "days from the nearest" not in note)
        if (
            span is None
            or quality.first is None
            or any(
                "history." in each.reason or "far from" in each.reason for each in quality.dropped
            )
        ):
            return replace(quality, notes=notes)
        return replace(quality, first=span[0], last=span[1], notes=notes)

    def whole(self, *tables: str) -> bool:
        """Return whether all rows of these tables were read."""
        return not any(table in self.read for table in tables)

    def share(self, table: str) -> float:
        """Return the share of a table's rows that was read."""
        part = self.read.get(table)
        return 1.0 if part is None else part.rows / part.of_rows

    def notes(self) -> list[str]:
        """Return a sentence for each table of which a part was read."""
        return [
            f"Of {table}, a sample was read: {count(part.rows)} of {count(part.of_rows)} rows, "
            f"from {count(part.row_groups)} of {count(part.of_row_groups)} row groups spread over "
            "the files. Numbers of rows and customers are those of the sample; faults in other "
            "rows are found when they are read."
            for table, part in self.read.items()
        ] + [f"The sample of rows may lack what all rows have: {each}" for each in self._lacking]


def row_groups(table: SourceTable) -> list[RowGroup]:
    """Return the row groups of a table's files from their footers; no row is read."""
    import pyarrow.parquet as pq

    # The statistics of a source's column say nothing of a column that is computed from it.
    wanted = None if table.projection is not None else table.source_columns.get("timestamp")
    found = []
    for file in table.files:
        footer = pq.read_metadata(file)
        names = footer.schema.names
        column = names.index(wanted) if wanted in names else None
        for number in range(footer.num_row_groups):
            group = footer.row_group(number)
            first, last = _span(group, column)
            found.append(RowGroup(file, number, group.num_rows, first, last))
    return found


def spread(groups: Sequence[RowGroup]) -> list[RowGroup]:
    """Return row groups spread evenly over all: enough for the sample, and for every fortnight."""
    mean = sum(group.rows for group in groups) / len(groups)
    n = math.ceil(SAMPLE_ROWS / mean)
    firsts = [group.first for group in groups if group.first is not None]
    lasts = [group.last for group in groups if group.last is not None]
    if firsts and lasts:
        n = max(n, math.ceil((max(lasts) - min(firsts)) / LARGEST_GAP) + 1)
    n = min(n, len(groups), MOST_GROUPS)
    if n == 1:
        return [groups[0]]
    places = sorted({round(i * (len(groups) - 1) / (n - 1)) for i in range(n)})
    return [groups[place] for place in places]


def _span(group: Any, column: int | None) -> tuple[dt.datetime | None, dt.datetime | None]:
    statistics = None if column is None else group.column(column).statistics
    if statistics is None or not statistics.has_min_max:
        return None, None
    first, last = statistics.min, statistics.max
    if not isinstance(first, dt.datetime) or not isinstance(last, dt.datetime):
        return None, None
    if first.tzinfo is not None:
        first, last = (each.astimezone(dt.UTC).replace(tzinfo=None) for each in (first, last))
    return first, last


def _read(
    engine: DuckDBEngine, table: SourceTable, groups: Sequence[RowGroup]
) -> tuple[SourceTable, int]:
    """Return a table of the first rows of each row group, in the types of the whole table."""
    import pyarrow as pa

    projection = table.projection
    types = table.types if projection is None else projection.types
    names = table.source_columns if projection is None else {column: column for column in types}
    wanted = [names[column] for column in types if names[column] not in table.keys]
    limit = math.ceil(SAMPLE_ROWS / len(groups))
    parts = []
    for group in groups:
        rows = pa.Table.from_batches(_first_batches(group, wanted, limit))
        for key, value in _key_values(group.file, table.keys).items():
            rows = rows.append_column(key, pa.array([value] * len(rows), pa.string()))
        parts.append(rows)
    arrow = pa.concat_tables(parts, promote_options="permissive")
    given = engine.register(arrow)
    relation = engine.scan(given).to_native()
    present = dict(zip(relation.columns, relation.types, strict=True))
    sql = as_whole(given, present, types, names)
    if projection is not None:
        projection = replace(projection, source=f"({sql})")
        sql = projection.sql()
    # The number of a row in a message is that in the sample.
    label = f"{table.label} (a sample of its rows)"
    view = engine.view(sql, source=label)
    sampled = replace(table, label=label, view=view, files=(), projection=projection)
    return sampled, len(arrow)


def _first_batches(group: RowGroup, names: Iterable[str], limit: int) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(group.file) as file:
        # Files of a folder may write a name in other cases.
        types = {field.name: field.type for field in file.schema_arrow}
        found = {}
        for name in names:
            if (path := find_field(name, types, arrow_fields)) is not None:
                first, *fields = path[0]
                # A record keeps its name: its fields are taken from it later.
                found[first] = first if fields else name
        columns = list(found)
        left = min(limit, group.rows)
        batches = file.iter_batches(left, row_groups=[group.number], columns=columns)
        for batch in batches:
            named = [found[name] for name in batch.schema.names]
            yield batch.slice(0, left).rename_columns(named)
            left -= len(batch)
            if left <= 0:
                return


def _key_values(file: Path, keys: Mapping[str, str]) -> dict[str, str | None]:
    """Return the values of the ``key=value`` folders of a file, as text; None for a missing one."""
    values = {
        key: unquote(value)
        for key, _, value in (part.partition("=") for part in file.parts[:-1])
        if key in keys
    }
    return {key: None if value == NULL else value for key, value in values.items()}
