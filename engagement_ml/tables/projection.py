"""Rows of a source as rows of an input table: SQL of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engagement_ml.column_names import free_name
from engagement_ml.expressions.values import TextCheck


@dataclass(frozen=True)
class Projection:
    """How the rows of a source become rows of an input table, as SQL of the engine.

    Attributes
    ----------
    computed : mapping of str to str
        SQL of each computed or constant column.
    where : str or None
        The rows to read; None reads all.
    checks : tuple of TextCheck
        Text that must fit: in all rows if the condition itself reads it, else in rows to read.
    always : int
        Number of the first checks that concern all rows.
    columns : mapping of str to str
        SQL of all columns that are read, over the source.
    source : str
        SQL that can follow ``FROM``: the source's rows.
    types : mapping of str to str
        Types of the source's columns.
    span : (str, str) or None
        SQL of the start and the end of a subscription, as naive UTC timestamps.
    unnest, unnested : str or None
        SQL of a list over the source, each element of which becomes a row; and its column.
    """

    computed: Mapping[str, str]
    where: str | None = None
    checks: tuple[TextCheck, ...] = ()
    always: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    span: tuple[str, str] | None = None
    unnest: str | None = None
    unnested: str | None = None

    @property
    def definition(self) -> str:
        """What the rows depend on, except the source: the same for the same configuration."""
        return repr((sorted(self.columns.items()), self.where, sorted(self.types.items())))

    def conditions(self) -> list[str]:
        """Return the condition of bad text of each check."""
        return [
            f"({check.bad})"
            if self.where is None or place < self.always
            else f"(({check.bad}) AND {self.where})"
            for place, check in enumerate(self.checks)
        ]

    def sql(self, source: str | None = None) -> str:
        """Return SQL of DuckDB for the rows to read, of the source or of a part of it."""
        selected = ", ".join(f"{sql} AS {_quoted(column)}" for column, sql in self.columns.items())
        return f"SELECT {selected} FROM {self._rows(source or self.source)}"

    def numbered(self, *columns: str) -> str:
        """Return SQL of DuckDB for columns with ``row_``, the number of a row in the source."""
        given = (f"{self.columns[column]} AS {_quoted(column)}" for column in columns)
        selected = ", ".join((*given, f"{self.row} AS row_"))
        return f"SELECT {selected} FROM {self._rows(self.numbered_source)}"

    @property
    def row(self) -> str:
        """Name of the column of `numbered_source` that holds the number of a row."""
        return free_name("row_", self.types)

    @property
    def numbered_source(self) -> str:
        """SQL that can follow ``FROM``: the source's rows with their numbers."""
        return f"(SELECT *, row_number() OVER () AS {self.row} FROM {self.source})"

    def _rows(self, source: str) -> str:
        where = "" if self.where is None else f" WHERE {self.where}"
        if self.unnest is None:
            return f"{source}{where}"
        return f"(SELECT *, unnest({self.unnest}) AS {self.unnested} FROM {source}{where})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
