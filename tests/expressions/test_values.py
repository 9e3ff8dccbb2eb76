"""Expressions: the same values on every engine, and what is refused in one line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engagement_ml.engine import open_duckdb
from engagement_ml.engine.notation import Notation
from engagement_ml.errors import ConfigError, EngagementError, InputError
from engagement_ml.expressions.compiler import compile_condition, compile_value
from engagement_ml.expressions.dialects import Dialect, DuckDBDialect
from engagement_ml.expressions.types import ColumnType, duckdb_type
from engagement_ml.expressions.values import Scope

PARAMETER = pa.struct(
    {"key": pa.string(), "value": pa.struct({"string_value": pa.string(), "int_value": pa.int64(),
                                             "double_value": pa.float64()})}
)  # fmt: skip
TABLE = pa.table(
    {
        "price": ["1.5", "20", None],
        "Status": ["Ab c", " x ", ""],
        "n": pa.array([7, 2, None], pa.int64()),
        "f": pa.array([2.675, -2.5, float("nan")]),
        "b": [True, False, None],
        "word": ["Yes", "0", None],
        "m": pa.array([dt.datetime(2024, 5, 31, 14, 30), dt.datetime(2024, 1, 1), None],
                      pa.timestamp("us", "UTC")),
        "day": ["2024-05-31", "2024-01-01", None],
        "user_id": pa.array([12, None, None], pa.int64()),
        "email": ["a@x", "b\\%'y", None],
        "ecommerce": pa.array([{"revenue": 9.5}, {"revenue": None}, None],
                              pa.struct({"revenue": pa.float64()})),
        "params": pa.array(
            [[{"key": "id", "value": {"int_value": 2**53 + 1}},
              {"key": "page", "value": {"string_value": "home"}}],
             [{"key": "id", "value": {"double_value": 0.5}}],
             None],
            pa.list_(PARAMETER)),
    }
)  # fmt: skip
NOON = dt.datetime(2024, 5, 31, 14, 30)
CASES: dict[str, list[Any]] = {
    "price * n": [10.5, 40.0, None],
    "n / 2": [3.5, 1.0, None],
    "n / (n - 7)": [None, -0.4, None],
    "n % 4": [3.0, 2.0, None],
    "-f + 1": [-1.675, 3.5, None],
    "coalesce(price, 0) * coalesce(n, 1)": [10.5, 40.0, 0.0],
    "round(f, 2)": [2.68, -2.5, None],
    "round(f)": [3.0, -3.0, None],
    "floor(f) + ceil(f) + abs(f)": [7.675, -2.5, None],
    "price > 9": [False, True, None],
    "price = 20 OR n = 7": [True, True, None],
    "n IN (1, 7)": [True, False, None],
    "STATUS IN ('Ab c', 'z')": [True, False, None],
    "status = ''": [False, False, True],
    "status <> ''": [True, True, False],
    "status IS NULL": [False, False, True],
    "f IS NOT NULL": [True, True, False],
    "n BETWEEN 2 AND 6": [False, True, None],
    "NOT b": [False, True, None],
    "b = true": [True, False, None],
    "word = true": [True, False, None],
    "m >= '2024-05-31'": [True, False, None],
    "day > '2024-01-01'": [True, False, None],
    "CAST(day AS TIMESTAMP) = m": [False, True, None],
    "CAST(m AS DATE)": [dt.datetime(2024, 5, 31), dt.datetime(2024, 1, 1), None],
    "m": [NOON, dt.datetime(2024, 1, 1), None],
    "lower(trim(status))": ["ab c", "x", None],
    "upper(substring(status, 1, 2))": ["AB", " X", None],
    "length(status)": [4, 3, None],
    "split_part(status, ' ', 2)": ["c", "x", None],
    "replace(status, 'b', 'ü')": ["Aü c", " x ", None],
    "status || '-' || n": ["Ab c-7", " x -2", None],
    "concat(status, '-', n)": ["Ab c-7", " x -2", "-"],
    "coalesce(user_id, email)": ["12", "b\\%'y", None],
    "email LIKE 'b\\%''%'": [False, True, None],
    "status ILIKE 'a_ %'": [True, False, None],
    "greatest(price, 3)": [3.0, 20.0, 3.0],
    "least(n, f)": [2.675, -2.5, None],
    "nullif(n, 7)": [None, 2, None],
    "CASE WHEN n = 7 THEN price ELSE 0 END": [1.5, 0.0, 0.0],
    "CASE n WHEN 7 THEN 'seven' END": ["seven", None, None],
    "TRY_CAST(status AS DOUBLE)": [None, None, None],
    "CAST(n AS TEXT) || CAST(f AS TEXT)": ["72.675", "2-2.5", None],
    "ecommerce.revenue * 2": [19.0, None, None],
    "parameter(params, 'id')": ["9007199254740993", "0.5", None],
    "parameter(params, 'page') = 'home'": [True, None, None],
    "parameter(params, 'id') * 1 > 1": [True, False, None],
    "TRUE AND n > 1e0": [True, True, None],
}
"""Expressions with their values in the three rows of `TABLE`."""
REFUSED = {
    "prise * 2": "column 'prise', .* is missing .did you mean 'price'",
    "ecommerce.revenu": "has no field 'revenu'",
    "n + (SELECT 1)": "cannot contain",
    "SELECT 1": "cannot contain",
    "sum(n)": "cannot contain SUM",
    "row_number() OVER ()": "cannot contain",
    "getenv('HOME')": "cannot contain GETENV",
    "read_csv('x.csv')": "cannot contain",
    "n; DROP TABLE x": "give one expression",
    "n IN (SELECT 1)": "cannot contain",
    "n // 2": "write floor",
    "price >": "cannot be read as an expression",
    "": "give one expression",
    "*": "cannot contain",
    "status * 'x'": "'x' is text, and a number is needed",
    "b + 1": "b is true or false, and a number is needed",
    "price > '9'": "write the number without quotes",
    "price > email": "write CAST.price AS DOUBLE",
    "n = email": "write CAST.email AS DOUBLE",
    "n = NULL": "write IS NULL",
    "parameter(email, 'x')": "is no list of records",
    "CAST(n AS BLOB)": "a cast to",
    "substring(status, n)": "whole numbers from 1",
    "m > 'soon'": "'soon' is no time",
    "current_date": "cannot contain",
    "replace(status, 'x')": "replace needs 1 more argument",
    "coalesce()": "an argument is missing",
    "a.*": "column 'a', .* is missing",
    "$1": "cannot contain",
    "email LIKE status": "a pattern in single quotes",
    "coalesce(m, 1)": "a time is needed",
    "CASE WHEN n THEN 1 END": "true or false is needed",
    "trim(BOTH 'x' FROM status)": "cannot contain",
    "(" * 3000 + "n" + ")" * 3000: "nested too deeply|cannot be read",
}


def scope_of(dialect: Dialect, columns: Mapping[str, ColumnType], **notation: Any) -> Scope:
    return Scope(dialect, columns, Notation(**notation), "shape.events.values.x", "shop.csv")


def duckdb_scope(relation: Any, **notation: Any) -> Scope:
    types = map(duckdb_type, relation.types)
    columns = dict(zip(relation.columns, types, strict=True))
    return scope_of(DuckDBDialect(), columns, **notation)


def plain(value: Any) -> Any:
    """Return a value as the cases write it: moments are naive UTC."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value


def check_values(rows: list[dict[str, Any]]) -> None:
    """Compare the values of all cases, named by their numbers, with those expected."""
    for i, (expression, expected) in enumerate(CASES.items()):
        found = [plain(row[f"c{i}"]) for row in rows]
        numbers = any(isinstance(value, float) for value in expected)
        assert found == (pytest.approx(expected) if numbers else expected), expression
        kinds = [type(value) for value in found if value is not None]
        assert kinds == [type(value) for value in expected if value is not None], expression


def write_table(folder: Path) -> Path:
    pq.write_table(TABLE, folder / "table.parquet")
    return folder / "table.parquet"


def test_values_on_duckdb(tmp_path: Path) -> None:
    with open_duckdb(threads=1) as engine:
        relation = engine.read_parquet([write_table(tmp_path)], source="table").to_native()
        scope = duckdb_scope(relation)
        parts = [f"{compile_value(case, scope).sql} AS c{i}" for i, case in enumerate(CASES)]
        rows = relation.project(", ".join(parts)).to_arrow_table().to_pylist()
    check_values(rows)


@pytest.mark.parametrize("expression", REFUSED)
def test_anything_else_is_refused_in_one_line(expression: str) -> None:
    with open_duckdb(threads=1) as engine:
        relation = engine.read_arrow(TABLE).to_native()
        with pytest.raises(EngagementError, match=REFUSED[expression]) as raised:
            compile_value(expression, duckdb_scope(relation))
    assert isinstance(raised.value, ConfigError | InputError)
    assert "\n" not in str(raised.value)
    assert "shape.events.values.x" in str(raised.value)


def test_a_condition_is_true_or_false() -> None:
    with open_duckdb(threads=1) as engine:
        scope = duckdb_scope(engine.read_arrow(TABLE).to_native())
        with pytest.raises(ConfigError, match="gives a number; write a condition"):
            compile_condition("price * 2", scope)


def test_a_name_with_a_dot_may_be_a_column() -> None:
    columns = {"a.b": ColumnType("integer", "BIGINT")}
    assert compile_value("a.b + 0", scope_of(DuckDBDialect(), columns)).sql == (
        '(CAST("a.b" AS DOUBLE) + CAST(0 AS DOUBLE))'
    )


def test_times_in_quotes_are_of_the_tables_zone() -> None:
    columns = {"t": ColumnType("text", "VARCHAR")}
    scope = scope_of(DuckDBDialect(), columns, timezone="Europe/Berlin")
    assert "TIMESTAMP '2024-05-30 22:00:00'" in compile_value("t >= '2024-05-31'", scope).sql
