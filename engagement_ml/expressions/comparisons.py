"""Comparisons in expressions: which kinds may be compared, and as what."""

from __future__ import annotations

from engagement_ml.expressions.values import (
    NUMERIC,
    Scope,
    Value,
    iso_moment,
    to_boolean,
    to_moment,
    to_number,
)

SYMBOLS = {"EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<="}


def compare(scope: Scope, operator: str, left: Value, right: Value) -> Value:
    """Return a comparison; `operator` is one of `SYMBOLS`."""
    label = f"{left.label} {SYMBOLS[operator]} {right.label}"
    for value, other in ((left, right), (right, left)):
        if other.literal == "" and value.kind == "text" and operator in ("EQ", "NEQ"):
            # Empty text is null, as it is in a CSV file.
            negation = "" if operator == "EQ" else "NOT "
            return Value(f"({value.sql} IS {negation}NULL)", "boolean", label)
    ordered = operator not in ("EQ", "NEQ")
    left, right = alike(scope, left, right, ordered=ordered)
    return Value(f"({left.sql} {SYMBOLS[operator]} {right.sql})", "boolean", label)


def alike(scope: Scope, left: Value, right: Value, *, ordered: bool) -> tuple[Value, Value]:
    """Return two values that mean the same as one kind.

    Raises
    ------
    ConfigError
        If they cannot be compared, or could be in two ways.
    """
    kinds = {left.kind, right.kind}
    if "null" in kinds:
        raise scope.error("a comparison with NULL is never true; write IS NULL or IS NOT NULL")
    if (
        "moment" in kinds
        or _is_date(scope, left, right, ordered)
        or _is_date(scope, right, left, ordered)
    ):
        return to_moment(scope, left), to_moment(scope, right)
    if "boolean" in kinds:
        return to_boolean(scope, left), to_boolean(scope, right)
    if kinds == {"integer"}:
        return left, right
    if kinds <= {*NUMERIC}:
        return to_number(scope, left), to_number(scope, right)
    if kinds & {*NUMERIC} and "text" in kinds:
        return _text_and_number(scope, left, right)
    if kinds == {"text"}:
        _check_texts(scope, left, right, ordered)
        return left, right
    bad = left if left.kind != "text" and left.kind not in NUMERIC else right
    raise scope.error(f"{bad.label} is {bad.what}, which cannot be compared")


def _is_date(scope: Scope, literal: Value, other: Value, ordered: bool) -> bool:
    """Return whether a comparison with a date in quotes is one of times."""
    if not isinstance(literal.literal, str) or iso_moment(literal.literal, None) is None:
        return False
    if other.kind in NUMERIC:
        return scope.notation.format is not None
    return other.kind == "text" and other.origin != "literal" and ordered


def _text_and_number(scope: Scope, left: Value, right: Value) -> tuple[Value, Value]:
    text, number = (left, right) if left.kind == "text" else (right, left)
    if text.origin == "column" and number.origin == "column":
        raise scope.error(
            f"{text.label} is text and {number.label} a number; write CAST({text.label} AS DOUBLE) "
            f"or CAST({number.label} AS TEXT)"
        )
    return to_number(scope, left), to_number(scope, right)


def _check_texts(scope: Scope, left: Value, right: Value, ordered: bool) -> None:
    """Refuse to order texts that may be numbers: '10' comes before '9'."""
    if not ordered:
        return
    literals = [v for v in (left, right) if isinstance(v.literal, str)]
    if not literals:
        raise scope.error(
            f"{left.label} and {right.label} are text; write CAST({left.label} AS DOUBLE) to "
            "compare them as numbers, or AS TIMESTAMP as times"
        )
    for value in literals:
        text = str(value.literal)
        if text.strip().lstrip("+-").replace(".", "", 1).replace(",", "").isdigit():
            raise scope.error(f"{value.label} is text; write the number without quotes")
