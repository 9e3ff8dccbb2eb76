"""Rows of the evidence from a response to contacts: limit, effect, and margin net of cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.contact.evidence import ContactRow
from engagement_ml.contact.explanations import explain_contacts
from engagement_ml.contact.search import ContactResponse

Points = tuple[tuple[float, float, float, float], ...]


def limit_of(response: ContactResponse) -> float | None:
    """Return the contacts per observation window up to which one more pays; None for no limit.

    A response that flattens has a limit only against a cost: without one, a little more still pays.
    """
    if response.turns:
        assert response.finding.turning is not None
        return response.finding.turning.optimum
    code = response.code
    if code == "harmful":
        return 0.0
    if code == "driver" and response.cost > 0 and response.curve is not None:
        return response.curve.saturation_point
    return None


def row_of(
    response: ContactResponse, segment: str | None, value: str | None, n_entities: int
) -> ContactRow:
    """Return the row of a response, without the customers above the limit."""
    finding = response.finding
    turning = finding.turning if response.turns else None
    low, high = finding.bounds
    known = finding.within is not None and finding.converged and bool(np.isfinite(high - low))
    return ContactRow(
        segment=segment,
        value=value,
        n_entities=n_entities,
        verdict=response.code,
        optimum=None if turning is None else turning.optimum,
        optimum_low=None if turning is None else turning.optimum_low,
        optimum_high=None if turning is None else turning.optimum_high,
        break_even=None if turning is None else turning.break_even,
        n_above=None,
        cost_above=None,
        reason=explain_contacts(response),
        limit=limit_of(response),
        effect=float(finding.effect) if known else None,
        effect_low=float(low) if known else None,
        effect_high=float(high) if known else None,
        memory_days=None
        if turning is None
        else turning.memory * response.study.periods.period_days,
    )


def points_of(response: ContactResponse) -> Points | None:
    """Return the points of the curve net of the cost of contacts; None without a curve."""
    curve, cost = response.curve, response.cost
    if curve is None:
        return None
    return tuple(
        (x, effect - cost * x, low - cost * x, high - cost * x)
        for x, effect, low, high in zip(curve.x, curve.effect, curve.low, curve.high, strict=True)
    )


def margin_at(points: Points, contacts: FloatArray | float) -> FloatArray:
    """Return margin at some contacts on a curve, that of its end beyond it.

    Examples
    --------
    >>> margin_at(((0.0, 0.0, 0.0, 0.0), (2.0, 5.0, 4.0, 6.0)), 1.0).tolist()
    2.5
    """
    table = np.asarray(points)
    return np.asarray(np.interp(contacts, table[:, 0], table[:, 1]))


@dataclass(frozen=True)
class Above:
    """Customers above the limit.

    Attributes
    ----------
    customers : array (M,)
        Ids.
    n : array (M,)
        Contacts in the observation window.
    lost : array (M,)
        Margin on the curve at the limit, less that at the customer's contacts, in currency.
    """

    customers: AnyArray
    n: AnyArray
    lost: FloatArray


def above(row: ContactRow, points: Points | None, customers: AnyArray, n: AnyArray) -> Above | None:
    """Return the customers above a row's limit; None if it has none.

    A customer is above an optimum only beyond the upper bound of its interval.
    """
    if row.limit is None or points is None:
        return None
    bound = row.limit if row.optimum_high is None else row.optimum_high
    chosen = n > bound
    counts = n[chosen]
    lost = margin_at(points, row.limit) - margin_at(points, counts.astype(np.float64))
    return Above(customers[chosen], counts, np.maximum(lost, 0.0))
