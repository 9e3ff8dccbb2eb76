"""Schema of the input tables: their columns, and a source mapped to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from engagement_ml.engine.duckdb_moments import NUMBERS, moment_sql
from engagement_ml.engine.notation import PLAIN, Notation, number_sql
from engagement_ml.tables.column_types import ENUM, INTEGERS, MOMENT, NESTED, NUMBER
from engagement_ml.tables.day_limits import PLAUSIBLE, DayLimits
from engagement_ml.tables.ids import id_sql
from engagement_ml.tables.projection import Projection

Kind = Literal["id", "timestamp", "text", "number", "finite"]
"""``number`` treats NaN as null; ``finite`` rejects it."""

COLUMNS: dict[str, dict[str, Kind]] = {
    "events": {
        "customer_id": "id",
        "timestamp": "timestamp",
        "event_type": "text",
        "event_id": "text",
        "value": "number",
        "duration_seconds": "number",
    },
    "transactions": {
        "customer_id": "id",
        "timestamp": "timestamp",
        "margin": "finite",
        "revenue": "finite",
        "cost": "finite",
        "transaction_id": "text",
        "currency": "text",
    },
    "customers": {"customer_id": "id", "signup": "timestamp"},
    "surveys": {
        "customer_id": "id",
        "timestamp": "timestamp",
        "survey": "text",
        "score": "finite",
        "scale": "text",
        "sent": "timestamp",
    },
    "identities": {"anonymous_id": "id", "customer_id": "id", "timestamp": "timestamp"},
    "links": {
        "actor_id": "id",
        "customer_id": "id",
        "role": "text",
        "from": "timestamp",
        "to": "timestamp",
        "team": "text",
    },
    "scores": {"customer_id": "id", "timestamp": "timestamp", "score": "finite"},
}
EXTRA: dict[str, dict[str, Kind]] = {
    "events": {
        "session_id": "id",
        "direction": "text",
        "channel": "text",
        "object": "text",
        "section": "text",
        "campaign": "text",
        "ref": "id",
        "due": "timestamp",
    },
    "transactions": {
        "order_id": "id",
        "product": "text",
        "channel": "text",
        "refund": "finite",
    },
    "surveys": {"event_id": "id", "touchpoint": "text", "comment": "text"},
}
"""Optional columns that only some measures need; they are read where these are computed."""
ANONYMOUS = "anonymous_id"
"""Column of `events` that is read if there are identities."""
AMOUNTS = ("value", "duration_seconds")
"""Optional columns of `events` that are summed by day."""
SESSION_COLUMNS = ("session_id", "direction")
"""Optional columns of `events` that identify a session."""
REQUIRED = {
    "events": ("customer_id", "timestamp", "event_type"),
    "transactions": ("customer_id", "timestamp"),
    "customers": ("customer_id",),
    "surveys": ("customer_id", "timestamp", "survey", "score"),
    "identities": ("anonymous_id", "customer_id"),
    "links": ("actor_id", "customer_id"),
    "scores": ("customer_id", "timestamp", "score"),
}
ROW_ID = {"events": "event_id", "transactions": "transaction_id"}
"""Optional column of a table that tells its rows apart; rows that repeat it are dropped."""


@dataclass(frozen=True)
class Identities:
    """Whose each anonymous id is.

    Attributes
    ----------
    view, fingerprint : str
        Name in the engine of the spans of ``identity_spans``, and what changes with them.
    """

    view: str
    fingerprint: str


@dataclass(frozen=True)
class SourceTable:
    """A source under the names of the input columns; its types are unchanged.

    Attributes
    ----------
    name : str
        Name of the input table, such as ``"events"``.
    label : str
        Name of the source in messages.
    view : str
        Name of the view in the engine.
    types : dict of str to str
        DuckDB type of each column.
    source_columns : dict of str to str
        Name of each column in the source.
    csv : bool
        Whether the source is a CSV file, so that every column is text.
    files : tuple of Path
        The Parquet files of the source; empty for other sources.
    limits : DayLimits
        The plausible days.
    keys : mapping of str to str
        The ``key=value`` folders of `files` that are columns, and their DuckDB types.
    notation : Notation
        How times and numbers are written.
    projection : Projection or None
        How `view` is made from the source's rows; None if columns are only renamed.
    notes : tuple of str
        Sentences on what was left out before the rows are validated.
    examples : mapping of str to object
        A value of each column of times that holds numbers instead.
    identities : Identities or None
        Those by which events with an ``anonymous_id`` become a customer's.
    extra : bool
        Whether the columns of `EXTRA` are read.
    """

    name: str
    label: str
    view: str
    types: dict[str, str]
    source_columns: dict[str, str]
    csv: bool
    files: tuple[Path, ...] = ()
    limits: DayLimits = PLAUSIBLE
    keys: Mapping[str, str] = field(default_factory=dict)
    notation: Notation = PLAIN
    projection: Projection | None = None
    notes: tuple[str, ...] = ()
    examples: Mapping[str, object] = field(default_factory=dict)
    identities: Identities | None = None
    extra: bool = False

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kinds of the input columns that are read, as far as a table can have them."""
        return COLUMNS[self.name] | (EXTRA.get(self.name, {}) if self.extra else {})

    def is_extra(self, column: str) -> bool:
        """Return whether a column is one of `EXTRA` that is read."""
        return self.extra and column in EXTRA.get(self.name, {})

    def base(self) -> SourceTable:
        """Return the table as it is without the columns of `EXTRA`; the view stays the same."""
        if not self.extra:
            return self
        dropped = EXTRA.get(self.name, {}).keys() - {*SESSION_COLUMNS}
        projection = self.projection
        if projection is not None:
            kept = {c: sql for c, sql in projection.columns.items() if c not in dropped}
            projection = replace(projection, columns=kept)
        return replace(self.without(dropped), projection=projection, extra=False)

    def without(self, columns: Collection[str]) -> SourceTable:
        """Return the table as if it lacked some columns."""
        if not columns:
            return self
        types, names = (
            {c: value for c, value in mapping.items() if c not in columns}
            for mapping in (self.types, self.source_columns)
        )
        return replace(self, types=types, source_columns=names)

    def has(self, column: str) -> bool:
        """Return whether the table has the column."""
        return column in self.types

    def row_id(self) -> str | None:
        """Return the column that tells rows apart; None if the table has none."""
        column = ROW_ID.get(self.name)
        return column if column is not None and self.has(column) else None

    def column_kinds(self) -> list[tuple[str, Kind]]:
        """Return the input columns that the table has, with their kinds."""
        return [(c, kind) for c, kind in self.kinds.items() if self.has(c)]

    def kept_columns(self) -> list[str]:
        """Return the columns that the table still has once its events are customers'."""
        return [c for c in self.types if self.name != "events" or c != ANONYMOUS]

    def is_text(self, column: str) -> bool:
        """Return whether the column holds text."""
        return self.types[column] == "VARCHAR" or bool(ENUM.fullmatch(self.types[column]))

    def fits(self, column: str) -> bool:
        """Return whether the column's type can hold values of its kind; text always can."""
        kind, of_type = dict(self.column_kinds()).get(column), self.types[column]
        if kind == "timestamp":
            moment = self.is_text(column) or bool(MOMENT.fullmatch(of_type))
            return moment or self.is_numeric_moment(column)
        if column == "refund" and of_type == "BOOLEAN":
            return False
        if kind in ("number", "finite"):
            return self.is_text(column) or of_type in INTEGERS or bool(NUMBER.fullmatch(of_type))
        return column not in EXTRA.get(self.name, ()) or not NESTED.search(of_type)

    @property
    def plain(self) -> bool:
        """Whether values are read as they are in the source."""
        return self.projection is None and self.notation == PLAIN

    def numbered(self, *columns: str) -> str:
        """Return SQL of columns with ``row_``, the number of a row in the source."""
        if self.projection is None:
            selected = ", ".join((*map(quoted, columns), "row_number() OVER () AS row_"))
            return f"SELECT {selected} FROM {quoted(self.view)}"
        return self.projection.numbered(*columns)

    def is_numeric_moment(self, column: str) -> bool:
        """Return whether the column holds numbers that the notation reads as times."""
        of_type = self.types[column]
        if self.notation.per_second is not None:
            return bool(NUMBERS.fullmatch(of_type))
        return self.notation.text_format is not None and of_type in INTEGERS

    def sql(self, column: str) -> str:
        """Return SQL for the column; empty text is null, as in a CSV file."""
        name = quoted(column)
        return f"nullif(CAST({name} AS VARCHAR), '')" if self.is_text(column) else name

    def id(self, column: str = "customer_id") -> str:
        """Return SQL for an id as it is given; null if it identifies no customer."""
        of_type = "VARCHAR" if self.is_text(column) else self.types[column]
        return id_sql(self.sql(column), of_type)

    def moment(self, column: str) -> str:
        """Return SQL for a column as naive UTC timestamp; text that is no timestamp is null."""
        of_type = "VARCHAR" if self.is_text(column) else self.types[column]
        return moment_sql(self.sql(column), of_type, self.notation)

    def number(self, column: str) -> str:
        """Return SQL for a column as double; text that is no number is null."""
        if self.notation.decimal is not None and self.is_text(column):
            return number_sql(self.sql(column), self.notation.decimal)
        return f"try_cast({self.sql(column)} AS DOUBLE)"


def input_columns(name: str) -> tuple[str, ...]:
    """Return the columns of an input table that are read, as far as there is a use for them."""
    return (*COLUMNS[name], *EXTRA.get(name, ()), *((ANONYMOUS,) if name == "events" else ()))


def needed(name: str) -> tuple[str, ...]:
    """Return the columns of a table without which a row cannot be used."""
    return (*REQUIRED[name], *(["margin"] if name == "transactions" else []))


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier.

    Examples
    --------
    >>> quoted("order")
    '"order"'
    """
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str], at_most: int = 12) -> str:
    """Return the first names, and the number of names that are left out.

    Examples
    --------
    >>> listed("abcd", at_most=2)
    'a, b and 2 more'
    """
    every = list(names)
    more = f" and {len(every) - at_most} more" if len(every) > at_most else ""
    return ", ".join(every[:at_most]) + more
