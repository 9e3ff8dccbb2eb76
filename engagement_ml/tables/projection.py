"""Rows of a source as rows of an input table: SQL of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """

    computed: Mapping[str, str]
    where: str | None = None
    checks: tuple[TextCheck, ...] = ()
    always: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    types: Mapping[str, str] = field(default_factory=dict)

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
        return self._select(source or self.source)

    def numbered(self) -> str:
        """Return SQL of DuckDB for the rows to read with ``row_``, their number in the source."""
        rows = f"(SELECT *, row_number() OVER () AS row_ FROM {self.source})"
        return self._select(rows, ", row_")

    def _select(self, source: str, more: str = "") -> str:
        selected = ", ".join(
            f"{sql} AS " + '"' + column.replace('"', '""') + '"'
            for column, sql in self.columns.items()
        )
        where = "" if self.where is None else f" WHERE {self.where}"
        return f"SELECT {selected}{more} FROM {source}{where}"
