"""Defences of an interaction: it must hold in both halves, and exceed what precedes the pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.evidence import PairRow
from engagement_ml.drivers.selection.sample_splitting import first_half
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.drivers.validation.pair_products import centred_counts, demeaned

UNVERIFIABLE = "unverifiable"
HALVES = "it does not hold in each random half of the customers"
BEFORE = "margin differed before both behaviours as well, so that a hidden cause may be behind it"
PREPARING = "margin was lower before both behaviours: they may prepare a purchase that comes anyway"


def with_defences(
    study: Study,
    rolling: RollingCounts,
    rows: Sequence[PairRow],
    influences: Sequence[FloatArray],
    estimates: Sequence[float],
    found: Sequence[bool],
) -> tuple[PairRow, ...]:
    """Return the rows; those that were found and that a check objects to are unverifiable.

    Parameters
    ----------
    study : Study
    rolling : RollingCounts
    rows : sequence of PairRow
    influences : sequence of array (n,)
        Influence functions of the interactions, per entity.
    estimates : sequence of float
    found : sequence of bool
        Which rows are to be checked.
    """
    first = first_half(len(rolling.gain), study.seed)
    checked = []
    for row, influence, estimate, significant in zip(
        rows, influences, estimates, found, strict=True
    ):
        reason = ""
        if significant:
            reason = _halves(influence, estimate, first, study.thresholds)
            reason = reason or _leads(study, rolling, (row.first, row.second))
        checked.append(replace(row, verdict=UNVERIFIABLE, reason=reason) if reason else row)
    return tuple(checked)


def _halves(
    influence: FloatArray, estimate: float, first: BoolArray, thresholds: Thresholds
) -> str:
    """Return an objection unless each half of the customers has the interaction."""
    for members in (first, ~first):
        share = max(float(members.mean()), 1e-9)
        of_half = influence[members] / share
        error = float(np.linalg.norm(of_half))
        moved = estimate + float(of_half.sum() - influence.sum())
        z = moved / error if error > 0 else 0.0
        if np.sign(estimate) * z < thresholds.min_half_z:
            return HALVES
    return ""


def _leads(study: Study, rolling: RollingCounts, pair: tuple[str, str]) -> str:
    """Return an objection if the product of later counts is correlated with margin before them.

    The product of the counts of the next periods, as many as an observation window has, or a third
    of the record, stands beside that of the periods before, each in its standard deviations. What
    follows must exceed twice what precedes, and exceed it by `min_lead_z`.
    """
    periods, thresholds = study.periods, study.thresholds
    columns = [periods.behaviours.index(b) for b in rolling.behaviours]
    n_periods = rolling.cells.shape[1]
    leads = max(1, min(study.spans.observation, n_periods // 3))
    ahead = lagged_sums(periods.counts[..., columns], ((-leads, -1),), periods.entry)[..., 0]
    cells = rolling.cells.copy()
    cells[:, n_periods - leads :] = False
    if not cells.any():
        return BEFORE
    products = [_product(rolling.counts, pair, rolling), _product(ahead, pair, rolling)]
    scale = [float(product[cells].std()) or 1.0 for product in products]
    squares = [np.square(each) for each in centred_counts(rolling, pair).values()]
    squares += [
        np.square(demeaned(ahead[..., rolling.behaviours.index(b)], rolling.cells)) for b in pair
    ]
    design = np.concatenate(
        [
            np.stack([p / s for p, s in zip(products, scale, strict=True)] + squares, axis=2),
            rolling.counts,
            ahead,
            rolling.controls,
        ],
        axis=2,
        dtype=np.float32,
    )
    fit = fit_poisson(rolling.gain, design, cells, clusters=rolling.clusters)
    fit.require_convergence()
    sign = np.sign(fit.coef[0])
    after, before = fit.coef[:2] * sign
    signed = fit.influence[:, :2] * sign

    def z(of_after: float, of_before: float) -> float:
        error = float(np.linalg.norm(of_after * signed[:, 0] + of_before * signed[:, 1]))
        return float(of_after * after + of_before * before) / error if error > 0 else 0.0

    if z(1.0, -1.0) < thresholds.min_lead_z or z(1.0, -2.0) < thresholds.min_lead_excess:
        return BEFORE
    if before <= -thresholds.preparing_share * after and z(0.0, 1.0) <= -thresholds.preparing_z:
        return PREPARING
    return ""


def _product(counts: Float32Array, pair: tuple[str, str], rolling: RollingCounts) -> Float32Array:
    a, b = (demeaned(counts[..., rolling.behaviours.index(name)], rolling.cells) for name in pair)
    return np.asarray(a * b, dtype=np.float32)
