"""How the tables meet: which customers are in several of them, and who has unusually much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine
from engagement_ml.errors import InputError, Report, stop
from engagement_ml.formatting import count, first_upper, listed, percent, plural, quantity
from engagement_ml.inputs.id_forms import EXPONENT, forms_that_meet

FEW = 0.5
"""Tables with a smaller share of customers in common than this get a note."""
LARGE_SHARE = 0.05
"""One customer with a larger share of a table's rows than this gets a note, ..."""
TIMES_THE_MEAN = 20
"""... if it is also this many times the mean share."""
MOST_IDS = 200_000
"""Most ids of a table that are compared in other forms."""
_CUSTOMERS = "customers"


@dataclass(frozen=True)
class MeetingTable:
    """A table whose customers are to be found in others.

    Attributes
    ----------
    name : str
        Name of the input table.
    label : str
        Name of its source in messages.
    frame : LazyFrame
        With ``customer_id``.
    rows : Expr
        Number of rows of the table behind each row of `frame`, such as the events of a day.
    """

    name: str
    label: str
    frame: nw.LazyFrame[Any]
    rows: nw.Expr


@dataclass(frozen=True)
class _Group:
    """The customers that are in the same tables.

    `rounded` is the smallest id that is a number with its last digits lost, if there is one.
    """

    tables: frozenset[str]
    n: int
    rows: Mapping[str, int]
    most: Mapping[str, int]
    rounded: str | None


def meet(
    engine: Engine,
    tables: Sequence[MeetingTable],
    entity: str,
    report: Report = stop,
    lacking: Report | None = None,
) -> tuple[str, ...]:
    """Count the customers of tables in one pass, and say how the tables meet.

    Parameters
    ----------
    engine : Engine
    tables : sequence of MeetingTable
        Events first, then transactions, then customers; as far as there are any.
    entity : str
        What a customer is called.
    report : callable, optional
        Called with each problem; by default, the first is raised.
    lacking : callable, optional
        The tables are samples of rows. Called, in place of `report`, if they have no customer in
        common; that they have few says nothing.

    Returns
    -------
    tuple of str
        The first note counts the customers of each table; others say that tables have few in
        common, or that one customer has a large share of the rows.

    Raises
    ------
    InputError
        If two tables have no customer in common, or an id is a number with its last digits lost.
    """
    per_customer = _rows_by_customer(tables)
    groups = _groups(engine, tables, per_customer)
    _check_exponents(tables, groups, report)
    active = frozenset(table.name for table in tables) - {_CUSTOMERS}
    notes = [_counts(tables, groups, entity)]
    few = FEW if lacking is None else 0.0
    for place, left in enumerate(tables):
        for right in tables[place + 1 :]:
            if right.name == _CUSTOMERS and place > 0:
                continue
            sides = active if right.name == _CUSTOMERS else frozenset({left.name})
            try:
                notes += _in_common(engine, per_customer, groups, (left, sides), right, entity, few)
            except InputError as problem:
                (lacking or report)(problem)
    for table in tables:
        if table.name != _CUSTOMERS:
            notes += _large_share(engine, per_customer, groups, table, entity)
    return tuple(notes)


def _rows_by_customer(tables: Sequence[MeetingTable]) -> nw.LazyFrame[Any]:
    """Return a row per customer with its number of rows in each table."""
    zero = nw.lit(0).cast(nw.Int64)
    parts = [
        table.frame.select(
            "customer_id",
            *(
                (other.rows.cast(nw.Int64) if other is table else zero).alias(other.name)
                for other in tables
            ),
        )
        for table in tables
    ]
    rows = nw.concat(parts) if len(parts) > 1 else parts[0]
    return rows.group_by("customer_id").agg(
        nw.col(table.name).sum().cast(nw.Int64) for table in tables
    )


def _groups(
    engine: Engine, tables: Sequence[MeetingTable], per_customer: nw.LazyFrame[Any]
) -> list[_Group]:
    names = [table.name for table in tables]
    one, zero = nw.lit(1), nw.lit(0)
    present = [f"in_{name}" for name in names]
    text = isinstance(per_customer.collect_schema()["customer_id"], nw.String)
    customer = nw.col("customer_id")
    rounded = [nw.when(customer.str.contains(EXPONENT)).then(customer).alias("rounded")]
    counted = (
        per_customer.with_columns(
            *(
                nw.when(nw.col(name) > 0).then(one).otherwise(zero).alias(flag)
                for name, flag in zip(names, present, strict=True)
            ),
            *(rounded if text else ()),
        )
        .group_by(*present)
        .agg(
            nw.len().cast(nw.Int64).alias("n"),
            *(nw.col(name).sum().cast(nw.Int64).alias(f"rows_{name}") for name in names),
            *(nw.col(name).max().alias(f"most_{name}") for name in names),
            *([nw.col("rounded").min()] if text else ()),
        )
    )
    return [
        _Group(
            frozenset(name for name in names if row[f"in_{name}"]),
            row["n"],
            {name: row[f"rows_{name}"] for name in names},
            {name: row[f"most_{name}"] for name in names},
            row.get("rounded"),
        )
        for row in engine.rows(counted, source=tables[0].label)
    ]


def _number(groups: Sequence[_Group], *sides: frozenset[str]) -> int:
    """Return the number of customers that are in a table of each side."""
    return sum(group.n for group in groups if all(group.tables & side for side in sides))


def _counts(tables: Sequence[MeetingTable], groups: Sequence[_Group], entity: str) -> str:
    active = [table.name for table in tables if table.name != _CUSTOMERS]
    n = {name: _number(groups, frozenset({name})) for name in (t.name for t in tables)}
    parts = [f"{count(n[name])} have {name}" for name in active]
    if len(active) > 1:
        both = _number(groups, *(frozenset({name}) for name in active))
        parts.append(f"{count(both)} have both")
    sentence = f"Of the {plural(entity)}, {listed(parts)}"
    if _CUSTOMERS in n:
        known = _number(groups, frozenset({_CUSTOMERS}), frozenset(active))
        sentence += (
            f"; 'customers' lists {count(n[_CUSTOMERS])}, {count(known)} of them among these"
        )
    return f"{sentence}."


def _in_common(
    engine: Engine,
    per_customer: nw.LazyFrame[Any],
    groups: Sequence[_Group],
    left: tuple[MeetingTable, frozenset[str]],
    right: MeetingTable,
    entity: str,
    few: float,
) -> list[str]:
    """Return a note if two tables have few customers in common; stop if they have none."""
    table, sides = left
    there = frozenset({right.name})
    n_left, n_right = _number(groups, sides), _number(groups, there)
    both = _number(groups, sides, there)
    if both and both >= few * min(n_left, n_right):
        return []
    here_ids = _ids(engine, per_customer, sides, table.label)
    there_ids = _ids(engine, per_customer, there, right.label)
    forms, common = forms_that_meet(here_ids, there_ids)
    remedy = (
        f"write the ids of both tables {listed(forms)}: then they have at least "
        f"{quantity(common, entity)} in common"
        if forms
        else "check that 'customer_id' means the same in both tables"
    )
    if not both:
        raise InputError(
            f"{table.label} and {right.label} have no {entity} in common: 'customer_id' of the "
            f"first holds {quantity(n_left, entity)} such as {here_ids[0]!r}, of the second "
            f"{quantity(n_right, entity)} such as {there_ids[0]!r}; {remedy}"
        )
    found = f"Only {quantity(both, entity)} in {listed(sorted(sides))} are in {right.name} as well"
    return [f"{found}; {remedy}."]


def _ids(
    engine: Engine, per_customer: nw.LazyFrame[Any], sides: frozenset[str], label: str
) -> list[str]:
    """Return the smallest ids of the customers of a side, as text; at most `MOST_IDS`."""
    inside = nw.any_horizontal(*(nw.col(name) > 0 for name in sorted(sides)), ignore_nulls=False)
    ids = per_customer.filter(inside).select("customer_id").sort("customer_id").head(MOST_IDS)
    return [str(row["customer_id"]) for row in engine.rows(ids, source=label)]


def _large_share(
    engine: Engine,
    per_customer: nw.LazyFrame[Any],
    groups: Sequence[_Group],
    table: MeetingTable,
    entity: str,
) -> list[str]:
    """Return a note if one customer has a large share of a table's rows."""
    name = table.name
    most = max(group.most[name] for group in groups)
    total = sum(group.rows[name] for group in groups)
    n = _number(groups, frozenset({name}))
    if most <= total * max(LARGE_SHARE, TIMES_THE_MEAN / n):
        return []
    largest = per_customer.filter(nw.col(name) == most).select("customer_id").sort("customer_id")
    (row,) = engine.rows(largest.head(1), source=table.label)
    return [
        f"{first_upper(entity)} {row['customer_id']!r} has {percent(most / total)} of the {name}; "
        "if the id stands for several people, such as guests, leave its rows out."
    ]


def _check_exponents(
    tables: Sequence[MeetingTable], groups: Sequence[_Group], report: Report
) -> None:
    """Check that no id is a number that a spreadsheet or a float has rounded."""
    found = [(group.rounded, group) for group in groups if group.rounded is not None]
    if not found:
        return
    rounded, group = min(found, key=lambda each: each[0])
    table = next(table for table in tables if table.name in group.tables)
    report(
        InputError(
            f"{table.label}: column 'customer_id' holds {rounded!r}, a number whose last digits "
            "are lost, so that several ids may have become one; export ids as text or as whole "
            "numbers"
        )
    )
