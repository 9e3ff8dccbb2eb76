"""How unusual a customer's latest count is, compared with the customer's own history.

Counts of window j of customer i have mean ``rate_i · common_j`` and variance ``μ + a_i μ²``
(negative binomial): `common` is what moves all customers at once, such as a season, and the
dispersion a holds the bursts of single customers, from window to window.

The model only orders the counts. How rare a statistic is under no change is read from the history
itself: the same comparison is made at earlier windows, of customers who did as much as usual later
on (a conformal p-value). Holidays of single customers and heavy tails are thus allowed for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import nbinom

from engagement_ml._typing import BoolArray, FloatArray, IntArray

MIN_WINDOWS = 4
"""Windows of history that a customer's usual rate needs."""

PRIOR_WINDOWS = 4.0
"""Weight of the common dispersion in a customer's own, in windows."""

MAX_POSSIBLE_P = 0.02
"""No event at all must be at least this unusual; else the customer cannot fall visibly."""

MIN_REFERENCES = 300
"""Earlier comparisons that the null distribution needs; with fewer, no customer is tested."""

RETURN_AFTER = 2
"""An earlier comparison is one of no change if the customer is back this many windows later."""

RETURN_WINDOWS = 2
"""Number of windows from then on whose mean is compared with the usual count."""

MIN_RETURN = 0.5
"""Share of the usual count that is a return."""

ACTIVE_WINDOWS = 2
"""Windows before the latest in which a customer must have done `MIN_RETURN` of the usual count.

Those who fell long ago are no early warning.
"""

MAX_ITERATIONS = 30
"""Iterations of the two-way fit of rates and common movement; it converges in a few."""

TOLERANCE = 1e-6
"""Relative change of the common movement that ends the iterations."""


@dataclass(frozen=True)
class UsualCounts:
    """One behaviour's latest count of each of n customers, compared with the usual one.

    Attributes
    ----------
    observed, expected : arrays (n,)
        Events of the latest window, and the customer's usual number, with what moves all.
    p_value : array (n,)
        Probability of a count that low or lower if nothing changed; 1 if not tested.
    tested : bool array (n,)
        Enough history, active until lately, and a usual count so high that a fall could be seen.
    """

    observed: FloatArray
    expected: FloatArray
    p_value: FloatArray
    tested: BoolArray


def compare_with_usual(
    counts: FloatArray, present: BoolArray, group: IntArray | None = None
) -> UsualCounts:
    """Test whether each customer's latest count lies below the customer's own usual.

    Parameters
    ----------
    counts : array (n, J + 1)
        Events per window; the last one is the latest.
    present : bool array (n, J + 1)
        Windows that count as the customer's history; the last says who is tested.
    group : int array (n,), optional
        Customers of a group share the common movement; for example by how long they are here.

    Returns
    -------
    UsualCounts
        Customers whose usual count is so low that no fall could be seen are not tested. This
        depends on their history only, so that it does not distort the p-values of the others.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> counts = rng.poisson(12.0, (500, 14)).astype(float)
    >>> counts[0, -1] = 0
    >>> usual = compare_with_usual(counts, np.ones(counts.shape, bool))
    >>> int(usual.p_value.argmin()), bool(usual.p_value[0] < 0.001)
    (0, True)
    """
    group = np.zeros(len(counts), dtype=np.int64) if group is None else group
    last = counts.shape[1] - 1
    latest = _compare(counts, present, group)
    references = [
        _reference(counts, present, group, j) for j in range(MIN_WINDOWS, last - RETURN_AFTER + 1)
    ]
    reference = np.sort(np.concatenate(references)) if references else np.zeros(0)
    tested = latest.tested & (len(reference) >= MIN_REFERENCES)
    rank = np.searchsorted(reference, latest.statistic[tested], side="right")
    p_value = np.ones(len(counts))
    p_value[tested] = (1.0 + rank) / (1.0 + len(reference))
    return UsualCounts(counts[:, -1].astype(np.float64), latest.expected, p_value, tested)


@dataclass(frozen=True)
class _Comparison:
    """One window compared with those before it: arrays (n,), see `UsualCounts`.

    `statistic` is the model's mid-p value: the probability of a lower count, and half of the same.
    """

    rate: FloatArray
    expected: FloatArray
    statistic: FloatArray
    tested: BoolArray


def _compare(counts: FloatArray, present: BoolArray, group: IntArray) -> _Comparison:
    """Compare the last window with those before it."""
    history = present.copy()
    history[:, -1] = False
    enough = (history.sum(axis=1) >= MIN_WINDOWS) & present[:, -1]
    rate, common = _two_way(counts, history, enough, group)
    exposure = common[group]
    expected = rate * exposure[:, -1]
    dispersion = _predictive_dispersion(counts, history, enough, rate, exposure)
    size = 1.0 / np.maximum(dispersion, 1e-9)
    share = size / (size + np.maximum(expected, 1e-12))
    tested = enough & (expected > 0) & (share**size <= MAX_POSSIBLE_P)
    before = slice(-1 - ACTIVE_WINDOWS, -1)
    recently = (rate[:, None] * exposure[:, before]).sum(axis=1)
    tested &= counts[:, before].sum(axis=1) >= MIN_RETURN * recently
    statistic = np.ones(len(counts))
    observed, of = counts[tested, -1], (size[tested], share[tested])
    statistic[tested] = nbinom.cdf(observed, *of) - nbinom.pmf(observed, *of) / 2
    return _Comparison(rate, expected, statistic, tested)


def _reference(counts: FloatArray, present: BoolArray, group: IntArray, j: int) -> FloatArray:
    """Return the statistics of window j of those who did as much as usual later on.

    The window right after j does not count: a burst or a holiday may reach into it.
    """
    earlier = _compare(counts[:, : j + 1], present[:, : j + 1], group)
    later = slice(j + RETURN_AFTER, min(j + RETURN_AFTER + RETURN_WINDOWS, counts.shape[1]))
    mean = counts[:, later].mean(axis=1)
    usual = earlier.rate
    level = np.ones(len(counts))
    for g in np.unique(group):
        members = earlier.tested & (group == g)
        total = usual[members].sum()
        level[group == g] = mean[members].sum() / total if total > 0 else 1.0
    back = earlier.tested & present[:, later].all(axis=1) & (mean >= MIN_RETURN * level * usual)
    return np.asarray(earlier.statistic[back])


def _two_way(
    counts: FloatArray, history: BoolArray, enough: BoolArray, group: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Fit counts = rate × common movement by Poisson maximum likelihood; see the module.

    Returns
    -------
    rate : array (n,)
    common : array (G, J + 1)
        Mean 1 over the windows of history; 0 in the last window of a group without customers.
    """
    n_groups, n_windows = int(group.max(initial=0)) + 1, counts.shape[1]
    used = history & enough[:, None]
    seen = np.where(used, counts, 0.0)
    total = seen.sum(axis=1, dtype=np.float64)
    common = np.ones((n_groups, n_windows))
    rate = np.zeros(len(counts))
    for _ in range(MAX_ITERATIONS):
        previous = common
        exposure = (used * common[group]).sum(axis=1)
        rate = total / np.maximum(exposure, 1e-300) * (exposure > 0)
        fitted, actual = np.zeros_like(common), np.zeros_like(common)
        np.add.at(fitted, group, used * rate[:, None])
        np.add.at(actual, group, seen)
        common = np.where(fitted > 0, actual / np.maximum(fitted, 1e-300), 1.0)
        level = common[:, :-1].mean(axis=1, keepdims=True)
        common /= np.where(level > 0, level, 1.0)
        if np.abs(common - previous).max() < TOLERANCE:
            break
    for g in range(n_groups):
        members = enough & (group == g)
        usual = rate[members].sum()
        common[g, -1] = counts[members, -1].sum() / usual if usual > 0 else 0.0
    return rate, common


def _predictive_dispersion(
    counts: FloatArray,
    history: BoolArray,
    enough: BoolArray,
    rate: FloatArray,
    exposure: FloatArray,
) -> FloatArray:
    """Return the dispersion of the latest count, with the error of the usual rate, shape (n,).

    A customer's own dispersion, by moments, is shrunk to that of all customers.
    """
    used = history & enough[:, None]
    mean = np.where(used, rate[:, None] * exposure, 0.0)
    n_windows = np.maximum(used.sum(axis=1), 2)
    # One degree of freedom of each customer is spent on the rate.
    excess = np.where(used, (counts - mean) ** 2, 0.0).sum(axis=1) * n_windows / (n_windows - 1)
    excess -= mean.sum(axis=1)
    square = (mean**2).sum(axis=1)
    known = enough & (square > 0)
    pooled = max(float(excess[known].sum() / square[known].sum()), 0.0) if known.any() else 0.0
    prior = PRIOR_WINDOWS * square / n_windows
    own = (excess + prior * pooled) / np.maximum(square + prior, 1e-300)
    own = np.maximum(own, 0.5 * pooled)
    past = np.maximum((used * exposure).sum(axis=1), 1e-12)
    rate_error = 1.0 / np.maximum(rate * past, 1e-12)
    rate_error += own * (used * exposure**2).sum(axis=1) / past**2
    return np.asarray(own + rate_error)
