"""How often verdicts were confirmed, and whether the metric's lift went with lift of margin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml.actions.reading import CONFIRMED, CONTRADICTED, UNDECIDED
from engagement_ml.experiments.lifts import Estimate, Z

LEAST_ACTIONS = 3
"""Fewest actions for a relation between lift of the metric and lift of margin."""


@dataclass(frozen=True)
class VerdictTest:
    """What one action said of one behaviour.

    Attributes
    ----------
    found : Estimate or None
        Effect per event, net of cost, in currency; None if the behaviour did not rise.
    predicted, predicted_low, predicted_high : float
    """

    action: str
    as_of: str
    behaviour: str
    label: str
    verdict: str
    reason: str
    predicted: float
    predicted_low: float
    predicted_high: float
    n_treated: int
    n_control: int
    found: Estimate | None = None


@dataclass(frozen=True)
class Moved:
    """The lift of the metric and of margin in one action, each per customer."""

    action: str
    score: Estimate
    margin: Estimate


@dataclass(frozen=True)
class TrackRecord:
    """All actions of a pipeline that were read back.

    Attributes
    ----------
    name, entity, currency : str
    n_actions : int
        Folders of actions; `n_read` of them have been read back.
    tests : tuple of VerdictTest
        In the order of time.
    moved : tuple of Moved
    confirmed, contradicted, undecided : int
        Tests with each verdict.
    calibration : Estimate or None
        Found gain by predicted gain, weighted by precision; None without a found gain.
    slope : Estimate or None
        Lift of margin for one point of lift of the score; None with fewer than three actions.
    correlation : float or None
    notes : tuple of str
    """

    name: str
    entity: str
    currency: str
    n_actions: int
    n_read: int
    tests: tuple[VerdictTest, ...]
    moved: tuple[Moved, ...]
    confirmed: int
    contradicted: int
    undecided: int
    calibration: Estimate | None
    slope: Estimate | None
    correlation: float | None
    notes: tuple[str, ...] = ()


def summarise(
    name: str,
    entity: str,
    currency: str,
    n_actions: int,
    n_read: int,
    tests: Sequence[VerdictTest],
    moved: Sequence[Moved],
) -> TrackRecord:
    """Return the track record of tests and lifts."""
    verdicts = [test.verdict for test in tests]
    ratio = calibration(tests)
    slope, correlation = relation(moved)
    notes = []
    if n_read < n_actions:
        waiting = n_actions - n_read
        notes.append(
            f"{waiting} of {n_actions} actions {'has' if waiting == 1 else 'have'} not been read "
            "back; 'engagement-ml act CONFIG --read FOLDER' does"
        )
    if ratio is None:
        notes.append(
            "no action raised a behaviour, so predicted gains have nothing to compare with"
        )
    if slope is None:
        least = f"fewer than {LEAST_ACTIONS} actions"
        why = least if len(moved) < LEAST_ACTIONS else "the lift of the metric does not vary"
        notes.append(f"no relation of the metric's lift to margin's is given: {why}")
    return TrackRecord(
        name=name,
        entity=entity,
        currency=currency,
        n_actions=n_actions,
        n_read=n_read,
        tests=tuple(tests),
        moved=tuple(moved),
        confirmed=verdicts.count(CONFIRMED),
        contradicted=verdicts.count(CONTRADICTED),
        undecided=verdicts.count(UNDECIDED),
        calibration=ratio,
        slope=slope,
        correlation=correlation,
        notes=tuple(notes),
    )


def calibration(tests: Sequence[VerdictTest]) -> Estimate | None:
    r"""Return found gains as a multiple of predicted ones, weighted by precision.

    .. math:: \sum w p f / \sum w p^2, \quad w = 1 / s^2

    with p predicted, f found and s the standard error of f. The interval is that of f alone.

    Examples
    --------
    >>> found = Estimate(1.0, 0.6, 1.4, None)
    >>> test = VerdictTest(
    ...     "a", "2024-07-01", "wish", "Wish", "confirmed", "", 2.0, 1.0, 3.0, 9, 9, found
    ... )
    >>> ratio = calibration([test])
    >>> round(ratio.value, 2), round(ratio.low, 2), round(ratio.high, 2)
    (0.5, 0.3, 0.7)
    """
    known = [
        (test.predicted, test.found)
        for test in tests
        if test.found is not None and test.found.bounded and test.found.standard_error > 0
    ]
    p = np.array([predicted for predicted, _ in known])
    f = np.array([found.value for _, found in known])
    w = np.array([found.standard_error**-2.0 for _, found in known])
    precision = float((w * p * p).sum())
    if precision <= 0:
        return None
    value, half = float((w * p * f).sum()) / precision, Z / math.sqrt(precision)
    return Estimate(value, value - half, value + half, None)


def relation(moved: Sequence[Moved]) -> tuple[Estimate | None, float | None]:
    """Return the slope of margin's lift on the metric's, and their correlation.

    Least squares with the precision of margin's lift as weights; the error of the metric's lift is
    left out, which pulls the slope towards 0. Both are None with fewer than three actions.

    Examples
    --------
    >>> def one(points, euros):
    ...     return Moved("a", Estimate(points, points - 1, points + 1, None),
    ...                  Estimate(euros, euros - 1, euros + 1, None))
    >>> slope, correlation = relation([one(1.0, 2.0), one(2.0, 4.1), one(3.0, 5.9)])
    >>> round(slope.value, 2), round(correlation, 2), relation([one(1.0, 2.0)] * 2)
    (1.95, 1.0, (None, None))
    """
    from scipy.stats import t

    known = [each for each in moved if each.margin.bounded and each.margin.standard_error > 0]
    x = np.array([each.score.value for each in known])
    if len(known) < LEAST_ACTIONS or not np.ptp(x) > 0:
        return None, None
    y = np.array([each.margin.value for each in known])
    w = np.array([each.margin.standard_error**-2.0 for each in known])
    x_mean, y_mean = np.average(x, weights=w), np.average(y, weights=w)
    sxx = float((w * (x - x_mean) ** 2).sum())
    value = float((w * (x - x_mean) * (y - y_mean)).sum()) / sxx
    left = y - y_mean - value * (x - x_mean)
    degrees = len(known) - 2
    # Actions may differ by more than their own errors, never by less.
    variance = max(float((w * left**2).sum()) / degrees, 1.0) / sxx
    half = float(t.ppf(0.975, degrees)) * math.sqrt(variance)
    together = float(np.corrcoef(x, y)[0, 1]) if np.ptp(y) > 0 else None
    return Estimate(value, value - half, value + half, None), together
