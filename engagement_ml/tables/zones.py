"""Time zones of the files of a source: all have one, or none has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engagement_ml.errors import InputError
from engagement_ml.tables.records import arrow_fields, find_field


def check_zones(files: Sequence[Path], column: str) -> None:
    """Check that a column of Parquet files has a time zone in all files, or in none.

    Engines would read the files without one as UTC, or not at all.

    Raises
    ------
    InputError
        If some files have a time zone; the message names one of each.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    seen: dict[bool, Path] = {}
    for file in files if len(files) > 1 else ():
        try:
            schema = pq.read_schema(file)
        except (OSError, pa.ArrowException):
            # The engine names what is wrong with the file.
            return
        types = {field.name: field.type for field in schema}
        if (found := find_field(column, types, arrow_fields)) is None:
            continue
        of_type = found[1]
        if pa.types.is_timestamp(of_type) or pa.types.is_date(of_type):
            seen.setdefault(getattr(of_type, "tz", None) is not None, file)
    if len(seen) > 1:
        raise InputError(
            f"{seen[True]}: column '{column}' has a time zone and that of {seen[False]} has none; "
            "write all files with a time zone, or all in UTC without"
        )
