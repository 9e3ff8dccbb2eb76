"""Cohorts by period of entry and by campaign of acquisition: retention, margin, score by age."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import narwhals as nw

from engagement_ml.errors import NotEnoughDataError
from engagement_ml.formatting import day as shown_day
from engagement_ml.formatting import plural, quantity
from engagement_ml.ledger.daily import MICRO
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.periods import Periods
from engagement_ml.scorecard.card import CohortTable
from engagement_ml.scorecard.cohorts.totals import (
    Cell,
    CohortTotals,
    Member,
    cohort_entries,
    cohort_totals,
)
from engagement_ml.scorecard.segments.groups import Groups
from engagement_ml.windows import DAY

Quantity = Literal["retention", "margin", "score"]
QUANTITIES: tuple[Quantity, ...] = ("retention", "margin", "score")


def cohort_tables(
    context: MeasureContext, groups: Groups | None = None
) -> tuple[tuple[CohortTable, ...], tuple[str, ...]]:
    """Return cohorts by age, and what was left out or assumed.

    A cohort holds the customers who entered in the same week, month or quarter
    (``scorecard.cohort``), or by the same campaign. Age 0 is the period of entry, which is a part
    of a period for most customers. Retention is the share of the cohort with an order in the
    period or, if churn is an event, of those still there at its end. Margin is per customer of the
    cohort. The score is the mean over those who have one on the last scored day of the period.

    Parameters
    ----------
    context : MeasureContext
        Without ``scores`` there is no table of scores.
    groups : Groups, optional
        With the campaign of acquisition; without it there are no cohorts by campaign.

    Returns
    -------
    tables : tuple of CohortTable
        For each ``by`` the quantities retention, margin and score. A cell is None if its age is
        not reached, or if fewer than ``scorecard.smallest_group`` customers are behind it.
    notes : tuple of str
    """
    settings = context.config.scorecard
    try:
        periods = Periods.within(context.tables.history, settings.cohort, settings.periods)
    except NotEnoughDataError:
        reason = f"Cohorts are left out: the history has no complete {settings.cohort}."
        return (), (reason,)
    entries = cohort_entries(context, periods, groups)
    totals = cohort_totals(context, periods, entries)
    if not totals.sizes:
        return (), (
            f"Cohorts are left out: no {context.config.entity} entered from {_span(periods)}.",
        )
    quantities = QUANTITIES if context.scores is not None else QUANTITIES[:2]
    bys = ["entry"] if groups is None or groups.campaign is None else ["entry", "campaign"]
    tables = tuple(
        _table(by, quantity_, totals, periods, settings.smallest_group)
        for by in bys
        for quantity_ in quantities
    )
    notes = [*_notes(context, periods, entries, totals), *_hidden(context, tables)]
    return tables, tuple(notes)


def _table(
    by: str, what: Quantity, totals: CohortTotals, periods: Periods, at_least: int
) -> CohortTable:
    ages = range(len(periods.each))
    rows = _by_entry(totals, periods) if by == "entry" else _by_campaign(totals)
    cells, counts = [], []
    for members in rows.values():
        made = [_value(what, totals, members, age, len(ages)) for age in ages]
        cells.append(tuple(v if v is not None and n >= at_least else None for v, n in made))
        counts.append(tuple(n for _, n in made))
    return CohortTable(
        by=by,
        quantity=what,
        cohorts=tuple(rows),
        sizes=tuple(sum(totals.sizes[member] for member in members) for members in rows.values()),
        ages=tuple(ages),
        cells=tuple(cells),
        counts=tuple(counts),
        period=periods.every,
    )


def _by_entry(totals: CohortTotals, periods: Periods) -> dict[str, list[Member]]:
    return {
        period.label: sorted(member for member in totals.sizes if member[1] == place)
        for place, period in enumerate(periods.each)
    }


def _by_campaign(totals: CohortTotals) -> dict[str, list[Member]]:
    """Return the campaigns, the largest first."""
    rows: dict[str, list[Member]] = defaultdict(list)
    for member in sorted(totals.sizes):
        rows[member[0]].append(member)
    size = {name: sum(totals.sizes[m] for m in members) for name, members in rows.items()}
    return {name: rows[name] for name in sorted(rows, key=lambda name: (-size[name], name))}


def _value(
    what: Quantity, totals: CohortTotals, members: Sequence[Member], age: int, n_periods: int
) -> tuple[float | None, int]:
    """Return the value of a cohort at an age, and the customers behind it."""
    reached = [(*member, member[1] + age) for member in members if member[1] + age < n_periods]
    sums: dict[Quantity, tuple[Mapping[Cell, int], float]] = {
        "retention": (totals.retained, 100.0),
        "margin": (totals.margin, 1 / MICRO),
        "score": (totals.score, 1 / MICRO),
    }
    amounts, scale = sums[what]
    size: Callable[[Cell], int] = (
        (lambda cell: totals.scored.get(cell, 0))
        if what == "score"
        else (lambda cell: totals.sizes[cell[:2]])
    )
    n = sum(size(cell) for cell in reached)
    total = sum(amounts.get(cell, 0) for cell in reached)
    return (total * scale / n if n else None), n


def _span(periods: Periods) -> str:
    span = periods.span
    return f"{shown_day(span.start)} to {shown_day(span.end - DAY)}"


def _notes(
    context: MeasureContext, periods: Periods, entries: nw.LazyFrame[Any], totals: CohortTotals
) -> list[str]:
    start, entity = periods.span.start, context.config.entity
    counted = entries.filter(nw.col("entry_") < start).select(n_=nw.len())
    (row,) = context.engine.rows(counted, source="customers")
    notes = []
    if row["n_"]:
        notes.append(
            f"In no cohort: {quantity(int(row['n_']), entity)} who entered before "
            f"{shown_day(start)}; their first {periods.every}s are not on record."
        )
    if not context.has("customers", "signup"):
        notes.append(
            "Without sign-up dates, entry is the first event or transaction on record. The first "
            f"cohorts therefore hold {plural(entity)} who were there before "
            f"{shown_day(context.tables.history.start)}, when the history begins."
        )
    if totals.early:
        notes.append(
            f"Left out of cohorts: {quantity(totals.early, f'{entity}-{periods.every}')} with "
            "transactions before entry."
        )
    return notes


def _hidden(context: MeasureContext, tables: Sequence[CohortTable]) -> list[str]:
    """Say how many cohorts are too small to be shown."""
    at_least, people = context.config.scorecard.smallest_group, plural(context.config.entity)
    small = sum(0 < n < at_least for table in tables[:1] for n in table.sizes)
    if not small:
        return []
    return [f"Not shown: {quantity(small, 'cohort')} of fewer than {at_least} {people}."]
