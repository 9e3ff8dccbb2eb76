"""Optional columns whose names other columns may have by chance."""

from __future__ import annotations

from engagement_ml.column_names import fold
from engagement_ml.tables.schema import EXTRA, SourceTable
from engagement_ml.yaml_line import yaml_line


def leave_out_hint(table: SourceTable, column: str) -> str:
    """Return how to leave out a column that may be another one than is meant.

    A column that the configuration maps is meant.
    """
    of_surveys = ("scale", "sent") if table.name == "surveys" else ()
    by_chance = {*EXTRA.get(table.name, ()), *of_surveys}
    if column not in by_chance or fold(table.source_columns[column]) != fold(column):
        return ""
    line = yaml_line("columns", {table.name: {column: None}})
    return f"; if it is something else, leave it out: '{line}'"
