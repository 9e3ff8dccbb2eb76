"""A metric as SQL, with the same scores as in Python, for tables of counts or of events."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engagement_ml.errors import InputError, nearest
from engagement_ml.metric import moments
from engagement_ml.metric.scoring import require_behaviours

if TYPE_CHECKING:
    from engagement_ml.metric.behaviour import WeightedBehaviour
    from engagement_ml.metric.definition import EngagementMetric

Dialect = Literal["duckdb", "spark", "postgres", "bigquery", "snowflake"]
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class _Rules:
    double: str
    quote: str = '"'
    backslash_in_names: bool = False
    backslash_in_text: bool = False
    doubled_quote_in_text: bool = True


_RULES: dict[str, _Rules] = {
    "duckdb": _Rules("DOUBLE"),
    "postgres": _Rules("DOUBLE PRECISION"),
    "snowflake": _Rules("DOUBLE", backslash_in_text=True),
    "spark": _Rules("DOUBLE", "`", backslash_in_text=True, doubled_quote_in_text=False),
    "bigquery": _Rules(
        "FLOAT64",
        "`",
        backslash_in_names=True,
        backslash_in_text=True,
        doubled_quote_in_text=False,
    ),
}


def to_sql(metric: EngagementMetric, table: str, dialect: Dialect) -> str:
    """Return a SELECT of ``customer_id`` and ``score`` from a wide table of counts."""
    require_behaviours(metric)
    rules = _rules(dialect)
    columns = [_name(behaviour.behaviour, rules) for behaviour in metric.behaviours]
    return _select(metric, columns, [_table(table, rules)], rules)


def to_sql_events(
    metric: EngagementMetric,
    events_table: str,
    as_of: dt.date | dt.datetime | str,
    dialect: Dialect,
    customers_table: str | None,
    event_id: str | None,
) -> str:
    """Return a SELECT of ``customer_id`` and ``score`` from a table of raw events."""
    require_behaviours(metric)
    rules = _rules(dialect)
    until = moments.as_utc(as_of)
    since = moments.days_before(until, metric.observation_days)
    in_window = f"timestamp >= {_moment(since)}"
    columns = [f"n_{place}" for place in range(len(metric.behaviours))]
    counts = []
    for column, behaviour in zip(columns, metric.behaviours, strict=True):
        condition = f"event_type = {_literal(behaviour.behaviour, rules)} AND {in_window}"
        counts.append(f"{_count(condition, event_id, rules)} AS {column}")
    where = f"customer_id IS NOT NULL AND timestamp < {_moment(until)}"
    if customers_table is None:
        opening, closing = "(", ") AS counted"
    else:
        where += f" AND {in_window}"
        chosen = f"SELECT DISTINCT customer_id FROM {_table(customers_table, rules)}"
        opening = f"({chosen} WHERE customer_id IS NOT NULL) AS chosen LEFT JOIN ("
        closing = ") AS counted USING (customer_id)"
    counted = [
        "SELECT customer_id,",
        *_listed(counts),
        f"FROM {_table(events_table, rules)}",
        f"WHERE {where}",
        "GROUP BY customer_id",
    ]
    return _select(metric, columns, [opening, *_indented(counted), closing], rules)


def _select(
    metric: EngagementMetric, columns: Sequence[str], source: list[str], rules: _Rules
) -> str:
    counts = [
        f"{_cleaned(column, behaviour, rules)} AS x_{place}"
        for place, (column, behaviour) in enumerate(zip(columns, metric.behaviours, strict=True))
    ]
    points = [_points(f"x_{place}", b) for place, b in enumerate(metric.behaviours)]
    cleaned = ["SELECT customer_id,", *_listed(counts), f"FROM {source[0]}", *source[1:]]
    lines = [
        f"-- engagement score, 0 to 100; definition {metric.definition_hash[:12]}",
        "SELECT customer_id,",
        "  LEAST(",
        *_indented([points[0], *(f"+ {part}" for part in points[1:])], 4),
        f"    , {_number(100.0)}",
        "  ) AS score",
        "FROM (",
        *_indented(cleaned),
        ") AS cleaned",
    ]
    return "\n".join(lines)


def _cleaned(column: str, behaviour: WeightedBehaviour, rules: _Rules) -> str:
    x = f"CAST({column} AS {rules.double})"
    nan = f"CAST('NaN' AS {rules.double})"
    cap = _number(behaviour.transform.cap)
    return f"CASE WHEN {x} > 0 AND {x} <> {nan} THEN LEAST({x}, {cap}) ELSE {_number(0.0)} END"


def _points(x: str, behaviour: WeightedBehaviour) -> str:
    transform = behaviour.transform
    if transform.scale is None:
        g = x
    elif transform.shape is None:
        g = f"LN(1 + {x} / {_number(transform.scale)})"
    else:
        ratio = f"POWER({x} / {_number(transform.scale)}, {_number(transform.shape)})"
        g = f"{ratio} / (1 + {ratio})"
    share = f"LEAST({g} / {_number(transform.full)}, {_number(1.0)})"
    return f"{_number(behaviour.weight)} * {share}"


def _count(condition: str, event_id: str | None, rules: _Rules) -> str:
    if event_id is None:
        return f"SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)"
    key = event_id if _PLAIN.fullmatch(event_id) else _name(event_id, rules)
    return (
        f"COUNT(DISTINCT CASE WHEN {condition} THEN {key} END) + "
        f"SUM(CASE WHEN {condition} AND {key} IS NULL THEN 1 ELSE 0 END)"
    )


def _rules(dialect: str) -> _Rules:
    if dialect not in _RULES:
        raise InputError(
            f"to_sql: dialect {dialect!r} is not known{nearest(str(dialect), _RULES)}; "
            f"known are {', '.join(_RULES)}"
        )
    return _RULES[dialect]


def _number(value: float) -> str:
    # A literal with an exponent is a float; without one, engines compute in decimals.
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def _moment(moment: dt.datetime) -> str:
    return f"TIMESTAMP '{moment.isoformat(sep=' ')}'"


def _literal(text: str, rules: _Rules) -> str:
    escaped = text.replace("\\", "\\\\") if rules.backslash_in_text else text
    escaped = escaped.replace("'", "''" if rules.doubled_quote_in_text else "\\'")
    if rules.backslash_in_text:
        escaped = escaped.replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def _name(name: str, rules: _Rules) -> str:
    if rules.backslash_in_names:
        escaped = name.replace("\\", "\\\\").replace(rules.quote, f"\\{rules.quote}")
    else:
        escaped = name.replace(rules.quote, rules.quote * 2)
    return f"{rules.quote}{escaped}{rules.quote}"


def _table(name: str, rules: _Rules) -> str:
    parts = name.split(".")
    if all(_PLAIN.fullmatch(part) for part in parts):
        return name
    return ".".join(_name(part, rules) for part in parts)


def _listed(items: list[str]) -> list[str]:
    return _indented([f"{item}," for item in items[:-1]] + items[-1:])


def _indented(lines: list[str], spaces: int = 2) -> list[str]:
    return [" " * spaces + line for line in lines]
