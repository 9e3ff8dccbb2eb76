"""What one more event of a behaviour does to the entity's own later margin.

Margin is signed, so it is taken apart: what transactions gain and what they lose, each fitted by a
Poisson model with entity and period effects on lagged counts (`fit_poisson`). The lag profile of
either is then kept to what an event can do — act, soon or late, and fade, without turning its
sign — by a weighted least squares projection (`DecayProfile`), and both are summed up with each
lag's weight.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.decay_profiles import max_z
from engagement_ml.drivers.estimation.distributed_lags import Lags, lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.nonlinear_response import fit_nonlinear_response
from engagement_ml.drivers.estimation.response_functions import SaturatingResponse
from engagement_ml.features.period_panel import Periods

WINSOR_SHARE = 0.002
"""Share of the positive amounts per period that are cut, to the amount at that rank."""

_RELEVANT_LOSS = 0.002
_ACTING_Z = 1.5  # those who do most can hide an effect while its response may not bend


def winsorise(values: FloatArray, share: float = WINSOR_SHARE) -> FloatArray:
    """Cut the largest positive amounts to the quantile at `share` from the top.

    Examples
    --------
    >>> winsorise(np.array([0.0, 1, 2, 3, 1000]), share=0.3).max() < 1000
    np.True_
    """
    positive = values[values > 0]
    if positive.size == 0:
        return values
    return np.minimum(values, np.quantile(positive, 1.0 - share))


def estimation_sample(periods: Periods, burn_in: int) -> BoolArray:
    """Mark the cells in which an entity is at risk, and margin and some of its past are known."""
    t = np.arange(periods.gain.shape[1])[None, :]
    entry = periods.entry[:, None]
    first = np.maximum(np.where(entry > 0, entry, burn_in), periods.paid_from)
    return (t >= first) & (t < periods.exit[:, None])


def tenure_dummies(periods: Periods) -> Float32Array:
    """Return indicators of the first periods after an entry: newcomers differ for a while."""
    since = np.arange(periods.gain.shape[1])[None, :] - periods.entry[:, None]
    newcomer = (periods.entry > 0)[:, None]
    bounds = ((0, 2), (2, 4), (4, 8), (8, 16))
    steps = [newcomer & (since >= a) & (since < b) for a, b in bounds]
    kept = [s for s in steps if s.any()]
    shape = (*since.shape, len(kept))
    return np.stack(kept, axis=-1).astype(np.float32) if kept else np.zeros(shape, np.float32)


def estimate_lag_effects(
    periods: Periods,
    behaviours: tuple[str, ...],
    lags: Lags,
    *,
    burn_in: int,
    controls: Float32Array | None = None,
    leads: tuple[int, ...] = (),
    group: Int64Array | None = None,
    nonlinear: bool = False,
) -> LagEffects:
    """Fit gains and losses on lagged counts and join them into net effects in currency.

    Parameters
    ----------
    periods : Periods
    behaviours : tuple of str
        Fitted together, so each effect is direct: what is left given the others.
    lags : Lags
    burn_in : int
        Periods at the start of the record that are only used as past.
    controls : float32 array (n, T, C), optional
        Further regressors.
    leads : tuple of int
        Sums over the periods ahead up to each of these, from the one before on, join each profile
        as its first groups.
    group : int array (n,), optional
        Entities of a group share period effects.
    nonlinear : bool, default False
        Let the responses of behaviours that act bend (`fit_nonlinear_response`); without it all are
        log-linear, enough to see whether there is an effect, and short of its size.

    Returns
    -------
    LagEffects
        Amounts are winsorised for fitting; currency is at the raw mean.
    """
    columns = [periods.behaviours.index(b) for b in behaviours]
    ahead = tuple((-last, -first - 1) for first, last in pairwise((0, *leads)))
    groups = (*ahead, (0, 0), *lags.groups)
    x = lagged_sums(periods.counts[..., columns], groups, periods.entry)
    n, n_periods, n_behaviours, n_groups = x.shape
    extra = [tenure_dummies(periods)] + ([controls] if controls is not None else [])
    design = np.concatenate([x.reshape(n, n_periods, -1), *extra], axis=2)
    cells = estimation_sample(periods, burn_in)
    coef = np.zeros((n_behaviours, n_groups))
    influence = np.zeros((n, n_behaviours, n_groups))
    sampling = np.zeros((n, n_behaviours, n_groups))
    losses = None
    n_cells = max(int(cells.sum()), 1)
    bends: dict[str, SaturatingResponse] = {}
    gain_total = periods.gain[cells].sum()
    loss_total = periods.loss[cells].sum()
    size = n_behaviours * n_groups
    for sign, amount, total in ((1.0, periods.gain, gain_total), (-1.0, periods.loss, loss_total)):
        if total <= _RELEVANT_LOSS * (gain_total + loss_total):
            continue
        y = winsorise(np.where(cells, amount, 0.0))
        fit = fit_poisson(y, design, cells, group)
        level = sign * total / n_cells
        bent_sums: dict[int, FloatArray] = {}
        part = fit.coef[:size].reshape(n_behaviours, n_groups)
        share = fit.influence[:, :size].reshape(n, n_behaviours, n_groups)
        acting = _acting(part, share, lags) if nonlinear and not leads else []
        if acting:
            bent = fit_nonlinear_response(
                y, x, np.concatenate(extra, axis=2), cells, group, fit, acting
            )
            part, share, bent_sums = bent.coef, bent.influence, bent.own
            if sign > 0:
                bends = {
                    behaviours[b]: replace(e, index_coef=e.index_coef[1:])
                    for b, e in bent.response_functions.items()
                }
        own_coef, own_influence = level * part, level * share
        if sign < 0 and influence.any():
            losses = (own_coef, own_influence)
        coef += own_coef
        influence += own_influence
        there = np.where(cells, amount, 0.0).sum(axis=1)
        own = there[:, None, None] * part
        for b, sums in bent_sums.items():
            own[:, b] = sums * (total / max(float(y.sum()), 1e-300))
        sampling += sign * (own - cells.sum(axis=1)[:, None, None] * abs(level) * part) / n_cells
    now = len(leads)
    keep = [g for g in range(n_groups) if g != now]
    return LagEffects(
        behaviours,
        lags,
        coef[:, keep],
        influence[..., keep],
        coef[:, now],
        sampling[..., keep],
        bends,
        None if losses is None else (losses[0][:, keep], losses[1][..., keep]),
    )


def _acting(coef: FloatArray, influence: FloatArray, lags: Lags) -> list[int]:
    """Return the behaviours that may have an effect on this part of margin, lag 0 left out."""
    found = []
    for b in range(coef.shape[0]):
        own = influence[:, b, 1:]
        covariance = own.T @ own
        if abs(max_z(coef[b, 1:], covariance, lags)) >= _ACTING_Z:
            found.append(b)
    return found
