"""Robustness checks of effects on the first purchase that pass the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import Float32Array, FloatArray
from engagement_ml.drivers.estimation.window_effect import WindowEffect
from engagement_ml.drivers.retention.discrete_hazard import fit_hazard, score_test_z
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.outcomes.first_purchase.effects import FirstPurchaseFit
from engagement_ml.outcomes.first_purchase.finding import FailedCheck
from engagement_ml.outcomes.first_purchase.prospects import Prospects
from engagement_ml.outcomes.first_purchase.rows import RiskRows, cumulative

SWAP_WIDTH = 14
"""Prospects who came within as many days of each other are alike."""

Z_LATE = 2.0
"""Standard errors by which a late effect must be too small to have ended."""


@dataclass(frozen=True)
class Check:
    """What the checks read."""

    prospects: Prospects
    rows: RiskRows
    evidence: FirstPurchaseFit
    names: Sequence[str]
    within: Mapping[str, WindowEffect]
    n_close: int
    thresholds: Thresholds
    seed: int

    def size(self, b: str) -> Float32Array:
        """Return counts weighted by the lag profile of b, whose mean weight is 1, shape (N,)."""
        counts = self.rows.counts[:, self.names.index(b), self.n_close :]
        return np.asarray(counts @ self.profile(b), dtype=np.float32)

    def profile(self, b: str) -> FloatArray:
        """Return the lag profile, scaled to a largest weight of 1."""
        profile = self.within[b].profile
        largest = np.abs(profile).max(initial=0.0)
        return profile / largest if largest > 0 else np.ones_like(profile)


def checks(
    check: Check, passing: Sequence[str], controls: Sequence[str]
) -> dict[str, list[FailedCheck]]:
    """Return the checks that object to each behaviour that passes."""
    failed: dict[str, list[FailedCheck]] = {b: [] for b in passing}
    strongest = max((abs(check.within[b].z) for b in controls), default=0.0)
    ratio = check.thresholds.negative_control_ratio
    for b in passing:
        z = abs(check.within[b].z)
        if z <= _placebo(check, b):
            failed[b].append("placebo series")
        if strongest >= check.thresholds.min_z and z < ratio * strongest:
            failed[b].append("negative controls")
        failed[b] += _refits(check, b)
    return failed


def _placebo(check: Check, b: str) -> float:
    """Return the quantile of |z| of series of like prospects in place of their own."""
    rows, prospects, thresholds = check.rows, check.prospects, check.thresholds
    total = cumulative(prospects, prospects.behaviours.index(b))
    rng = np.random.default_rng([check.seed, 14, check.names.index(b)])
    alike = prospects.entry // SWAP_WIDTH
    profile = check.profile(b)
    added = np.zeros((rows.entity.size, thresholds.placebo_draws), dtype=np.float32)
    for k in range(thresholds.placebo_draws):
        other = _swapped(alike, rng)[rows.entity]
        for g, (first, last) in enumerate(rows.groups[check.n_close :]):
            stop = total[other, np.maximum(rows.day - first + 1, 0)]
            added[:, k] += profile[g] * (stop - total[other, np.maximum(rows.day - last, 0)])
    z = score_test_z(rows.event, check.evidence.x, check.evidence.fit, added)
    return float(np.quantile(np.abs(z), thresholds.placebo_quantile))


def _swapped(alike: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return another member of each one's class, in a random cycle."""
    order = np.lexsort((rng.random(alike.size), alike))
    ends = np.flatnonzero(np.append(alike[order][1:] != alike[order][:-1], True)) + 1
    starts = np.concatenate([[0], ends[:-1]])
    following = np.arange(1, alike.size + 1)
    following[ends - 1] = starts
    other = np.empty(alike.size, dtype=np.int64)
    other[order] = order[following]
    return other


def _refits(check: Check, b: str) -> list[FailedCheck]:
    """Refit with other controls, apart early and late, and with events of long before."""
    rows, names, thresholds = check.rows, check.names, check.thresholds
    place = names.index(b)
    own, sign = check.size(b), np.sign(check.within[b].z)
    others = [i for i in range(len(names)) if i != place]
    window = rows.window(slice(check.n_close, None)).astype(np.float32)
    shapes = np.concatenate([np.log1p(window[:, others]), np.minimum(window[:, others], 1)], axis=1)
    late = (rows.day > np.median(rows.day[rows.event])).astype(np.float32)
    failed: list[FailedCheck] = []
    z, _ = _of_added(check, place, own, shapes)
    z_now, _ = _of_added(check, place, own, shapes[:, :0])
    if sign * z < max(thresholds.lost_min_z, thresholds.lost_share * sign * z_now):
        failed.append("flexible controls")
    coef, error = _two(check, place, own * (1 - late), own * late)
    whole = float(np.mean(coef))
    if sign * coef[1] + Z_LATE * error[1] < thresholds.min_share_left * sign * whole or (
        sign * coef[0] + Z_LATE * error[0] < 0
    ):
        failed.append("persistence")
    coef, error = _two(check, place, own, rows.older[:, place])
    if sign * coef[1] / max(error[1], 1e-12) >= thresholds.min_half_z and (
        sign * (coef[0] - coef[1]) < thresholds.min_lead_z * np.hypot(*error)
    ):
        failed.append("long before")
    return failed


def _of_added(
    check: Check, place: int, own: Float32Array, extra: Float32Array
) -> tuple[float, float]:
    """Return z and coefficient of b's own weighted count beside the others and extra columns."""
    coef, error = _fitted(check, place, own[:, None], extra)
    return float(coef[0] / max(error[0], 1e-12)), float(coef[0])


def _two(
    check: Check, place: int, first: Float32Array, second: Float32Array
) -> tuple[FloatArray, FloatArray]:
    """Return the coefficients of two columns in place of b's terms, and their errors."""
    columns = np.stack([first, second], axis=1)
    return _fitted(check, place, columns, columns[:, :0])


def _fitted(
    check: Check, place: int, own: Float32Array, extra: Float32Array
) -> tuple[FloatArray, FloatArray]:
    """Fit own columns beside extra ones, given all else as the evidence has fitted it.

    All else is one column, its linear predictor, so that a check costs little.
    """
    rows, evidence = check.rows, check.evidence
    terms = evidence.terms.of_behaviour(place)
    else_ = evidence.fit.linear_predictor - evidence.x[:, terms] @ evidence.fit.coef[terms]
    x = np.concatenate([own, else_[:, None], extra], axis=1, dtype=np.float32)
    fit = fit_hazard(rows.event, x, rows.entity, rows.n_entities)
    last = slice(0, own.shape[1])
    return fit.coef[last], np.linalg.norm(fit.influence[:, last], axis=0)
