"""Values of expressions, and their conversion to the kinds that operations need."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal
from zoneinfo import ZoneInfo

from engagement_ml.engine.notation import Notation
from engagement_ml.errors import ConfigError
from engagement_ml.expressions.dialects import Dialect
from engagement_ml.expressions.types import ColumnType, Kind

NUMERIC = ("integer", "number")
TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
"""Text that is read as a truth value; case does not matter."""
_NAMES: dict[Kind, str] = {
    "text": "text",
    "integer": "a number",
    "number": "a number",
    "boolean": "true or false",
    "moment": "a time",
    "record": "a record",
    "list": "a list",
    "map": "a map",
    "other": "a value of another type",
    "null": "null",
}


@dataclass(frozen=True)
class Value:
    """A part of an expression, as SQL of the engine.

    Attributes
    ----------
    sql : str
    kind : str
    label : str
        The part as it was written, or the name of its column.
    origin : {"column", "literal", "computed"}
    literal : str, float, bool or None
        The value of a literal.
    of_type : ColumnType or None
        The type of a column.
    decimal : bool
        Whether text is in the table's notation of numbers; False for values of `parameter`.
    naive : bool
        Whether a column's moments name no zone, though the engine holds them with one.
    """

    sql: str
    kind: Kind
    label: str
    origin: Literal["column", "literal", "computed"] = "computed"
    literal: str | float | bool | None = None
    of_type: ColumnType | None = None
    decimal: bool = True
    naive: bool = False

    @property
    def what(self) -> str:
        """Name of the kind for messages."""
        return _NAMES[self.kind]


@dataclass(frozen=True)
class TextCheck:
    """Text that an expression reads as a value of another kind.

    Attributes
    ----------
    label : str
        The column, or the part of the expression.
    text, bad : str
        SQL of the text, and of the condition that it does not fit.
    expected : str
    key : str
        Key of the expression in the configuration.
    """

    label: str
    text: str
    bad: str
    expected: str
    key: str


@dataclass
class Scope:
    """What an expression can refer to, and the checks that it needs.

    Attributes
    ----------
    dialect : Dialect
    columns : mapping of str to ColumnType
        The source's columns.
    notation : Notation
        How the source's times and numbers are written.
    key : str
        Key of the expression in the configuration, such as ``shape.transactions.where``.
    label : str
        Name of the source in messages.
    checks : list of TextCheck
    """

    dialect: Dialect
    columns: Mapping[str, ColumnType]
    notation: Notation
    key: str
    label: str
    checks: list[TextCheck] = field(default_factory=list)
    tolerant: bool = False

    def error(self, problem: str) -> ConfigError:
        """Return the error about the expression."""
        return ConfigError(f"key '{self.key}': {problem}")

    @contextmanager
    def tolerating(self) -> Iterator[None]:
        """Make text that does not fit null for the duration of the block."""
        before, self.tolerant = self.tolerant, True
        try:
            yield
        finally:
            self.tolerant = before

    def check(self, value: Value, converted: str, expected: str) -> None:
        """Require that text can be converted wherever it is given."""
        if self.tolerant:
            return
        bad = f"{value.sql} IS NOT NULL AND ({converted}) IS NULL"
        check = TextCheck(value.label, value.sql, bad, expected, self.key)
        if check not in self.checks:
            self.checks.append(check)


def to_number(scope: Scope, value: Value) -> Value:
    """Return a value as a number; text is read as one and checked."""
    if value.kind == "number":
        return value
    if value.kind in ("integer", "null"):
        return replace(value, sql=f"CAST({value.sql} AS DOUBLE)", kind="number")
    if value.kind != "text":
        raise scope.error(f"{value.label} is {value.what}, and a number is needed")
    if value.origin == "literal":
        raise scope.error(f"{value.label} is text, and a number is needed; write it without quotes")
    decimal = scope.notation.decimal if value.decimal else None
    converted = scope.dialect.number(value.sql, decimal)
    scope.check(value, converted, "a number")
    return replace(value, sql=f"({converted})", kind="number", origin="computed")


def to_text(scope: Scope, value: Value) -> Value:
    """Return a value as text; whole numbers have no decimals."""
    of_text = scope.dialect.text
    if value.kind == "text":
        return value
    if value.kind == "number":
        whole = f"{value.sql} = floor({value.sql}) AND abs({value.sql}) < 1e15"
        digits = f"CAST(CAST({value.sql} AS BIGINT) AS {of_text})"
        sql = f"CASE WHEN {whole} THEN {digits} ELSE CAST({value.sql} AS {of_text}) END"
    elif value.kind in ("integer", "null", "boolean"):
        sql = f"CAST({value.sql} AS {of_text})"
    else:
        raise scope.error(f"{value.label} is {value.what}, and text is needed")
    return replace(value, sql=f"({sql})", kind="text", origin="computed")


def to_boolean(scope: Scope, value: Value) -> Value:
    """Return a value as true or false; text is read as one and checked."""
    if value.kind == "boolean":
        return value
    if value.kind == "null":
        return replace(value, sql="CAST(NULL AS BOOLEAN)", kind="boolean")
    if value.kind != "text" or value.origin == "literal":
        raise scope.error(f"{value.label} is {value.what}, and true or false is needed")
    lists = [", ".join(f"'{word}'" for word in words) for words in (TRUE, FALSE)]
    word = f"lower(trim({value.sql}))"
    converted = (
        f"CASE WHEN {word} IN ({lists[0]}) THEN true WHEN {word} IN ({lists[1]}) THEN false END"
    )
    scope.check(value, converted, "true or false")
    return replace(value, sql=f"({converted})", kind="boolean", origin="computed")


def to_moment(scope: Scope, value: Value) -> Value:
    """Return a value as naive UTC moment, read in the table's notation and checked."""
    notation = scope.notation
    if value.kind == "null":
        return replace(value, sql=f"{_moment(scope, value)}", kind="moment")
    if value.kind == "moment" and value.origin != "column":
        return value
    if isinstance(value.literal, str):
        moment = iso_moment(value.literal, notation.timezone)
        if moment is None:
            raise scope.error(f"{value.label} is no time; write one such as '2024-05-31 14:30:00'")
        sql = scope.dialect.moment_literal(moment)
        return Value(sql, "moment", value.label)
    numeric = value.kind in NUMERIC and notation.format is not None
    if value.kind not in ("text", "moment") and not numeric:
        raise scope.error(f"{value.label} is {value.what}, and a time is needed")
    converted = _moment(scope, value)
    if value.kind != "moment":
        expected = notation.expected if notation.format else "a time such as 2024-05-31 14:30:00"
        text = to_text(scope, value) if numeric else value
        scope.check(replace(value, sql=text.sql), converted, expected)
    return replace(value, sql=f"({converted})", kind="moment", origin="computed")


def _moment(scope: Scope, value: Value) -> str:
    if value.kind == "null":
        return (
            "CAST(NULL AS TIMESTAMP_NTZ)"
            if scope.dialect.text == "STRING"
            else ("CAST(NULL AS TIMESTAMP)")
        )
    types: dict[str, tuple[str, str]] = {
        "integer": ("BIGINT", "long"),
        "number": ("DOUBLE", "double"),
        "text": ("VARCHAR", "string"),
    }
    of_type = value.of_type
    if of_type is None or value.kind != "moment":
        name = types[value.kind][scope.dialect.text == "STRING"]
        of_type = ColumnType(value.kind, name)
    return scope.dialect.moment(value.sql, of_type, scope.notation, naive=value.naive)


def iso_moment(text: str, timezone: str | None) -> dt.datetime | None:
    """Return an ISO 8601 time as naive UTC moment, local if it names no zone; None if it is none.

    Examples
    --------
    >>> iso_moment("2024-05-31", "Europe/Berlin")
    datetime.datetime(2024, 5, 30, 22, 0)
    """
    if len(text) < len("2024-05-31") or text[4:5] != "-":
        return None
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone or "UTC"))
    return moment.astimezone(dt.UTC).replace(tzinfo=None)
