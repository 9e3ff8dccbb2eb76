"""Functions of expressions, each written so that every engine gives the same value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce

from engagement_ml.expressions.comparisons import alike
from engagement_ml.expressions.values import (
    NUMERIC,
    Scope,
    Value,
    to_boolean,
    to_moment,
    to_number,
    to_text,
)

_INTEGER = "^ *[+-]?[0-9]{1,18} *$"
CASTS: dict[str, str] = {
    **dict.fromkeys(("DOUBLE", "FLOAT", "DECIMAL", "REAL"), "number"),
    **dict.fromkeys(("INT", "BIGINT", "SMALLINT", "TINYINT"), "integer"),
    **dict.fromkeys(("TEXT", "VARCHAR", "CHAR", "STRING"), "text"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPNTZ", "DATETIME"), "moment"),
    "DATE": "date",
    "BOOLEAN": "boolean",
}
"""Types that ``CAST`` and ``TRY_CAST`` accept, and what they give."""


def unify(scope: Scope, values: Sequence[Value]) -> list[Value]:
    """Return values as one kind: that of those which are not null."""
    given = [value for value in values if value.kind != "null"]
    kinds = {value.kind for value in given}
    if kinds <= {"integer"} or kinds in ({"text"}, {"boolean"}):
        kind = next(iter(kinds), "null")
    elif kinds <= {*NUMERIC}:
        kind = "number"
    elif kinds == {"text", "integer"} and all(v.origin == "column" for v in given):
        # Ids: one source has numbers, the other text.
        kind = "text"
    elif kinds <= {"text", *NUMERIC}:
        kind = "number"
        columns = {v.kind: v for v in given if v.origin == "column"}
        if "text" in columns and "number" in columns:
            alike(scope, columns["text"], columns["number"], ordered=False)
    elif "moment" in kinds:
        kind = "moment"
    else:
        bad = next(v for v in given if v.kind != given[0].kind)
        raise scope.error(
            f"{given[0].label} is {given[0].what} and {bad.label} {bad.what}; CAST one"
        )
    convert = _CONVERT.get(kind)
    return [value if convert is None else convert(scope, value) for value in values]


def _null_integer(scope: Scope, value: Value) -> Value:
    return value if value.kind != "null" else replace(value, sql="CAST(NULL AS BIGINT)")


_CONVERT: dict[str, Callable[[Scope, Value], Value]] = {
    "number": to_number,
    "text": to_text,
    "moment": to_moment,
    "boolean": to_boolean,
    "integer": _null_integer,
}


def joined(scope: Scope, name: str, values: Sequence[Value], label: str) -> Value:
    """Return a function of several values of one kind, such as coalesce."""
    converted = unify(scope, values)
    kind = next((v.kind for v in converted if v.kind != "null"), "null")
    return Value(f"{name}({', '.join(v.sql for v in converted)})", kind, label)


def extreme(scope: Scope, name: str, values: Sequence[Value], label: str) -> Value:
    """Return the greatest or least of numbers or times; null if all are null."""
    if all(value.kind in ("text", "null") for value in values):
        values = [to_number(scope, value) for value in values]
    return joined(scope, name, values, label)


def arithmetic(scope: Scope, symbol: str, left: Value, right: Value) -> Value:
    """Return a sum, difference, product, ratio or remainder; by zero it is null."""
    a, b = to_number(scope, left), to_number(scope, right)
    divisor = f"nullif({b.sql}, CAST(0 AS DOUBLE))" if symbol in "/%" else b.sql
    return Value(f"({a.sql} {symbol} {divisor})", "number", f"{left.label} {symbol} {right.label}")


def rounded(scope: Scope, name: str, values: Sequence[Value], label: str) -> Value:
    """Return ``abs``, ``floor``, ``ceil`` or ``round``; halves are rounded away from zero."""
    number = to_number(scope, values[0]).sql
    if name != "round":
        return Value(f"CAST({name}({number}) AS DOUBLE)", "number", label)
    digits = values[1].literal if len(values) > 1 else 0
    if not isinstance(digits, float | int) or not float(digits).is_integer() or abs(digits) > 12:
        raise scope.error(f"{label}: give the number of decimals as a whole number")
    factor = f"CAST({10.0 ** int(digits)!r} AS DOUBLE)"
    # Engines round 2.675 to two decimals differently.
    size = f"CAST(floor(abs({number}) * {factor} + 0.5) AS DOUBLE) / {factor}"
    return Value(f"(CASE WHEN {number} < 0 THEN -({size}) ELSE {size} END)", "number", label)


def of_text(scope: Scope, name: str, values: Sequence[Value], label: str) -> Value:
    """Return ``lower``, ``upper``, ``trim``, ``replace`` or ``length`` of text."""
    texts = ", ".join(to_text(scope, value).sql for value in values)
    if name == "length":
        return Value(f"CAST(length({texts}) AS BIGINT)", "integer", label)
    return _text(f"{name}({texts})", label)


def part(scope: Scope, name: str, values: Sequence[Value], label: str) -> Value:
    """Return ``substring`` or ``split_part`` of text; positions are whole numbers from 1 on."""
    positions = values[2:] if name == "split_part" else values[1:]
    plain = [p.literal for p in positions]
    for position in plain:
        if not isinstance(position, float | int) or position < 1 or position != int(position):
            raise scope.error(f"{label}: give positions as whole numbers from 1 on")
    texts = [to_text(scope, v).sql for v in values[: len(values) - len(positions)]]
    numbers = [str(int(p)) for p in plain if isinstance(p, float | int)]
    return _text(f"{name}({', '.join([*texts, *numbers])})", label)


def concatenated(scope: Scope, values: Sequence[Value], label: str, *, skip_null: bool) -> Value:
    """Return texts one after the other; null if one is null, unless nulls are skipped."""
    texts = [to_text(scope, value).sql for value in values]
    if skip_null:
        texts = [f"coalesce({text}, '')" for text in texts]
    return _text(reduce(lambda a, b: f"({a} || {b})", texts), label)


def cast(scope: Scope, value: Value, to: str, label: str) -> Value:
    """Return a value as a type of `CASTS`; text that does not fit is an error, unless tolerated."""
    kind = CASTS.get(to)
    if kind is None:
        raise scope.error(f"{label}: a cast to {to} is not possible; use DOUBLE, TEXT or TIMESTAMP")
    if kind == "integer":
        return replace(_integer(scope, value), label=label, origin="computed")
    if kind == "date":
        moment = to_moment(scope, value)
        return Value(f"date_trunc('day', {moment.sql})", "moment", label)
    if isinstance(value.literal, str) and kind == "number":
        value = replace(value, origin="computed", literal=None)
    converted = _CONVERT[kind](scope, value)
    return replace(converted, label=label, origin="computed", literal=None)


def _integer(scope: Scope, value: Value) -> Value:
    if value.kind == "integer":
        return value
    if value.kind != "text":
        raise scope.error(
            f"{value.label} is {value.what}; use round({value.label}) or floor({value.label})"
        )
    whole = scope.dialect.matches(value.sql, _INTEGER)
    number = f"CAST(trim({value.sql}) AS BIGINT)"
    converted = f"CASE WHEN {whole} THEN {number} END"
    scope.check(value, converted, "a whole number")
    return Value(f"({converted})", "integer", value.label)


def _text(sql: str, label: str) -> Value:
    return Value(f"nullif({sql}, '')", "text", label)
