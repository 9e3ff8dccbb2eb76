"""What came of a list of actions: the lift of those on it, and what it says of each behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray
from engagement_ml.experiments.lifts import Estimate, difference
from engagement_ml.experiments.measuring import Arms, Lift
from engagement_ml.experiments.randomisation import measure_randomised

CONFIRMED, CONTRADICTED, UNDECIDED = "confirmed", "contradicted", "undecided"
_ROWS_PER_COVARIATE = 20
_MIN_ARM = 2


@dataclass(frozen=True)
class Followed:
    """Customers of a list, and what they did over the days of the outcome.

    Attributes
    ----------
    names : tuple of str
        Behaviours.
    treated : bool array (n,)
    behaviour : int array (n,)
        Place of the proposed behaviour in `names`.
    margin : array (n,)
        In currency, over the days of the outcome; 0 without transactions.
    events : array (n,) or None
        Of the proposed behaviour, over the same days; None if they are not known for all of them.
    margin_before, events_before : array (n,)
        As of the assignment.
    score : array (n,) or None
        Of the metric, at the end of the days.
    """

    names: tuple[str, ...]
    treated: BoolArray
    behaviour: IntArray
    margin: FloatArray
    events: FloatArray | None
    margin_before: FloatArray
    events_before: FloatArray
    score: FloatArray | None = None


@dataclass(frozen=True)
class BehaviourReading:
    """The result for the customers to whom one behaviour was proposed.

    Attributes
    ----------
    found : Lift or None
        Intention to treat; None if an arm has fewer than two customers.
    effect : Estimate or None
        The lift per extra event, net of the cost of serving it; None if the treated did not
        demonstrably do more of the behaviour.
    predicted, predicted_low, predicted_high : float
        Mean gain of one more event that was expected of the treated, net of the same cost.
    verdict : {"confirmed", "contradicted", "undecided"}
    """

    behaviour: str
    found: Lift | None
    effect: Estimate | None
    predicted: float
    predicted_low: float
    predicted_high: float
    verdict: str
    reason: str


@dataclass(frozen=True)
class Reading:
    """All estimates of an action, and the adjusted values that they come from.

    Attributes
    ----------
    whole : Lift
        Of all customers on the list; events are those of the own behaviour.
    behaviours : tuple of BehaviourReading
    score : Estimate or None
        Difference of the metric's mean score at the end.
    margin, events : array (n,) or None
        Adjusted for margin and events before, within each behaviour.
    """

    whole: Lift
    behaviours: tuple[BehaviourReading, ...]
    score: Estimate | None
    margin: FloatArray
    events: FloatArray | None


def read(
    followed: Followed,
    predicted: Sequence[tuple[float, float, float]],
    costs: Sequence[float],
    seed: int = 0,
) -> Reading:
    """Return the lift in total and by behaviour.

    The estimand is the intention to treat: who was on the list counts as treated, whatever came of
    it. Margin and events are adjusted for margin and events before the assignment, which lowers
    their variance and leaves the expectation of the difference as it is. Intervals come
    from assignments that could have been drawn, as margins are skewed.

    Parameters
    ----------
    followed : Followed
        At least two customers in each arm.
    predicted : sequence of (gain, low, high)
        By behaviour, net of cost.
    costs : sequence of float
        Of serving one event, by behaviour.
    seed : int
        Of the assignments that are drawn for the intervals.
    """
    margin = np.array(followed.margin, dtype=float)
    events = None if followed.events is None else np.array(followed.events, dtype=float)
    before = np.column_stack([followed.margin_before, followed.events_before])
    rows = []
    for place, name in enumerate(followed.names):
        inside = followed.behaviour == place
        treated = followed.treated[inside]
        margin[inside] = adjusted(margin[inside], treated, before[inside])
        if events is not None:
            events[inside] = adjusted(events[inside], treated, before[inside])
        arms = Arms(treated, margin[inside], None if events is None else events[inside])
        rows.append(_judged(name, arms, predicted[place], costs[place], seed))
    groups = (followed.behaviour[:, None] == np.arange(1, len(followed.names))).astype(float)
    both = np.column_stack([before, groups])
    whole = Arms(
        followed.treated,
        adjusted(followed.margin, followed.treated, both),
        None if followed.events is None else adjusted(followed.events, followed.treated, both),
    )
    score = None
    if followed.score is not None:
        values = adjusted(followed.score, followed.treated, both)
        score = difference(values[followed.treated], values[~followed.treated])
    return Reading(measure_randomised(whole, seed), tuple(rows), score, margin, events)


def adjusted(values: FloatArray, treated: BoolArray, covariates: FloatArray) -> FloatArray:
    r"""Return values less what covariates from before the assignment explain (CUPED).

    .. math:: y - (x - \bar x)' \hat\theta

    with θ of least squares within the arms (Deng, Xu, Kohavi and Walker 2013). The mean stays.
    Too few rows, and covariates that do not vary, leave the values as they are.

    Parameters
    ----------
    values : array (n,)
    treated : bool array (n,)
    covariates : array (n, k)

    Examples
    --------
    >>> x = np.arange(80.0)
    >>> treated = np.arange(80) % 2 == 0
    >>> round(float(np.ptp(adjusted(3 * x + treated, treated, x[:, None]))), 6)
    1.0
    """
    y = np.asarray(values, dtype=float)
    x = np.asarray(covariates, dtype=float)
    spread = x.std(axis=0)
    x = (x[:, spread > 0] - x[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    small = min(int(treated.sum()), int((~treated).sum()))
    if not x.shape[1] or small < _ROWS_PER_COVARIATE * x.shape[1]:
        return y.copy()
    within_y, within_x = y.copy(), x.copy()
    for arm in (treated, ~treated):
        within_y[arm] -= within_y[arm].mean()
        within_x[arm] -= within_x[arm].mean(axis=0)
    theta = np.linalg.lstsq(within_x, within_y, rcond=None)[0]
    return np.asarray(y - x @ theta)


def _judged(
    name: str, arms: Arms, predicted: tuple[float, float, float], cost: float, seed: int
) -> BehaviourReading:
    gain, low, high = predicted

    def result(
        found: Lift | None, effect: Estimate | None, verdict: str, reason: str
    ) -> BehaviourReading:
        return BehaviourReading(name, found, effect, gain, low, high, verdict, reason)

    if min(int(arms.treated.sum()), int((~arms.treated).sum())) < _MIN_ARM:
        return result(None, None, UNDECIDED, "an arm has fewer than two customers")
    found = measure_randomised(arms, seed)
    if found.events is None:
        return result(found, None, UNDECIDED, "events of the days of the outcome are not known")
    if not found.effect.bounded or not found.events.low > 0:
        why = "the treated did not demonstrably do more of it, so the test says nothing about it"
        return result(found, None, UNDECIDED, why)
    effect = Estimate(
        found.effect.value - cost,
        found.effect.low - cost,
        found.effect.high - cost,
        found.effect.p_value,
    )
    verdict, reason = judged(effect, low)
    return result(found, effect, verdict, reason)


def judged(effect: Estimate, predicted_low: float) -> tuple[str, str]:
    """Return the verdict on a driver from the effect per event that a test found, and why.

    Examples
    --------
    >>> judged(Estimate(2.0, 1.0, 3.0, None), 1.5)[0], judged(Estimate(0.0, -1.0, 1.0, None), 1.5)
    ('confirmed', ('contradicted', 'the effect is smaller than any that was expected'))
    >>> judged(Estimate(1.0, -1.0, 3.0, None), 1.5)[0]
    'undecided'
    """
    if effect.low > 0:
        return CONFIRMED, "more of it raised margin"
    if effect.high < 0:
        return CONTRADICTED, "more of it lowered margin"
    if effect.high < predicted_low:
        return CONTRADICTED, "the effect is smaller than any that was expected"
    return UNDECIDED, "the interval holds both no effect and the one that was expected"
