"""Random assignment of a list of customers to treatment and control, and what it can show."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from engagement_ml._typing import AnyArray, BoolArray, FloatArray, IntArray

GAIN_STRATA = 5
"""Strata of expected gain within each behaviour."""

POWER = 0.8
_Z = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(POWER)


@dataclass(frozen=True)
class Listed:
    """Customers on a list of actions, sorted by id.

    Attributes
    ----------
    names : tuple of str
        Behaviours.
    ids : array (n,) of str
    behaviour : int array (n,)
        Place of the proposed behaviour in `names`.
    gain, low, high : array (n,)
        Expected gain of one more event, in currency, with its 95% interval.
    events : array (n,)
        Events of the behaviour in the observation window before.
    margin_before : array (n,)
        Margin over the days of the outcome before, in currency.
    """

    names: tuple[str, ...]
    ids: AnyArray
    behaviour: IntArray
    gain: FloatArray
    low: FloatArray
    high: FloatArray
    events: FloatArray
    margin_before: FloatArray

    def kept(self, keep: AnyArray) -> Listed:
        """Return the customers selected by a mask or by their places."""
        return Listed(
            self.names,
            *(
                getattr(self, name)[keep]
                for name in (
                    "ids", "behaviour", "gain", "low", "high", "events", "margin_before",
                )
            ),
        )  # fmt: skip

    def with_names_used(self) -> Listed:
        """Return the list without behaviours that are proposed to no customer."""
        used, places = np.unique(self.behaviour, return_inverse=True)
        names = tuple(self.names[place] for place in used)
        return replace(self, names=names, behaviour=places)


def largest_gains(listed: Listed, at_most: int | None, rng: np.random.Generator) -> Listed:
    """Return the customers with the largest gains; of equal ones a random choice."""
    if at_most is None or len(listed.ids) <= at_most:
        return listed
    ties = rng.permutation(len(listed.ids))
    first = np.lexsort((ties, -listed.gain))[:at_most]
    return listed.kept(np.sort(first))


def assign(listed: Listed, control_share: float, rng: np.random.Generator) -> BoolArray:
    """Return who is treated: a random choice within strata of behaviour and expected gain.

    Each stratum gives `control_share` of its customers to the control group, rounded up or down at
    random, so that every customer has the same chance.

    Examples
    --------
    >>> x = np.arange(10.0)
    >>> ids, place = x.astype(int).astype(str), np.zeros(10, dtype=int)
    >>> listed = Listed(("wish",), ids, place, x, x, x, x, x)
    >>> int(assign(listed, 0.5, np.random.default_rng(0)).sum())
    5
    """
    treated = np.ones(len(listed.ids), dtype=bool)
    for stratum in strata(listed):
        wanted = control_share * stratum.size
        n = math.floor(wanted) + int(rng.random() < wanted - math.floor(wanted))
        treated[rng.permutation(stratum)[:n]] = False
    return treated


def strata(listed: Listed) -> list[IntArray]:
    """Return the places of the customers of each stratum: fifths by gain for each behaviour."""
    found = []
    for place in range(len(listed.names)):
        inside = np.flatnonzero(listed.behaviour == place)
        ordered = inside[np.argsort(-listed.gain[inside], kind="stable")]
        found += [part for part in np.array_split(ordered, GAIN_STRATA) if part.size]
    return found


def minimum_detectable_lift(std: float, n_treated: int, n_control: int) -> float:
    r"""Return the smallest true lift per customer that a 5% test finds with 80% power.

    .. math:: (z_{0.975} + z_{0.8})\, s \sqrt{1 / n_1 + 1 / n_0}

    Infinite without two arms.

    Examples
    --------
    >>> round(minimum_detectable_lift(10.0, 800, 200), 2)
    2.21
    """
    if min(n_treated, n_control) < 2:
        return math.inf
    return _Z * std * math.sqrt(1 / n_treated + 1 / n_control)


def required_size(std: float, lift: float, control_share: float) -> int | None:
    """Return the customers that a list needs for 80% power to find a lift; None if none do.

    Examples
    --------
    >>> required_size(10.0, 2.215, 0.2)
    1000
    """
    if lift <= 0 or not 0 < control_share < 1 or std <= 0:
        return None
    variance = 1 / (1 - control_share) + 1 / control_share
    return math.ceil((_Z * std / lift) ** 2 * variance)
