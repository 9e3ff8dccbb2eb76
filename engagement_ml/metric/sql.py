"""A metric as SQL, with the same scores as in Python, for tables of counts or of events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from engagement_ml.column_names import fold
from engagement_ml.errors import InputError, nearest
from engagement_ml.metric import moments
from engagement_ml.metric.scoring import SCORE, require_behaviours, require_events
from engagement_ml.metric.sql_dialects import (
    DEFAULT_COLUMNS,
    Rules,
    number,
    rules_of,
    transpiled,
)
from engagement_ml.metric.values import is_writable, shown
from engagement_ml.usable_rows import EARLIEST

if TYPE_CHECKING:
    from engagement_ml.metric.behaviour import WeightedBehaviour
    from engagement_ml.metric.definition import EngagementMetric

CUSTOMER, TIMESTAMP, EVENT_TYPE, EVENT_ID = DEFAULT_COLUMNS


def to_sql(
    metric: EngagementMetric, table: str, dialect: str, columns: Mapping[str, str] | None
) -> str:
    """Return a SELECT of customer and ``score`` from a wide table of counts."""
    require_behaviours(metric)
    rules = rules_of(dialect)
    behaviours = [behaviour.behaviour for behaviour in metric.behaviours]
    names = _names(columns, [CUSTOMER, *behaviours])
    counts = [rules.quoted(names[name]) for name in behaviours]
    customer = rules.name(names[CUSTOMER])
    query = _select(metric, counts, customer, names[CUSTOMER], [rules.table(table)], rules)
    return _written(metric, query, dialect, ())


def to_sql_events(
    metric: EngagementMetric,
    events_table: str,
    as_of: dt.date | dt.datetime | str,
    dialect: str,
    customers_table: str | None,
    event_id: str | None,
    columns: Mapping[str, str] | None,
    customers_column: str | None,
) -> str:
    """Return a SELECT of customer and ``score`` from a table of raw events."""
    require_events(metric)
    rules = rules_of(dialect)
    given = dict(columns or {})
    if event_id is not None:
        given[EVENT_ID] = event_id
    names = _names(given, DEFAULT_COLUMNS)
    until = moments.as_utc(as_of)
    since = moments.days_before(until, metric.observation_days)
    with_id = EVENT_ID in given
    events = _usable(names, until, rules.table(events_table), rules, with_id=with_id)
    if with_id:
        events = _first_of_each_id(events, rules)
    in_window = f"moment >= {rules.moment_literal(since)}"
    counts = [f"n_{place}" for place in range(len(metric.behaviours))]
    summed = [
        f"SUM(CASE WHEN event_type = {rules.literal(behaviour.behaviour)} AND {in_window} "
        f"THEN 1 ELSE 0 END) AS {count}"
        for count, behaviour in zip(counts, metric.behaviours, strict=True)
    ]
    counted = ["SELECT customer_id,", *_listed(summed), *_from(events, "events")]
    counted.append("GROUP BY customer_id")
    if customers_table is None:
        source = ["(", *_indented(counted), ") AS counted"]
    else:
        customer = rules.name(customers_column or names[CUSTOMER])
        source = [
            f"(SELECT DISTINCT {customer} AS customer_id FROM {rules.table(customers_table)}",
            f"  WHERE {rules.has_customer(customer)}) AS chosen",
            "LEFT JOIN (",
            *_indented(counted),
            ") AS counted ON counted.customer_id = chosen.customer_id",
        ]
    customer = "customer_id" if customers_table is None else "chosen.customer_id"
    query = _select(metric, counts, customer, names[CUSTOMER], source, rules)
    notes = [f"-- events from {since} until before {until}, in UTC"]
    if rules.micros is None:
        notes.append("-- timestamps are read as they are, as UTC")
    if not with_id:
        notes.append("-- without a column of event ids, repeated events count")
    return _written(metric, query, dialect, notes)


def _names(columns: Mapping[str, str] | None, known: Sequence[str]) -> dict[str, str]:
    """Return the name in the table of each column.

    Raises
    ------
    InputError
        If a column is not known, or a name is none.
    """
    names = {name: name for name in known}
    for column, name in (columns or {}).items():
        if column not in names:
            raise InputError(
                f"to_sql: columns: {shown(column)} is not known{nearest(str(column), known)}; "
                f"known are {', '.join(known)}"
            )
        if not isinstance(name, str) or not name or not is_writable(name):
            raise InputError(f"to_sql: columns: {column!r}: {shown(name)} is not a column's name")
        names[column] = name
    if fold(names[CUSTOMER]) == SCORE:
        raise InputError(
            f"to_sql: columns: the column of customers is named {names[CUSTOMER]!r}, as the score "
            "is; rename it in a view"
        )
    return names


def _usable(
    names: Mapping[str, str], until: dt.datetime, table: str, rules: Rules, *, with_id: bool
) -> list[str]:
    """Return a SELECT of the events that count before a moment, under the documented names."""
    customer, moment = rules.name(names[CUSTOMER]), rules.moment(rules.name(names[TIMESTAMP]))
    event_type = f"CAST({rules.name(names[EVENT_TYPE])} AS {rules.text})"
    selected = [_as(customer, CUSTOMER), f"{moment} AS moment", f"{event_type} AS event_type"]
    if with_id:
        text = f"CAST({rules.name(names[EVENT_ID])} AS {rules.text})"
        selected.append(f"NULLIF({text}, '') AS event_id")
    earliest = dt.datetime.combine(EARLIEST, dt.time())
    return [
        "SELECT",
        *_listed(selected),
        f"FROM {table}",
        f"WHERE {rules.has_customer(customer)}",
        f"  AND {moment} >= {rules.moment_literal(earliest)}",
        f"  AND {moment} < {rules.moment_literal(until)}",
        f"  AND {event_type} <> ''",
    ]


def _first_of_each_id(events: list[str], rules: Rules) -> list[str]:
    """Return a SELECT of the earliest event of each id, and of all without one."""
    # Rows without an id must not meet in one partition, which one worker would sort.
    return [
        "SELECT customer_id, moment, event_type",
        "FROM (",
        "  SELECT customer_id, moment, event_type, event_id, ROW_NUMBER() OVER (",
        "    PARTITION BY event_id, CASE WHEN event_id IS NULL THEN customer_id END",
        "    ORDER BY moment, customer_id, event_type",
        "  ) AS place",
        *_indented(_from(events, "usable")),
        ") AS placed",
        "WHERE place = 1 OR event_id IS NULL",
    ]


def _select(
    metric: EngagementMetric,
    counts: Sequence[str],
    customer: str,
    output: str,
    source: list[str],
    rules: Rules,
) -> list[str]:
    cleaned = [
        f"{rules.count(column, behaviour.transform.cap)} AS x_{place}"
        for place, (column, behaviour) in enumerate(zip(counts, metric.behaviours, strict=True))
    ]
    points = [_points(f"x_{place}", b) for place, b in enumerate(metric.behaviours)]
    return [
        f"SELECT {_as('customer_id', rules.name(output))},",
        "  LEAST(",
        *_indented([points[0], *(f"+ {part}" for part in points[1:])], 4),
        f"    , {number(100.0)}",
        "  ) AS score",
        "FROM (",
        *_indented([f"SELECT {_as(customer, CUSTOMER)},", *_listed(cleaned)]),
        *_indented([f"FROM {source[0]}", *source[1:]]),
        ") AS cleaned",
    ]


def _written(metric: EngagementMetric, query: list[str], dialect: str, notes: Sequence[str]) -> str:
    head = f"-- engagement score, 0 to 100; definition {metric.definition_hash[:12]}"
    return "\n".join([head, *notes, transpiled("\n".join(query), dialect)])


def _points(x: str, behaviour: WeightedBehaviour) -> str:
    transform = behaviour.transform
    if transform.scale is None:
        g = x
    elif transform.shape is None:
        g = f"LN(1 + {x} / {number(transform.scale)})"
    else:
        ratio = f"POWER({x} / {number(transform.scale)}, {number(transform.shape)})"
        g = f"{ratio} / (1 + {ratio})"
    share = f"LEAST({g} / {number(transform.full)}, {number(1.0)})"
    return f"{number(behaviour.weight)} * {share}"


def _as(expression: str, name: str) -> str:
    return expression if expression == name else f"{expression} AS {name}"


def _from(select: list[str], alias: str) -> list[str]:
    return ["FROM (", *_indented(select), f") AS {alias}"]


def _listed(items: list[str]) -> list[str]:
    return _indented([f"{item}," for item in items[:-1]] + items[-1:])


def _indented(lines: list[str], spaces: int = 2) -> list[str]:
    return [" " * spaces + line for line in lines]
