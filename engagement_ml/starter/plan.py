"""What `init` decided: one plan for each table, with what it was unsure of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engagement_ml.starter.sample import Sample
from engagement_ml.tables.schema import quoted

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset(
    (
        "all", "and", "any", "as", "asc", "between", "both", "by", "case", "cast", "check",
        "column", "current_date", "date", "default", "desc", "distinct", "else", "end", "except",
        "false", "for", "from", "full", "group", "having", "in", "inner", "is", "join", "left",
        "like", "limit", "not", "null", "offset", "on", "only", "or", "order", "outer", "primary",
        "references", "right", "select", "table", "then", "time", "timestamp", "to", "true",
        "union", "unique", "user", "using", "value", "values", "when", "where", "window", "with",
    )
)  # fmt: skip
"""Words of SQL that are no names without quotes."""


@dataclass(frozen=True)
class TablePlan:
    """How one table is read.

    Attributes
    ----------
    table : str
        Name of the input table.
    sample : Sample
    columns : mapping of str to str
        The source's column, or field of a record, by column of ours.
    values : mapping of str to str
        An SQL expression by column of ours.
    constants : mapping of str to str
    where : str or None
        Condition for rows to be read.
    time : str or None
        Format of the times.
    decimal : str or None
    export : str or None
        Name of the public format that was recognised.
    comments : mapping of str to str
        By column of ours, what stands behind it in the file.
    unsure : tuple of str
        What the user should check.
    zoned : bool
        Whether the times name their zone, or are known to be in UTC.
    """

    table: str
    sample: Sample
    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    time: str | None = None
    decimal: str | None = None
    export: str | None = None
    comments: Mapping[str, str] = field(default_factory=dict)
    unsure: tuple[str, ...] = ()
    zoned: bool = True

    def expression(self, column: str) -> str | None:
        """Return SQL for a column of ours over the source's columns; None if it is not filled."""
        if column in self.columns:
            return sql_name(self.columns[column], self.sample)
        return self.values.get(column)

    def written(self, column: str) -> str | None:
        """Return how a column of ours is filled, as people read it."""
        if column in self.constants:
            return f"always {self.constants[column]!r}"
        return self.columns.get(column) or self.values.get(column)

    @property
    def shape(self) -> dict[str, object]:
        """The table's entry in the section `shape`; empty if it needs none."""
        encoding = self.sample.encoding if self.sample.encoding != "utf-8" else None
        keys = {
            "where": self.where,
            "format": self.time,
            "decimal": self.decimal,
            "encoding": encoding,
            "values": dict(self.values),
            "constants": dict(self.constants),
        }
        return {key: value for key, value in keys.items() if value}


def sql_name(name: str, sample: Sample) -> str:
    """Return a column, or a field of a record, as it is written in an SQL expression.

    Examples
    --------
    >>> sample = Sample("e.csv", {}, frozenset({"Event Name", "properties"}))
    >>> sql_name("Event Name", sample), sql_name("properties.$insert_id", sample)
    ('"Event Name"', 'properties."$insert_id"')
    """
    parts = [name] if name in sample.plain else name.split(".")
    return ".".join(map(_quoted, parts))


def _quoted(name: str) -> str:
    if _SIMPLE.fullmatch(name) and name.lower() not in _WORDS:
        return name
    return quoted(name)
