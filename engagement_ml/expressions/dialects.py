"""SQL of each engine for the few operations that they write differently."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Collection

from engagement_ml.engine import spark_sql
from engagement_ml.engine.duckdb_moments import moment_sql
from engagement_ml.engine.notation import Notation, number_sql, spark_number_sql
from engagement_ml.engine.spark_formats import literal as spark_literal
from engagement_ml.expressions.types import ColumnType


class Dialect(ABC):
    """How an engine writes expressions; all values of a kind mean the same on every engine.

    Attributes
    ----------
    text : str
        Name of the type of text.
    """

    text: str

    @abstractmethod
    def quoted(self, name: str) -> str:
        """Return a name as an identifier."""

    @abstractmethod
    def literal(self, text: str) -> str:
        """Return a text as a literal."""

    @abstractmethod
    def number(self, text: str, decimal: str | None) -> str:
        """Return SQL for text as a double; null if it is no number."""

    @abstractmethod
    def moment(self, value: str, of_type: ColumnType, notation: Notation, *, naive: bool) -> str:
        """Return SQL for a value as naive UTC timestamp; null if it is none."""

    @abstractmethod
    def moment_literal(self, moment: dt.datetime) -> str:
        """Return a naive UTC moment as a literal."""

    @abstractmethod
    def instant(self, moment: str) -> str:
        """Return SQL for a naive UTC timestamp as one that names its zone."""

    @abstractmethod
    def matches(self, text: str, pattern: str) -> str:
        """Return the condition that text matches a regular expression without backslashes."""

    @abstractmethod
    def like(self, text: str, pattern: str, *, ignore_case: bool) -> str:
        """Return the condition that text is like a pattern with % and _."""

    @abstractmethod
    def first_with_key(self, records: str, key: str) -> str:
        """Return SQL for the first record of a list whose field ``key`` is `key`."""

    @abstractmethod
    def map_value(self, value: str, key: str) -> str:
        """Return SQL for the value of a key of a map; null if there is none."""

    def field(self, record: str, name: str) -> str:
        """Return SQL for a field of a record."""
        return f"({record}).{self.quoted(name)}"


class DuckDBDialect(Dialect):
    """DuckDB."""

    text = "VARCHAR"

    def quoted(self, name: str) -> str:
        """Return a name as an identifier."""
        return '"' + name.replace('"', '""') + '"'

    def literal(self, text: str) -> str:
        """Return a text as a literal."""
        return "'" + text.replace("'", "''") + "'"

    def number(self, text: str, decimal: str | None) -> str:
        """Return SQL for text as a double; null if it is no number."""
        return number_sql(text, decimal)

    def moment(self, value: str, of_type: ColumnType, notation: Notation, *, naive: bool) -> str:
        """Return SQL for a value as naive UTC timestamp; null if it is none."""
        return moment_sql(value, "VARCHAR" if of_type.kind == "text" else of_type.name, notation)

    def moment_literal(self, moment: dt.datetime) -> str:
        """Return a naive UTC moment as a literal."""
        return f"TIMESTAMP '{moment}'"

    def instant(self, moment: str) -> str:
        """Return SQL for a naive UTC timestamp as one that names its zone."""
        return f"timezone('UTC', {moment})"

    def matches(self, text: str, pattern: str) -> str:
        """Return the condition that text matches a regular expression without backslashes."""
        return f"regexp_matches({text}, '{pattern}')"

    def like(self, text: str, pattern: str, *, ignore_case: bool) -> str:
        """Return the condition that text is like a pattern with % and _."""
        return f"({text} {'ILIKE' if ignore_case else 'LIKE'} {self.literal(pattern)})"

    def first_with_key(self, records: str, key: str) -> str:
        """Return SQL for the first record of a list whose field ``key`` is `key`."""
        found = f'list_filter({records}, lambda p: (p)."key" = {self.literal(key)})'
        return f"list_extract({found}, 1)"

    def map_value(self, value: str, key: str) -> str:
        """Return SQL for the value of a key of a map; null if there is none."""
        return f"map_extract_value({value}, {self.literal(key)})"


class SparkDialect(Dialect):
    """Spark, for any time zone of the session.

    Parameters
    ----------
    naive : collection of str
        Columns whose moments name no zone in the source, though Spark holds them with one.
    """

    text = "STRING"

    def __init__(self, naive: Collection[str] = ()) -> None:
        self.naive = naive

    def quoted(self, name: str) -> str:
        """Return a name as an identifier."""
        return spark_sql.quoted(name)

    def literal(self, text: str) -> str:
        """Return a text as a literal."""
        return spark_literal(text)

    def number(self, text: str, decimal: str | None) -> str:
        """Return SQL for text as a double; null if it is no number."""
        return spark_number_sql(text, decimal)

    def moment(self, value: str, of_type: ColumnType, notation: Notation, *, naive: bool) -> str:
        """Return SQL for a value as naive UTC timestamp; null if it is none."""
        return spark_sql.timestamp(
            value, "string" if of_type.kind == "text" else of_type.name, notation, naive=naive
        )

    def moment_literal(self, moment: dt.datetime) -> str:
        """Return a naive UTC moment as a literal."""
        return f"TIMESTAMP_NTZ'{moment}'"

    def instant(self, moment: str) -> str:
        """Return SQL for a naive UTC timestamp as one that names its zone."""
        return spark_sql.instant(moment)

    def matches(self, text: str, pattern: str) -> str:
        """Return the condition that text matches a regular expression without backslashes."""
        return f"({text} RLIKE '{pattern}')"

    def like(self, text: str, pattern: str, *, ignore_case: bool) -> str:
        """Return the condition that text is like a pattern with % and _."""
        # A backslash is a character like any other, as it is for DuckDB.
        escaped = self.literal(pattern.replace("\\", "\\\\"))
        return f"({text} {'ILIKE' if ignore_case else 'LIKE'} {escaped})"

    def first_with_key(self, records: str, key: str) -> str:
        """Return SQL for the first record of a list whose field ``key`` is `key`."""
        return f"get(filter({records}, p -> p.key = {self.literal(key)}), 0)"

    def map_value(self, value: str, key: str) -> str:
        """Return SQL for the value of a key of a map; null if there is none."""
        return f"try_element_at({value}, {self.literal(key)})"
