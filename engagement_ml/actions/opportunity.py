"""What it would bring in all if customers did one more event of a driver."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.actions.evidence import Opportunity, OpportunityRow
from engagement_ml.actions.gains import EventGains, best_of
from engagement_ml.formatting import Money, day, one_line, plural, quantity

_IF = {
    "observational": "if the effect is causal",
    "experiment": "by the effect that a randomised test showed",
}


@dataclass(frozen=True)
class Counted:
    """Events of each behaviour in the observation window before a day.

    Attributes
    ----------
    counts : mapping of behaviour to array (n,)
    n_entities : int
        Customers there were; more than n if only a sample was counted.
    """

    as_of: dt.date
    counts: Mapping[str, FloatArray]
    n_entities: int


def find_opportunity(
    gains: Mapping[str, EventGains], counted: Counted, money: Money, entity: str, outcome_days: int
) -> Opportunity | None:
    """Return what one more event of each driver would bring in all; None without drivers.

    The error of an effect is common to all customers, so the bounds of a total are the sums of the
    customers' bounds: more customers do not narrow it. Between drivers the errors are taken to
    have one direction, which is the widest interval.

    Examples
    --------
    >>> x = np.array([5.0, 2.0])
    >>> wish = EventGains("wish", "Wish list", "observational", 0.0, x, x - 1, x + 1, x > 0)
    >>> counted = Counted(dt.date(2024, 7, 1), {"wish": np.array([0.0, 1.0, 9.0])}, 6)
    >>> found = find_opportunity({"wish": wish}, counted, Money("EUR"), "customer", 84)
    >>> found.rows[0].n_entities, found.gain, found.low, found.high
    (4, 14.0, 10.0, 18.0)
    """
    present = {name: each for name, each in gains.items() if name in counted.counts}
    n = len(next(iter(counted.counts.values()))) if counted.counts else 0
    if not present or not n:
        return None
    scale = counted.n_entities / n
    place, *best = best_of(present, counted.counts)
    rows = []
    for i, (name, each) in enumerate(present.items()):
        amounts = each.at(counted.counts[name])
        n_entities = round(float((~np.isnan(amounts[0])).sum()) * scale)
        gain, low, high = (_total(values, scale) for values in amounts)
        rows.append(
            OpportunityRow(
                behaviour=name,
                label=each.label,
                n_entities=n_entities,
                n_best=round(float((place == i).sum()) * scale),
                gain=gain,
                low=low,
                high=high,
                evidence=each.evidence,
                sentence=_sentence(
                    each, n_entities, (gain, low, high), money, entity, outcome_days
                ),
            )
        )
    rows = [row for row in rows if row.n_entities]
    acted = round(float((~np.isnan(place)).sum()) * scale)
    totals = tuple(_total(values, scale) if acted else None for values in best)
    return Opportunity(
        n_entities=counted.n_entities,
        rows=tuple(sorted(rows, key=lambda row: (-row.gain, row.behaviour))),
        n_acted=acted,
        gain=totals[0],
        low=totals[1],
        high=totals[2],
        notes=_notes(counted, n, entity, len(rows)),
        as_of=counted.as_of.isoformat(),
        counted=n if n != counted.n_entities else None,
        sentence=_whole(
            acted, totals, money, entity, outcome_days, [present[r.behaviour] for r in rows]
        ),
    )


def _total(values: FloatArray, scale: float) -> float:
    """Return the sum over customers with a gain."""
    return float(np.nansum(values)) * scale if not np.isnan(values).all() else float("nan")


def _sentence(
    gains: EventGains,
    n: int,
    total: tuple[float, float, float],
    money: Money,
    entity: str,
    days: int,
) -> str:
    label, who = one_line(gains.label), quantity(n, one_line(entity))
    return (
        f"Raising '{label}' by one event among {who} below saturation: {money.estimate(*total)} "
        f"in {days} days, {_IF[gains.evidence]}."
    )


def _whole(
    n: int,
    total: Sequence[float | None],
    money: Money,
    entity: str,
    days: int,
    gains: list[EventGains],
) -> str:
    if not n:
        return ""
    tested = all(each.evidence == "experiment" for each in gains)
    verb = "does" if n == 1 else "each do"
    return (
        f"If {quantity(n, one_line(entity))} {verb} one more event of the driver that pays most "
        f"for them: {money.estimate(*total)} in {days} days, "
        f"{_IF['experiment' if tested else 'observational']}."
    )


def _notes(counted: Counted, n: int, entity: str, n_rows: int) -> tuple[str, ...]:
    entities = plural(one_line(entity))
    notes = [f"Events were counted before {day(counted.as_of)}, the end of the history."]
    if n != counted.n_entities:
        notes.append(
            f"The events of {n:,} {entities} of the training sample were counted, and the totals "
            f"scaled to all {counted.n_entities:,}."
        )
    if n_rows > 1:
        notes.append("Gains of different drivers are not to be added up.")
    if not n_rows:
        notes.append("No further event of a driver has a gain at the present counts.")
    return tuple(notes)
