"""Rules that divide conversions among the touchpoints before them.

| rule | credit of a touchpoint |
| --- | --- |
| first, last | the conversions whose path it begins, or ends |
| linear | of each conversion, its share of the touches in the path |
| markov | its removal effect in a first-order Markov chain, which paths with and without a conversion determine |
| shapley | its Shapley value, if a set of touchpoints is worth the conversions whose paths have no other touchpoint |

Sources: E. Anderl, I. Becker, F. von Wangenheim, J. H. Schumann, "Mapping the customer journey",
International Journal of Research in Marketing 33 (2016); K. Zhao, S. H. Mahboobi, S. R. Bagheri,
"Shapley value methods for attribution modeling in online advertising" (2018), arXiv:1804.05327.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.attribution.paths import OUTSIDE, PathCounts, Tally

Credit = FloatArray
"""Conversions, or currency, of each touchpoint, shape (K,)."""


def first(counts: PathCounts, n_touchpoints: int, *, by_value: bool = False) -> Credit:
    """Credit each conversion to the first touchpoint of its path."""
    begins = (counts.steps.converted == 1) & (counts.steps.by == OUTSIDE)
    return _added(counts.steps, begins, _weights(counts.steps, by_value), n_touchpoints)


def last(counts: PathCounts, n_touchpoints: int, *, by_value: bool = False) -> Credit:
    """Credit each conversion to the last touchpoint of its path."""
    ends = counts.ends
    return _added(ends, ends.converted == 1, _weights(ends, by_value), n_touchpoints)


def linear(counts: PathCounts, n_touchpoints: int, *, by_value: bool = False) -> Credit:
    """Divide each conversion equally among the touches of its path."""
    return _equally(counts.touches, n_touchpoints, by_value)


def shapley(counts: PathCounts, n_touchpoints: int, *, by_value: bool = False) -> Credit:
    """Return the Shapley value of each touchpoint.

    The game is v(S) = conversions of all paths whose touchpoints all lie in S. Each path is a
    unanimity game of its touchpoints, whose Shapley value divides the conversion equally among
    them, and values of games add up: the closed form is exact for any number of touchpoints.
    """
    return _equally(counts.members, n_touchpoints, by_value)


def markov(counts: PathCounts, n_touchpoints: int, *, by_value: bool = False) -> Credit:
    """Return what is lost of all conversions if a touchpoint led nowhere, scaled to their sum.

    With transition matrix T between touchpoints, start vector s and conversion vector c, the
    chain's inverse N = (I - T)^-1 has all removal effects: a path reaches touchpoint i with
    probability (sN)_i / N_ii, and converts from there with (Nc)_i.
    """
    k = n_touchpoints
    steps, ends = counts.steps, counts.ends
    between = steps.by != OUTSIDE
    flow = np.zeros((k, k))
    np.add.at(flow, (steps.by[between], steps.code[between]), steps.n[between])
    starts = _added(steps, ~between, steps.n, k)
    out = flow.sum(axis=1) + _added(ends, ends.n > 0, ends.n, k)
    # A touchpoint without a touch has no outflow, and keeps probabilities of 0.
    out[out == 0] = 1
    converts = _added(ends, ends.converted == 1, _weights(ends, by_value), k) / out
    inverse = np.linalg.inv(np.eye(k) - flow / out[:, None])
    reached = starts @ inverse / np.diag(inverse)
    lost = reached * (inverse @ converts)
    total = float(last(counts, k, by_value=by_value).sum())
    scale = total / float(lost.sum()) if lost.sum() else 0.0
    return np.asarray(lost * scale, dtype=float)


RULES: dict[str, Callable[..., Credit]] = {
    "first": first,
    "last": last,
    "linear": linear,
    "markov": markov,
    "shapley": shapley,
}


def shares(credit: Credit) -> Credit | None:
    """Return credit as shares of its sum; None if that is not positive."""
    total = float(credit.sum())
    return credit / total if total > 0 else None


def _equally(tally: Tally, n_touchpoints: int, by_value: bool) -> Credit:
    weights = _weights(tally, by_value) / tally.by
    return _added(tally, tally.converted == 1, weights, n_touchpoints)


def _weights(tally: Tally, by_value: bool) -> FloatArray:
    return tally.value if by_value else tally.n.astype(float)


def _added(tally: Tally, chosen: np.ndarray, weights: np.ndarray, n_touchpoints: int) -> FloatArray:
    sums = np.bincount(tally.code[chosen], weights=weights[chosen], minlength=n_touchpoints)
    return sums.astype(float)
