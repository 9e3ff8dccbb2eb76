"""What one more event of each driver is worth, by the number of events a customer has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.drivers.evidence import Choice, DriverEvidence, DriverRow
from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.experiments.lifts import Z
from engagement_ml.formatting import Money, one_line, quantity

MAX_COUNT = 100_000
EVIDENCE = {"observation": "observational", "experiment": "experiment"}
_IF = {
    "observational": ", if the effect is causal; observational evidence",
    "experiment": "; shown by a randomised test",
}
_SELECTABLE = ("behaviour", "mediator")
_SAME = 1e-6


@dataclass(frozen=True)
class EventGains:
    """What one more event of a driver is worth after 0, 1, 2, … events, up to the curve's end.

    Attributes
    ----------
    behaviour, label : str
    evidence : {"observational", "experiment"}
    cost : float
        Of serving one event; the arrays are net of it.
    gain, low, high : array (n,)
        In currency over the outcome window, with the 95% interval; averages over customers with
        this count, no promises for one. The interval is that of the effect; the saturating shape
        is taken as known.
    claimed : bool array (n,)
        Where the gain is positive, and the count below the saturation point and the optimum.
    """

    behaviour: str
    label: str
    evidence: str
    cost: float
    gain: FloatArray
    low: FloatArray
    high: FloatArray
    claimed: BoolArray

    def at(self, counts: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return gain, low and high at each count; NaN where nothing is claimed."""
        places = np.asarray(counts, dtype=np.int64)
        known = (places >= 0) & (places < self.gain.size)
        inside = np.where(known, places, 0)
        known = known & (self.claimed[inside] if self.gain.size else False)
        return tuple(  # type: ignore[return-value]
            np.where(known, values[inside], np.nan) if values.size else np.full(len(places), np.nan)
            for values in (self.gain, self.low, self.high)
        )

    def reason(self, count: int, money: Money, days: int) -> str:
        """Return why one more event is proposed to a customer with `count` of them.

        Examples
        --------
        >>> one = np.ones(2)
        >>> gains = EventGains("wish", "Wish list", "observational", 0.0, 3 * one, 2 * one, 4 * one,
        ...                    one > 0)
        >>> gains.reason(1, Money("EUR"), 84)
        'Wish list: 1 event in 84 days; one more is worth €3.00 (€2.00 to €4.00) on average at \
this count, if the effect is causal; observational evidence'
        """
        amount = money.estimate(*(float(x[count]) for x in (self.gain, self.low, self.high)))
        return (
            f"{one_line(self.label)}: {quantity(count, 'event')} in {days} days; one more is worth "
            f"{amount} on average at this count{_IF[self.evidence]}"
        )


def driver_gains(
    evidence: DriverEvidence, behaviours: Sequence[str] | None = None
) -> dict[str, EventGains]:
    """Return the gains of all drivers of margin that have a response curve, or of those named.

    Parameters
    ----------
    evidence : DriverEvidence
    behaviours : sequence of str, optional

    Returns
    -------
    dict of behaviour to EventGains
        In the order of `behaviours`, else of the evidence. Other verdicts, fits that did not
        converge and roles that cannot be chosen have none.
    """
    rows = {row.behaviour: row for row in evidence.drivers if row.outcome == "margin"}
    choices = {choice.behaviour: choice for choice in evidence.choices}
    found = {}
    for name in rows if behaviours is None else behaviours:
        row, curve = rows.get(name), evidence.responses.get(name)
        if row is None or curve is None or row.verdict != "driver" or not row.converged:
            continue
        if row.role in _SELECTABLE:
            found[name] = _of(curve, choices.get(name), row)
    return found


def best_of(
    gains: Mapping[str, EventGains], counts: Mapping[str, FloatArray]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return for each customer the place of the driver with the largest gain, and that gain.

    Parameters
    ----------
    gains : mapping of behaviour to EventGains
    counts : mapping of behaviour to array (n,)

    Returns
    -------
    place : array (n,)
        Of the first behaviour with the largest gain; NaN if none has a gain.
    gain, low, high : array (n,)
        NaN if none has a gain.
    """
    at = [gains[name].at(counts[name]) for name in gains]
    gain, low, high = (np.stack([each[i] for each in at]) for i in range(3))
    place = np.where(np.isnan(gain), -np.inf, gain).argmax(axis=0)
    rows = np.arange(gain.shape[1])
    best = gain[place, rows]
    chosen = np.where(np.isnan(best), np.nan, place)
    return chosen, best, low[place, rows], high[place, rows]


def _of(curve: ResponseCurve, choice: Choice | None, row: DriverRow) -> EventGains:
    counts = np.arange(min(math.floor(curve.x[-1] + _SAME), MAX_COUNT) + 1, dtype=np.float64)
    gross = np.diff(_values(curve, choice, counts))
    low, high = _interval(curve, row, counts, gross)
    gain = gross - row.cost_per_event
    claimed = (gain > 0) & (counts[:-1] < _limit(curve))
    return EventGains(
        behaviour=row.behaviour,
        label=row.label or row.behaviour,
        evidence=EVIDENCE[row.basis],
        cost=row.cost_per_event,
        gain=gain,
        low=low - row.cost_per_event,
        high=high - row.cost_per_event,
        claimed=claimed,
    )


def _values(curve: ResponseCurve, choice: Choice | None, counts: FloatArray) -> FloatArray:
    """Return the response at whole counts."""
    x, effect = np.asarray(curve.x), np.asarray(curve.effect)
    scale = None if choice is None or curve.kind != "log1p" else choice.scale
    if scale:
        exact = effect[-1] / np.log1p(x[-1] / scale) * np.log1p(x / scale)
        # The curve's own formula, as points far apart would flatten its first events.
        if np.allclose(exact, effect, rtol=_SAME, atol=_SAME * max(abs(effect[-1]), 1e-9)):
            return np.asarray(effect[-1] / np.log1p(x[-1] / scale) * np.log1p(counts / scale))
    return np.asarray(np.interp(counts, x, effect))


def _limit(curve: ResponseCurve) -> float:
    """Return the count from which on nothing is claimed: saturation, or the smallest optimum.

    One more event must not lead beyond an optimum, also that of a segment.
    """
    optima = [curve.optimum, *(each.optimum for each in curve.optima)]
    limits = [optimum - 1.0 + _SAME for optimum in optima if optimum is not None]
    if curve.saturation_point is not None and curve.optimum is None:
        limits.append(curve.saturation_point)
    return min(limits, default=math.inf)


def _interval(
    curve: ResponseCurve, row: DriverRow, counts: FloatArray, gross: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of each step, before the cost of serving.

    A curve of one amplitude has the relative error of the effect; the steps of a turning one have
    their own.
    """
    if curve.kind != "turning":
        effect, cost = row.effect, row.cost_per_event
        if (
            effect is None
            or row.effect_low is None
            or row.effect_high is None
            or effect + cost <= 0
        ):
            return np.full(gross.size, np.nan), np.full(gross.size, np.nan)
        bounds = [
            gross * ((bound + cost) / (effect + cost))
            for bound in (row.effect_low, row.effect_high)
        ]
        return np.minimum(*bounds), np.maximum(*bounds)
    x = np.asarray(curve.x)
    if curve.step_std:
        errors = np.diff(np.interp(counts, x, np.concatenate([[0.0], np.cumsum(curve.step_std)])))
    else:
        # A record of an earlier version: the errors of both ends, as if they were independent.
        ends = np.interp(counts, x, (np.asarray(curve.high) - np.asarray(curve.low)) / (2 * Z))
        errors = np.hypot(ends[:-1], ends[1:])
    return gross - Z * errors, gross + Z * errors
