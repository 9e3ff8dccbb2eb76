"""Subscription rows that become one transaction per period that has begun."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engagement_ml.column_names import find, free_name
from engagement_ml.config import PipelineConfig, UnrollConfig
from engagement_ml.errors import ConfigError, InputError, nearest
from engagement_ml.expressions.dialects import Dialect
from engagement_ml.formatting import quantity
from engagement_ml.tables.projection import Projection
from engagement_ml.windows import DAY

MONEY = ("margin", "revenue", "cost", "refund")
NUMBER = "period_number_"
"""Column of the number of a period, from 0 on."""


@dataclass(frozen=True)
class Spans:
    """From when to when subscriptions run, as SQL over the source.

    Attributes
    ----------
    start, end : str
        Naive UTC timestamps; a null end still runs.
    every : str
        Length of a period.
    last, earliest : datetime
        The last known moment, up to which those that still run are counted; and the first
        plausible one.
    """

    start: str
    end: str
    every: str
    last: dt.datetime
    earliest: dt.datetime

    def numbers(self, dialect: Dialect) -> str:
        """Return SQL for the list of the numbers of the periods that have begun."""
        until = dialect.moment_literal(self.last + dt.timedelta(microseconds=1))
        end = f"least(coalesce({self.end}, {until}), {until})"
        begun = dialect.periods(self.start, end, self.every)
        early = f"{self.start} IS NULL OR {self.start} < {dialect.moment_literal(self.earliest)}"
        # A row that is dropped anyway stays one row, however long it runs.
        return f"CASE WHEN {early} THEN {dialect.first_period} ELSE {begun} END"


def span_counts(projection: Projection, dialect: Dialect, now: dt.datetime) -> dict[str, str]:
    """Return SQL aggregates over the rows to read: what is known of their spans.

    ``last`` is the latest start or end that is not in the future.
    """
    assert projection.span is not None
    start, end = projection.span
    where, literal = projection.where or "true", dialect.moment_literal(now)

    def count(condition: str) -> str:
        return f"sum(CASE WHEN {where} AND {condition} THEN 1 ELSE 0 END)"

    def latest(moment: str) -> str:
        return f"max(CASE WHEN {where} AND {moment} <= {literal} THEN {moment} END)"

    return {
        "rows_": count("true"),
        "running_": count(f"({end} IS NULL OR {end} > {literal})"),
        "backwards_": count(f"{end} <= {start}"),
        "last_start_": latest(start),
        "last_end_": latest(end),
    }


def latest_moment(config: PipelineConfig) -> dt.datetime:
    """Return the last moment that may be known: now, or the last plausible day."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    latest = config.history.latest
    return now if latest is None else min(now, dt.datetime.combine(latest + DAY, dt.time()))


def spans_of(
    config: PipelineConfig, projection: Projection, counted: Mapping[str, object], label: str
) -> Spans:
    """Return the spans of a source by what `span_counts` counted.

    Raises
    ------
    InputError
        If no subscription has begun.
    """
    assert projection.span is not None
    unroll = config.shape_of("transactions").unroll
    assert unroll is not None
    known = [counted[name] for name in ("last_start_", "last_end_")]
    moments = [moment for moment in known if isinstance(moment, dt.datetime)]
    if not moments:
        raise InputError(
            f"{label}: column '{unroll.start}', from which 'shape.transactions.unroll' starts, has "
            "no moment that is not in the future; name the column of the first day"
        )
    if counted["backwards_"] == counted["rows_"]:
        raise InputError(
            f"{label}: column '{unroll.end}', at which 'shape.transactions.unroll' ends, is never "
            f"after '{unroll.start}'; name the column of the moment from which a row no longer runs"
        )
    earliest = dt.datetime.combine(config.history.earliest, dt.time())
    return Spans(*projection.span, unroll.every, max(moments), earliest)


def unroll_note(spans: Spans, counted: Mapping[str, object], label: str) -> str:
    """Return the sentence on what was unrolled, and up to when."""
    rows, running, backwards = (
        int(str(counted[name] or 0)) for name in ("rows_", "running_", "backwards_")
    )
    note = (
        f"{label}: {quantity(rows, 'row')} unrolled to one transaction per {spans.every} that has "
        f"begun; {running:,} still run and are counted up to {spans.last}, the last start or end "
        "that is not in the future"
    )
    if backwards:
        note += f"; {quantity(backwards, 'row')} ended when they began or before, and give none"
    return f"{note}."


def check_amounts(unroll: UnrollConfig, columns: Mapping[str, object], label: str) -> None:
    """Check that the table has the columns of money per period.

    Raises
    ------
    ConfigError
        If one is missing.
    """
    for column in unroll.amount:
        if find(column, columns) is None:
            raise ConfigError(
                f"key 'shape.transactions.unroll.amount': {label} has no column "
                f"'{column}'{nearest(column, columns)}; name the columns of money per period, or "
                "map them by 'columns'"
            )


def unrolled(
    projection: Projection, unroll: UnrollConfig, spans: Spans, dialect: Dialect
) -> Projection:
    """Return a projection whose rows are periods, not subscriptions."""
    number = dialect.quoted(free_name(NUMBER, projection.types))
    moment = dialect.period_start(spans.start, number, spans.every)
    columns = dict(projection.columns) | {"timestamp": dialect.instant(moment)}
    for column in MONEY:
        if column in columns and column not in unroll.amount:
            columns[column] = f"CASE WHEN {number} = 0 THEN {columns[column]} ELSE '0' END"
    if "transaction_id" in columns:
        # Periods of a subscription are no repetitions.
        text = f"CAST({columns['transaction_id']} AS {dialect.text})"
        columns["transaction_id"] = f"({text} || '/' || CAST({number} AS {dialect.text}))"
    return replace(projection, columns=columns, unnest=spans.numbers(dialect), unnested=number)
