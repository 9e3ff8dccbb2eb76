"""SQL of each engine for the few operations that they write differently."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Collection

from engagement_ml.engine import spark_sql
from engagement_ml.engine.duckdb_moments import moment_sql
from engagement_ml.engine.notation import Notation, number_sql, spark_number_sql
from engagement_ml.engine.numbers import not_nan_sql
from engagement_ml.engine.spark_formats import literal as spark_literal
from engagement_ml.expressions.types import ColumnType

_PERIODS = {
    "day": ("day", 1),
    "week": ("day", 7),
    "month": ("month", 1),
    "quarter": ("month", 3),
    "year": ("month", 12),
}
"""Unit and number of units of each period."""


class Dialect(ABC):
    """How an engine writes expressions; all values of a kind mean the same on every engine.

    Attributes
    ----------
    text : str
        Name of the type of text.
    first_period : str
        SQL of a list with the number 0.
    """

    text: str
    first_period: str

    @abstractmethod
    def period_start(self, start: str, number: str, every: str) -> str:
        """Return SQL for the start of a period by its number, from 0 on."""

    @abstractmethod
    def periods(self, start: str, end: str, every: str) -> str:
        """Return SQL for the list of the numbers of the periods that begin before an end."""

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
    def without_nan(self, number: str) -> str:
        """Return SQL for a double; null for NaN."""

    @abstractmethod
    def moment(self, value: str, of_type: ColumnType, notation: Notation, *, naive: bool) -> str:
        """Return SQL for a value as naive UTC timestamp; null if it is none."""

    @abstractmethod
    def moment_literal(self, moment: dt.datetime) -> str:
        """Return a naive UTC moment as a literal."""

    @abstractmethod
    def day(self, moment: str) -> str:
        """Return SQL for the start of the day of a naive timestamp, as such."""

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
    first_period = "[0]"

    def period_start(self, start: str, number: str, every: str) -> str:
        """Return SQL for the start of a period by its number, from 0 on."""
        unit, length = _PERIODS[every]
        return f"({start} + to_{unit}s(CAST({number} * {length} AS INTEGER)))"

    def periods(self, start: str, end: str, every: str) -> str:
        """Return SQL for the list of the numbers of the periods that begin before an end."""
        unit, length = _PERIODS[every]
        most = f"date_diff('{unit}', {start}, {end}) // {length} + 2"
        begins = self.period_start(start, "period_", every)
        return f"list_filter(range(0, {most}), lambda period_: {begins} < {end})"

    def quoted(self, name: str) -> str:
        """Return a name as an identifier."""
        return '"' + name.replace('"', '""') + '"'

    def literal(self, text: str) -> str:
        """Return a text as a literal."""
        return "'" + text.replace("'", "''") + "'"

    def number(self, text: str, decimal: str | None) -> str:
        """Return SQL for text as a double; null if it is no number."""
        return number_sql(text, decimal)

    def without_nan(self, number: str) -> str:
        """Return SQL for a double; null for NaN."""
        return f"(CASE WHEN {not_nan_sql(number)} THEN {number} END)"

    def moment(self, value: str, of_type: ColumnType, notation: Notation, *, naive: bool) -> str:
        """Return SQL for a value as naive UTC timestamp; null if it is none."""
        return moment_sql(value, "VARCHAR" if of_type.kind == "text" else of_type.name, notation)

    def moment_literal(self, moment: dt.datetime) -> str:
        """Return a naive UTC moment as a literal."""
        return f"TIMESTAMP '{moment}'"

    def day(self, moment: str) -> str:
        """Return SQL for the start of the day of a naive timestamp, as such."""
        return f"CAST(CAST({moment} AS DATE) AS TIMESTAMP)"

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
    first_period = "array(0)"

    def period_start(self, start: str, number: str, every: str) -> str:
        """Return SQL for the start of a period by its number, from 0 on."""
        unit, length = _PERIODS[every]
        count = f"CAST({number} * {length} AS INT)"
        if unit == "month":
            return f"({start} + make_ym_interval(0, {count}))"
        return f"({start} + make_dt_interval({count}))"

    def periods(self, start: str, end: str, every: str) -> str:
        """Return SQL for the list of the numbers of the periods that begin before an end."""
        unit, length = _PERIODS[every]
        days = f"datediff({end}, {start})"
        # A month has at least 28 days.
        most = f"{days} DIV {length if unit == 'day' else 28 * length} + 1"
        begins = self.period_start(start, "period_", every)
        return f"filter(sequence(0, CAST(greatest({most}, 1) AS INT)), period_ -> {begins} < {end})"

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

    def without_nan(self, number: str) -> str:
        """Return SQL for a double; null for NaN."""
        return f"(CASE WHEN NOT isnan({number}) THEN {number} END)"

    def moment(self, value: str, of_type: ColumnType, notation: Notation, *, naive: bool) -> str:
        """Return SQL for a value as naive UTC timestamp; null if it is none."""
        return spark_sql.timestamp(
            value, "string" if of_type.kind == "text" else of_type.name, notation, naive=naive
        )

    def moment_literal(self, moment: dt.datetime) -> str:
        """Return a naive UTC moment as a literal."""
        return f"TIMESTAMP_NTZ'{moment}'"

    def day(self, moment: str) -> str:
        """Return SQL for the start of the day of a naive timestamp, as such."""
        return f"CAST(CAST({moment} AS DATE) AS TIMESTAMP_NTZ)"

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
