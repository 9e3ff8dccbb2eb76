"""Compilation of an expression to SQL of an engine; what is not listed here is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engagement_ml.column_names import find
from engagement_ml.expressions import functions
from engagement_ml.expressions.columns import column_value, named_column, parameter
from engagement_ml.expressions.comparisons import SYMBOLS, compare
from engagement_ml.expressions.parsing import parse
from engagement_ml.expressions.values import Scope, Value, to_boolean, to_number, to_text

ACCEPTED = (
    "columns, numbers, 'text', + - * / %, = <> < <= > >=, AND, OR, NOT, IN, IS NULL, BETWEEN, "
    "LIKE, ILIKE, CASE, coalesce, nullif, greatest, least, abs, round, floor, ceil, lower, upper, "
    "trim, length, substring, concat, ||, replace, split_part, CAST, TRY_CAST and parameter"
)
_ARITHMETIC = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%"}
_PLAIN = {
    "Abs": ("abs", ("this",), functions.rounded),
    "Floor": ("floor", ("this",), functions.rounded),
    "Ceil": ("ceil", ("this",), functions.rounded),
    "Round": ("round", ("this", "decimals"), functions.rounded),
    "Lower": ("lower", ("this",), functions.of_text),
    "Upper": ("upper", ("this",), functions.of_text),
    "Trim": ("trim", ("this",), functions.of_text),
    "Length": ("length", ("this",), functions.of_text),
    "Replace": ("replace", ("this", "expression", "replacement"), functions.of_text),
    "Substring": ("substring", ("this", "start", "length"), functions.part),
    "SplitPart": ("split_part", ("this", "delimiter", "part_index"), functions.part),
    "Nullif": ("nullif", ("this", "expression"), functions.joined),
    "Coalesce": ("coalesce", ("this", "expressions"), functions.joined),
    "Greatest": ("greatest", ("this", "expressions"), functions.extreme),
    "Least": ("least", ("this", "expressions"), functions.extreme),
}
"""Functions by the name of their node: their name, their arguments, and what writes them."""
_OPTIONAL = {"decimals", "length", "expressions"}
"""Arguments that a function can do without."""


def compile_value(text: str, scope: Scope) -> Value:
    """Return an expression as SQL of the scope's engine.

    Raises
    ------
    ConfigError
        If it is no expression, or holds something that is not accepted.
    InputError
        If it names a column that the source lacks.
    """
    if find(text.strip(), scope.columns) is not None:
        # A name alone may be a word of SQL, such as when.
        return named_column(scope, text.strip())
    tree = parse(text, scope.key)
    try:
        return _compile(scope, tree)
    except RecursionError:
        raise scope.error("is nested too deeply; simplify it") from None


def compile_condition(text: str, scope: Scope) -> str:
    """Return an expression that is true or false as SQL of the scope's engine."""
    value = compile_value(text, scope)
    if value.kind != "boolean" and not (value.kind == "text" and value.origin == "column"):
        raise scope.error(f"gives {value.what}; write a condition such as status = 'paid'")
    return to_boolean(scope, value).sql


def _compile(scope: Scope, tree: Any) -> Value:
    kind = type(tree).__name__
    if kind in _ARITHMETIC:
        left, right = _both(scope, tree)
        return functions.arithmetic(scope, _ARITHMETIC[kind], left, right)
    if kind in SYMBOLS:
        return compare(scope, kind, *_both(scope, tree))
    if kind in _PLAIN:
        return _function(scope, tree, kind)
    special = _SPECIAL.get(kind)
    if special is None:
        raise _refused(scope, tree)
    return special(scope, tree)


def _refused(scope: Scope, tree: Any) -> Exception:
    part = tree.sql(dialect="duckdb", comments=False)
    shown = part if len(part) <= 60 else f"{part[:57]}..."
    if type(tree).__name__ == "IntDiv":
        return scope.error(f"cannot contain {shown}; write floor(a / b)")
    return scope.error(f"cannot contain {shown}; accepted are {ACCEPTED}")


def _function(scope: Scope, tree: Any, kind: str) -> Value:
    name, keys, write = _PLAIN[kind]
    given = {key for key, value in tree.args.items() if value is not None and value != []}
    flags = {"ignore_nulls", "big_int", "is_numeric"}
    if given - set(keys) - flags:
        raise _refused(scope, tree)
    if missing := set(keys) - given - _OPTIONAL:
        raise scope.error(f"{_label(tree)}: {name} needs {len(missing)} more argument(s)")
    arguments = []
    for key in keys:
        value = tree.args.get(key)
        arguments += value if isinstance(value, list) else [value] if value is not None else []
    values = [_compile(scope, argument) for argument in arguments]
    return write(scope, name, values, _label(tree))


def _both(scope: Scope, tree: Any) -> tuple[Value, Value]:
    return _compile(scope, tree.this), _compile(scope, tree.expression)


def _label(tree: Any) -> str:
    return str(tree.sql(dialect="duckdb", comments=False))


def _literal(scope: Scope, tree: Any) -> Value:
    if tree.is_string:
        sql = scope.dialect.literal(tree.this)
        return Value(sql, "text", f"'{tree.this}'", "literal", str(tree.this))
    number = float(tree.this)
    if number == float("inf"):
        raise scope.error(f"{tree.this} is too large a number")
    if str(tree.this).isdigit() and number < 2**53:
        return Value(str(tree.this), "integer", str(tree.this), "literal", number)
    return Value(f"CAST('{number!r}' AS DOUBLE)", "number", str(tree.this), "literal", number)


def _negative(scope: Scope, tree: Any) -> Value:
    value = _compile(scope, tree.this)
    if value.origin == "literal" and value.kind in ("integer", "number"):
        assert isinstance(value.literal, float)
        return replace(value, sql=f"(-{value.sql})", literal=-value.literal)
    number = to_number(scope, value)
    return Value(f"(-{number.sql})", "number", f"-{value.label}")


def _junction(scope: Scope, tree: Any) -> Value:
    left, right = (to_boolean(scope, value) for value in _both(scope, tree))
    word = type(tree).__name__.upper()
    return Value(f"({left.sql} {word} {right.sql})", "boolean", _label(tree))


def _not(scope: Scope, tree: Any) -> Value:
    value = to_boolean(scope, _compile(scope, tree.this))
    return Value(f"(NOT {value.sql})", "boolean", _label(tree))


def _is(scope: Scope, tree: Any) -> Value:
    from sqlglot import exp

    value = _compile(scope, tree.this)
    if isinstance(tree.expression, exp.Null):
        return Value(f"({value.sql} IS NULL)", "boolean", _label(tree))
    if isinstance(tree.expression, exp.Boolean):
        word = "TRUE" if tree.expression.this else "FALSE"
        return Value(f"({to_boolean(scope, value).sql} IS {word})", "boolean", _label(tree))
    raise _refused(scope, tree)


def _in(scope: Scope, tree: Any) -> Value:
    if tree.args.get("query") is not None or not tree.expressions:
        raise _refused(scope, tree)
    value = _compile(scope, tree.this)
    each = [compare(scope, "EQ", value, _compile(scope, item)).sql for item in tree.expressions]
    return Value(f"({' OR '.join(each)})", "boolean", _label(tree))


def _between(scope: Scope, tree: Any) -> Value:
    value = _compile(scope, tree.this)
    low = compare(scope, "GTE", value, _compile(scope, tree.args["low"]))
    high = compare(scope, "LTE", value, _compile(scope, tree.args["high"]))
    return Value(f"({low.sql} AND {high.sql})", "boolean", _label(tree))


def _like(scope: Scope, tree: Any) -> Value:
    value, pattern = _both(scope, tree)
    if not isinstance(pattern.literal, str) or value.kind not in ("text", "integer"):
        raise scope.error(f"{_label(tree)}: LIKE compares text with a pattern in single quotes")
    text = to_text(scope, value).sql
    ignore_case = type(tree).__name__ == "ILike"
    sql = scope.dialect.like(text, pattern.literal, ignore_case=ignore_case)
    return Value(sql, "boolean", _label(tree))


def _case(scope: Scope, tree: Any) -> Value:
    subject = None if tree.this is None else _compile(scope, tree.this)
    conditions = []
    for branch in tree.args["ifs"]:
        condition = _compile(scope, branch.this)
        if subject is not None:
            condition = compare(scope, "EQ", subject, condition)
        conditions.append(to_boolean(scope, condition).sql)
    results = [_compile(scope, branch.args["true"]) for branch in tree.args["ifs"]]
    otherwise = tree.args.get("default")
    results.append(
        Value("NULL", "null", "NULL") if otherwise is None else _compile(scope, otherwise)
    )
    *results, last = functions.unify(scope, results)
    branches = " ".join(
        f"WHEN {condition} THEN {result.sql}"
        for condition, result in zip(conditions, results, strict=True)
    )
    kind = functions.kind_of([*results, last])
    return Value(f"(CASE {branches} ELSE {last.sql} END)", kind, _label(tree))


def _cast(scope: Scope, tree: Any) -> Value:
    to = tree.args["to"].this.value
    if type(tree).__name__ == "TryCast":
        with scope.tolerating():
            return functions.cast(scope, _compile(scope, tree.this), to, _label(tree))
    return functions.cast(scope, _compile(scope, tree.this), to, _label(tree))


def _concat(scope: Scope, tree: Any) -> Value:
    values = [_compile(scope, each) for each in tree.expressions]
    return functions.concatenated(scope, values, _label(tree), skip_null=True)


def _pipe(scope: Scope, tree: Any) -> Value:
    return functions.concatenated(scope, _both(scope, tree), _label(tree), skip_null=False)


def _anonymous(scope: Scope, tree: Any) -> Value:
    if str(tree.this).lower() != "parameter":
        raise _refused(scope, tree)
    values = [_compile(scope, each) for each in tree.expressions]
    return parameter(scope, values, _label(tree))


def _paren(scope: Scope, tree: Any) -> Value:
    return _compile(scope, tree.this)


def _boolean(scope: Scope, tree: Any) -> Value:
    word = "true" if tree.this else "false"
    return Value(word, "boolean", word, "literal", bool(tree.this))


def _null(scope: Scope, tree: Any) -> Value:
    return Value("NULL", "null", "NULL")


_SPECIAL: dict[str, Callable[[Scope, Any], Value]] = {
    "Column": column_value,
    "Dot": column_value,
    "Literal": _literal,
    "Boolean": _boolean,
    "Null": _null,
    "Neg": _negative,
    "Paren": _paren,
    "And": _junction,
    "Or": _junction,
    "Not": _not,
    "Is": _is,
    "In": _in,
    "Between": _between,
    "Like": _like,
    "ILike": _like,
    "Case": _case,
    "Cast": _cast,
    "TryCast": _cast,
    "Concat": _concat,
    "DPipe": _pipe,
    "Anonymous": _anonymous,
}
