"""Trials: starts, and whether the goal followed in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw

from engagement_ml.config import MeasureConfig
from engagement_ml.formatting import how_many
from engagement_ml.measures.context import TRANSACTION, AbsentError, MeasureContext
from engagement_ml.measures.rows.occurrences import (
    DAY,
    HOUR,
    Occurrences,
    count,
    end_of_history,
    first_and_last,
    kept,
    touched,
)

Unit = Literal["customer", "first", "day", "session", "ref"]
"""What one trial is: a customer's starts of a day, a customer's first start, a customer's day, a
session, what has one ``ref``."""
LINKS = {"session": "session_id", "ref": "ref"}
NEVER = 2**62
_ZERO, _ONE = nw.lit(0), nw.lit(1)


@dataclass(frozen=True)
class Trials:
    """Trials that are mature, and what was left out.

    Attributes
    ----------
    frame : LazyFrame
        ``customer_id``, ``day`` of the start, ``touchpoint`` (of the start; only if events have a
        channel), ``trial`` (1), ``reached`` (1 or 0), int64.
    key : str
        Trials of the same key are the same.
    notes : tuple of str
    """

    frame: nw.LazyFrame[Any]
    key: str
    notes: tuple[str, ...] = ()

    def per_person(self) -> dict[str, nw.Expr]:
        """Return the columns of a share in which each customer counts once a period."""
        return {"reached": nw.col("reached").max(), "trials": nw.col("trial").max()}

    def each(self) -> dict[str, nw.Expr]:
        """Return the columns of a share in which each trial counts."""
        return {"reached": nw.col("reached").sum(), "trials": nw.col("trial").sum()}

    def missed(self) -> dict[str, nw.Expr]:
        """Return the columns of the share of trials whose goal did not follow."""
        trials = self.each()
        return {"missed": trials["trials"] - trials["reached"], "trials": trials["trials"]}


@dataclass(frozen=True)
class Link:
    """What makes the starts of one trial, and what links a goal to it.

    Attributes
    ----------
    unit : Unit
    column : str or None
        Column that goals share with their start, beside the customer.
    note : str
    """

    unit: Unit
    column: str | None = None
    note: str = ""


def limit_of(settings: MeasureConfig) -> int | None:
    """Return the time within which a goal counts, in microseconds; None for any time."""
    if settings.within_hours is not None:
        return round(settings.within_hours * HOUR)
    return None if settings.within_days is None else round(settings.within_days * DAY)


def match_trials(
    context: MeasureContext,
    starts: Occurrences,
    goals: Occurrences,
    link: Link,
    limit: int | None,
    noun: str = "trial",
) -> Trials:
    """Match each trial with the first goal at or after its start.

    Parameters
    ----------
    context : MeasureContext
    starts, goals : Occurrences
        With the columns of `link`, and starts with `TOUCHPOINT` if events have a channel.
    link : Link
    limit : int or None
        Microseconds within which the goal counts; a trial whose time is not over at the end of the
        history is left out. None is any time.
    noun : str
        What a trial is called in notes.
    """
    key = f"trials {starts.names} {goals.names} {link.unit} {link.column} {limit}"
    column = LINKS.get(link.unit)
    end = end_of_history(context)

    def make() -> nw.LazyFrame[Any]:
        frame = _by_day(context, starts, link.unit, limit)
        found = (starts.frame if frame is None else frame).filter(nw.col("micros") < end)
        if column is not None:
            found = found.filter(~nw.col(column).is_null())
        matched = with_next(units(context, found, link.unit, end, limit), goals.frame, link.column)
        due = nw.lit(NEVER - 1) if limit is None else nw.col("last") + limit
        reached = nw.when(nw.col("next") <= due).then(_ONE).otherwise(_ZERO)
        mature = nw.when(_mature("last", end, limit)).then(_ONE).otherwise(_ZERO)
        return matched.select(
            "customer_id",
            "day",
            *touched(context),
            trial=_ONE.cast(nw.Int64),
            reached=reached.cast(nw.Int64),
            mature=mature,
        )

    frame = kept(context, key, make)
    notes = [link.note] if link.note else []
    [open_trials] = count(context, frame, open=nw.col("mature") == 0)
    if open_trials:
        notes.append(
            f"{how_many(open_trials, noun)} left out: the time for the goal is not over yet"
        )
    notes += _unlinked(context, starts, column, noun)
    return Trials(frame.filter(nw.col("mature") == 1), key, tuple(notes))


def units(
    context: MeasureContext, starts: nw.LazyFrame[Any], unit: Unit, end: int, limit: int | None
) -> nw.LazyFrame[Any]:
    """Return a row for each trial: ``micros`` of its start, ``last`` of the last one it stands for.

    With the unit ``customer`` the starts of a day that are mature are one trial if the goal has at
    least a day: the times of such starts overlap, so the goal follows one of them if it follows the
    first and is in time after the last.
    """
    touch = touched(context)
    columns = [c for c in LINKS.values() if c in starts.collect_schema().names()]
    if unit == "customer":
        if limit is not None and limit < DAY:
            return starts.with_columns(last=nw.col("micros"))
        links = (nw.lit(None).cast(nw.String).alias(c) for c in columns)
        last = "last" if "last" in starts.collect_schema().names() else "micros"
        return (
            starts.with_columns(mature_=_mature("micros", end, limit))
            .group_by("customer_id", "day", "mature_", *touch)
            .agg(nw.col("micros").min(), nw.col(last).max().alias("last"))
            .with_columns(*links)
            .drop("mature_")
        )
    keys = ["customer_id", *{"first": [], "day": ["day"]}.get(unit, [LINKS.get(unit, "")])]
    firsts = starts.with_columns(first_=nw.col("micros").min().over(*keys)).filter(
        nw.col("micros") == nw.col("first_")
    )
    grouping = [*keys, "micros"]
    others = {c: nw.col(c).min() for c in ("day", *touch, *columns) if c not in grouping}
    grouped = firsts.group_by(*grouping).agg(**others) if others else firsts.select(*grouping)
    return grouped.with_columns(last=nw.col("micros"))


def _by_day(
    context: MeasureContext, starts: Occurrences, unit: Unit, limit: int | None
) -> nw.LazyFrame[Any] | None:
    """Return a customer's starts by day from the daily totals, which are far fewer than events.

    They tell all that a trial needs if all starts of a day are mature or none: the goal has whole
    days. None if they do not.
    """
    if unit != "customer" or (limit is not None and limit % DAY):
        return None
    columns = [c for c in starts.frame.collect_schema().names() if c in LINKS.values()]
    return first_and_last(context, starts.names, columns)


def with_next(
    starts: nw.LazyFrame[Any], goals: nw.LazyFrame[Any], column: str | None
) -> nw.LazyFrame[Any]:
    """Add the moment of the first goal at or after each start; `NEVER` without one."""
    keys = ("customer_id", *([] if column is None else [column]))
    names = starts.collect_schema().names()
    present = goals.collect_schema().names()
    of_starts = starts.with_columns(is_goal_=_ZERO, goal_=nw.lit(NEVER))
    of_goals = goals.select(
        *(nw.col(name) if name in present else _null_like(name) for name in names),
        is_goal_=_ONE,
        goal_=nw.col("micros"),
    )
    together = nw.concat([of_starts, of_goals.select(*names, "is_goal_", "goal_")])
    # Backwards in time; at the same moment a goal comes before its start, so it counts.
    following = nw.col("goal_").cum_min(reverse=True).over(*keys, order_by=("micros", "is_goal_"))
    return together.with_columns(next=following).filter(nw.col("is_goal_") == 0)


def link_of(
    context: MeasureContext,
    by: str | None,
    starts: Occurrences,
    goals: Occurrences,
    otherwise: Unit,
    noun: str,
) -> Link:
    """Return what links goals to starts: as configured or, without that, the first that they have.

    Parameters
    ----------
    by : {"customer", "session", "ref"} or None
        As configured; None tries ``ref`` and ``session``.
    otherwise : Unit
        Without a link.

    Raises
    ------
    AbsentError
        If starts or goals lack the configured link.
    """
    if by == "customer":
        return Link(otherwise)
    for unit, column in (("ref", "ref"), ("session", "session_id")):
        if by not in (None, unit):
            continue
        [started] = count(context, starts.frame, n=~nw.col(column).is_null())
        [reached] = count(context, goals.frame, n=~nw.col(column).is_null())
        if started and reached:
            return Link(unit, column)  # type: ignore[arg-type]
        if started and TRANSACTION in goals.names:
            note = f"a {noun} is matched with transactions by customer and time"
            return Link(unit, None, note)  # type: ignore[arg-type]
        if by is not None:
            what = starts if not started else goals
            raise AbsentError(f"a {column} of events of type {' or '.join(what.names)}")
    return Link(otherwise, None, f"without a ref or session_id, a {noun} is {_MEANING[otherwise]}")


_MEANING: dict[str, str] = {
    "customer": "a customer's start",
    "first": "a customer's first start",
    "day": "a customer's day (UTC)",
}


def _unlinked(
    context: MeasureContext, starts: Occurrences, column: str | None, noun: str
) -> list[str]:
    if column is None:
        return []
    [lost] = count(context, starts.frame, n=nw.col(column).is_null())
    return [f"{how_many(lost, noun)} without a {column} left out"] if lost else []


def _mature(moment: str, end: int, limit: int | None) -> nw.Expr:
    """Return whether the time for the goal, of which the last moment counts, is in the history."""
    return nw.lit(True) if limit is None else nw.col(moment) + limit < end


def _null_like(name: str) -> nw.Expr:
    kind: Any = nw.Date if name == "day" else nw.Int64 if name == "last" else nw.String
    return nw.lit(None).cast(kind).alias(name)
