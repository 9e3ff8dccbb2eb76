"""Turning responses by segment: the optimum of each value, if responses differ significantly."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engagement_ml._typing import AnyArray, FloatArray
from engagement_ml.drivers.estimation.load_response import powers
from engagement_ml.drivers.estimation.turning import SegmentTurning
from engagement_ml.drivers.estimation.turning_response import (
    QUADRATIC,
    SUPPORT_QUANTILES,
    TurningSearch,
)
from engagement_ml.drivers.estimation.turning_test import MAX_QUANTILE, TurningTest
from engagement_ml.drivers.estimation.window_effect import NORMAL_95
from engagement_ml.drivers.multiple_testing import holm
from engagement_ml.drivers.thresholds import Thresholds


def turning_by_segment(
    search: TurningSearch,
    test: TurningTest,
    segments: Mapping[str, AnyArray],
    thresholds: Thresholds,
) -> tuple[SegmentTurning, ...]:
    """Return the optimum in each value of the segments whose responses differ.

    A quadratic curve of gains is fitted to the customers of each value. Whether the curves differ
    is tested two-sided by Cochran's Q of their coefficients, Holm-adjusted over the columns.

    Parameters
    ----------
    search : TurningSearch
    test : TurningTest
    segments : mapping of column to array (n,)
        ``""`` is left out, as are values with fewer than ``min_segment`` customers.
    thresholds : Thresholds

    Returns
    -------
    tuple of SegmentTurning
        Empty if no segment is configured, or none differs.
    """
    panel = search.panel(test.behaviour, test.memory)
    load = panel.load(test.memory)
    gain = search.amount(search.periods.gain, panel.cells)
    terms = powers(load, QUADRATIC)
    columns: dict[str, list[SegmentTurning]] = {}
    p_values: dict[str, float] = {}
    per_load = search.spans.observation / test.memory
    for column, labels in segments.items():
        coefs, covariances, rows = [], [], []
        for value in sorted(set(labels.tolist()) - {""}):
            members = labels == value
            if members.sum() < thresholds.min_segment:
                continue
            fit = panel.fit(gain, terms, members)
            if not fit.fit.converged or not fit.std_error.all():
                continue
            covariance = fit.influence.T @ fit.influence
            coefs.append(fit.coef)
            covariances.append(covariance)
            inside = load[members][panel.cells[members]]
            n = int(members.sum())
            rows.append(_row(column, value, fit.coef, covariance, inside, per_load, n))
        if len(rows) > 1:
            columns[column] = rows
            p_values[column] = cochran_q(coefs, covariances)
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    differing = [c for c, p in adjusted.items() if p < thresholds.turning_segment_p_value]
    return tuple(
        row for column in sorted(differing, key=lambda c: p_values[c]) for row in columns[column]
    )


def _row(
    column: str,
    value: str,
    coef: FloatArray,
    covariance: FloatArray,
    loads: FloatArray,
    per_load: float,
    n: int,
) -> SegmentTurning:
    """Return a value's optimum with its interval by the delta method, and its break-even."""
    slope, bend = coef
    optimum = -slope / (2 * bend) if bend else np.inf
    low, high = np.quantile(loads, SUPPORT_QUANTILES)
    if bend >= 0 or not low < optimum < high:
        return SegmentTurning(column, value, None, None, None, None, n)
    jacobian = np.array([-1 / (2 * bend), slope / (2 * bend**2)])
    margin = NORMAL_95 * float(np.sqrt(jacobian @ covariance @ jacobian))
    break_even = 2 * optimum
    within = break_even <= float(np.quantile(loads, MAX_QUANTILE))
    return SegmentTurning(
        segment=column,
        value=value,
        optimum=float(optimum * per_load),
        low=float(max(optimum - margin, 0.0) * per_load),
        high=float((optimum + margin) * per_load),
        break_even=float(break_even * per_load) if within else None,
        n=n,
    )


def cochran_q(coefs: list[FloatArray], covariances: list[FloatArray]) -> float:
    """Return the p-value of Cochran's Q (Wald) test that independent estimates are equal.

    Examples
    --------
    >>> equal = [np.array([1.0, 2.0]), np.array([1.0, 2.0])]
    >>> cochran_q(equal, [np.eye(2), np.eye(2)])
    1.0
    """
    from scipy.stats import chi2

    precisions = [np.linalg.pinv(covariance) for covariance in covariances]
    pooled = np.linalg.solve(
        np.sum(precisions, axis=0),
        np.sum([w @ b for w, b in zip(precisions, coefs, strict=True)], axis=0),
    )
    statistic = sum(
        float((b - pooled) @ w @ (b - pooled)) for w, b in zip(precisions, coefs, strict=True)
    )
    return float(chi2.sf(statistic, (len(coefs) - 1) * len(pooled)))
