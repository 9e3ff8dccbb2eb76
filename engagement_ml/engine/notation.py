"""How times and numbers are written in a source, as SQL for each engine."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from engagement_ml.config.formats import EPOCHS, directives, format_pattern
from engagement_ml.config.shape import TableShape

LAST_SECOND = 253_402_300_799
"""The last second of the year 9999, since 1970."""
PLAIN_NUMBER = "^ *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)? *$"
"""Regular expression of numbers that every engine reads alike."""
_BLANKS = " \u00a0\u202f"


@dataclass(frozen=True)
class Notation:
    """How the times and the numbers of a table are written.

    Attributes
    ----------
    format : str or None
        Directives of strptime, or an epoch; None is ISO 8601.
    timezone : str or None
        Zone of times that name none; None is UTC.
    decimal : str or None
        Decimal mark of numbers that are text; None takes no thousands separators off.
    """

    format: str | None = None
    timezone: str | None = None
    decimal: str | None = None

    @classmethod
    def of(cls, shape: TableShape) -> Notation:
        """Return the notation of a configured table."""
        return cls(shape.format, shape.timezone, shape.decimal)

    @property
    def per_second(self) -> int | None:
        """Units per second of times that are numbers; None if they are text."""
        return EPOCHS.get(self.format or "")

    @property
    def text_format(self) -> str | None:
        """The format of times that are text; None for ISO 8601 and for epochs."""
        return None if self.per_second else self.format

    @property
    def has_time(self) -> bool:
        """Whether the format has a time of day; True without a format of text."""
        return self.text_format is None or bool({"H", "I"} & set(directives(self.text_format)))

    @property
    def expected(self) -> str:
        """What is expected of a value in the format, for messages."""
        if self.per_second:
            unit = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds"}.get(
                self.per_second, "nanoseconds"
            )
            return f"a number of {unit} since 1970 ('format: {self.format}')"
        example = dt.datetime(2024, 5, 31, 14, 30, tzinfo=dt.UTC).strftime(self.format or "")
        return f"a time such as {example} ('format: {self.format}')"


PLAIN = Notation()


def number_pattern(decimal: str | None) -> str:
    """Return the regular expression of numbers with a decimal mark, without backslashes."""
    if decimal is None:
        return PLAIN_NUMBER
    mark, other = f"[{decimal}]", "." if decimal == "," else ","
    whole = f"([0-9]+|[0-9]{{1,3}}([{other}{_BLANKS}][0-9]{{3}})+)"
    return f"^ *[+-]?({whole}({mark}[0-9]*)?|{mark}[0-9]+)([eE][+-]?[0-9]+)? *$"


def number_sql(text: str, decimal: str | None) -> str:
    """Return SQL of DuckDB for text as a number; null if it is none."""
    plain = _plain_number(text, decimal, ", 'g'")
    matches = f"regexp_matches({text}, '{number_pattern(decimal)}')"
    return f"CASE WHEN {matches} THEN try_cast({plain} AS DOUBLE) END"


def spark_number_sql(text: str, decimal: str | None) -> str:
    """Return SQL of Spark for text as a number; null if it is none."""
    plain = _plain_number(text, decimal, "")
    matches = f"{text} RLIKE '{number_pattern(decimal)}'"
    return f"CASE WHEN {matches} THEN try_cast({plain} AS DOUBLE) END"


def _plain_number(text: str, decimal: str | None, flags: str) -> str:
    if decimal is None:
        return f"trim({text})"
    other = "." if decimal == "," else ","
    joined = f"regexp_replace({text}, '[{other}{_BLANKS}]', ''{flags})"
    return f"replace({joined}, ',', '.')"


def epoch_sql(number: str, per_second: int, *, whole: bool, floor_division: str) -> str:
    """Return SQL for microseconds since 1970 of an epoch number; null beyond the year 9999.

    Parameters
    ----------
    number : str
        SQL of a whole number, or of a double.
    per_second : int
    whole : bool
        Whether `number` is of a type of whole numbers.
    floor_division : str
        The SQL of the largest whole number not above ``{a} / {b}``.
    """
    inside = f"abs({number}) <= {LAST_SECOND * per_second}"
    if not whole:
        micros = f"CAST(round({number} * {10**6 / per_second!r}) AS BIGINT)"
    elif per_second <= 10**6:
        micros = f"CAST({number} AS BIGINT) * {10**6 // per_second}"
    else:
        micros = floor_division.format(a=f"CAST({number} AS BIGINT)", b=per_second // 10**6)
    return f"CASE WHEN {inside} THEN {micros} END"


def format_sql(text: str, notation: Notation) -> str:
    """Return SQL of DuckDB for text in the notation's format as naive timestamp, local or UTC."""
    given = notation.text_format or ""
    found, value = directives(given), text
    if "f" in found:
        value = f"regexp_replace({value}, '([.,:][0-9]{{6}})[0-9]+', '\\1')"
    if "z" in found:
        value = f"regexp_replace({value}, 'Z( *)$', '+00\\1')"
    parsed = f"try_strptime({value}, '{given.replace(chr(39), chr(39) * 2)}')"
    moment = f"timezone('UTC', {parsed})" if "z" in found else parsed
    pattern = format_pattern(given).replace("'", "''")
    return f"CASE WHEN regexp_matches({text}, '{pattern}') THEN {moment} END"


def local_sql(moment: str, timezone: str) -> str:
    """Return SQL of DuckDB for a naive local timestamp as naive UTC timestamp.

    An hour that clocks repeat is the first one; one that they skip is as late as the clock was
    before.
    """
    utc = f"timezone('UTC', timezone('{timezone}', {moment}))"
    earlier = [
        f"WHEN timezone('{timezone}', timezone('UTC', {utc} - INTERVAL {minutes} MINUTE)) "
        f"= {moment} THEN {utc} - INTERVAL {minutes} MINUTE"
        for minutes in (60, 30)
    ]
    return f"CASE {' '.join(earlier)} ELSE {utc} END"
