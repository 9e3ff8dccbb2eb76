"""Distributed-lag model of signed margin: fixed-effects Poisson for gains and for losses.

Margin is signed, so the positive and the negative amounts of transactions are modelled apart, each
by a Poisson model with entity and period effects on lagged counts (`fit_poisson`). Behaviours with
an effect get a nonlinear response (`fit_nonlinear_response`). The net effect at a lag is the effect
on gains less the effect on losses, in currency.

`decay_profiles` projects the lag profiles on decaying ones, and `window_effect` cumulates them over
the outcome window.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array
from engagement_ml.drivers.estimation.clusters import cluster_sums
from engagement_ml.drivers.estimation.decay_profiles import max_z
from engagement_ml.drivers.estimation.distributed_lags import Lags, lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.nonlinear_response import fit_nonlinear_response
from engagement_ml.drivers.estimation.nonlinear_state import LaggedPanel
from engagement_ml.drivers.estimation.response_functions import SaturatingResponse
from engagement_ml.features.period_panel import Periods

WINSOR_SHARE = 0.002
"""Share of the positive amounts per period that are cut, to the amount at that rank."""

MIN_AMOUNT_SHARE = 0.002
"""Share of all amounts that gains, or losses, must exceed to be modelled."""

MIN_NONLINEAR_Z = 1.5
"""|z| of a behaviour's log-linear effect from which its response is modelled as nonlinear.

Low, because the most active entities can hide the effect of a log-linear response.
"""

TENURE_BOUNDS = ((0, 2), (2, 4), (4, 8), (8, 16))
"""Half-open intervals of periods since entry with a dummy for newcomers."""


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
    """Mark the cells of the estimation sample, shape (n, T).

    The entity has entered and not left, transactions are on record, and for an entity without a
    known entry the burn-in is over.
    """
    t = np.arange(periods.gain.shape[1])[None, :]
    entry = periods.entry[:, None]
    first = np.maximum(np.where(entry > 0, entry, burn_in), periods.paid_from)
    return (t >= first) & (t < periods.exit[:, None])


def tenure_dummies(periods: Periods) -> Float32Array:
    """Return dummies of the first periods after a known entry, shape (n, T, up to 4).

    Dummies that are zero everywhere are left out.
    """
    tenure = np.arange(periods.gain.shape[1])[None, :] - periods.entry[:, None]
    newcomer = (periods.entry > 0)[:, None]
    dummies = [newcomer & (tenure >= a) & (tenure < b) for a, b in TENURE_BOUNDS]
    columns = [dummy for dummy in dummies if dummy.any()]
    if not columns:
        return np.zeros((*tenure.shape, 0), np.float32)
    return np.stack(columns, axis=-1).astype(np.float32)


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
    without_same_period: tuple[str, ...] = (),
) -> LagEffects:
    """Estimate net effects in currency by behaviour and lag, from gains and from losses.

    Parameters
    ----------
    periods : Periods
    behaviours : tuple of str
        Fitted together, so that each effect is conditional on the other behaviours.
    lags : Lags
    burn_in : int
        First periods of the record, used as past only.
    controls : float32 array (n, T, C), optional
        Further regressors.
    leads : tuple of int
        Ends of groups of leads, in periods ahead and ascending; each group starts after the one
        before. They join each profile as its first groups.
    group : int array (n,), optional
        Entities of a group share period effects.
    nonlinear : bool, default False
        Model nonlinear responses of behaviours with an effect (`fit_nonlinear_response`). Without
        it, all responses are log-linear. That is enough to detect an effect but underestimates its
        size. Ignored with leads.
    without_same_period : tuple of str
        Behaviours whose count in the same period is left out: orders of the period cause it.

    Returns
    -------
    LagEffects
        Amounts are winsorised for the fit; effects are in currency at the raw mean.
    """
    panel = _lagged_panel(periods, behaviours, lags, leads, controls, burn_in, group)
    panel.x[:, :, [behaviours.index(b) for b in without_same_period], len(leads)] = 0.0
    n, _, n_behaviours, n_groups = panel.x.shape
    cells = panel.at_risk
    gain_total = periods.gain[cells].sum()
    loss_total = periods.loss[cells].sum()
    net = _NetEffects.zeros(n, n_behaviours, n_groups)
    for sign, amount, total in ((1.0, periods.gain, gain_total), (-1.0, periods.loss, loss_total)):
        if total <= MIN_AMOUNT_SHARE * (gain_total + loss_total):
            continue
        part = _fit_amount(panel, amount, lags, nonlinear and not leads)
        net.add(part, amount, sign, total, cells)
    same_period = len(leads)
    columns = [g for g in range(n_groups) if g != same_period]
    losses = net.losses
    return LagEffects(
        behaviours,
        lags,
        net.coef[:, columns],
        net.influence[..., columns],
        net.coef[:, same_period],
        cluster_sums(net.sampling, periods.clusters)[..., columns],
        {behaviours[b]: response for b, response in net.responses.items()},
        None if losses is None else (losses[0][:, columns], losses[1][..., columns]),
        float(loss_total / max(gain_total, 1e-300)),
        net.converged,
        net.influence[..., same_period],
        {behaviours[b]: response for b, response in net.loss_responses.items()},
    )


def _lagged_panel(
    periods: Periods,
    behaviours: tuple[str, ...],
    lags: Lags,
    leads: tuple[int, ...],
    controls: Float32Array | None,
    burn_in: int,
    group: Int64Array | None,
) -> LaggedPanel:
    """Return leads, counts of the same period and lags, with controls; y is still zero."""
    behaviour_at = [periods.behaviours.index(b) for b in behaviours]
    lead_groups = tuple((-last, -first - 1) for first, last in pairwise((0, *leads)))
    groups = (*lead_groups, (0, 0), *lags.groups)
    x = lagged_sums(periods.counts[..., behaviour_at], groups, periods.entry)
    columns = [tenure_dummies(periods)] + ([controls] if controls is not None else [])
    cells = estimation_sample(periods, burn_in)
    return LaggedPanel(
        np.zeros(cells.shape), x, np.concatenate(columns, axis=2), cells, group, periods.clusters
    )


@dataclass(frozen=True)
class _AmountFit:
    """Effects on gains or on losses, as shares of their mean.

    Attributes
    ----------
    y : array (n, T)
        The winsorised amounts.
    coef, influence : arrays (B, G), (n, B, G)
    entity_effects : dict of position to array (n, G)
        Of nonlinear responses: effect on the entity's own sum of y.
    responses : dict of position to SaturatingResponse
    """

    y: FloatArray
    coef: FloatArray
    influence: FloatArray
    entity_effects: dict[int, FloatArray] = field(default_factory=dict)
    responses: dict[int, SaturatingResponse] = field(default_factory=dict)
    converged: bool = True


def _fit_amount(panel: LaggedPanel, amount: FloatArray, lags: Lags, nonlinear: bool) -> _AmountFit:
    """Fit amounts of one sign: log-linear, then nonlinear for behaviours with an effect."""
    n, n_periods, n_behaviours, n_groups = panel.x.shape
    size = n_behaviours * n_groups
    design = np.concatenate([panel.x.reshape(n, n_periods, -1), panel.controls], axis=2)
    y = winsorise(np.where(panel.at_risk, amount, 0.0))
    log_linear = fit_poisson(y, design, panel.at_risk, panel.group, panel.clusters)
    coef = log_linear.coef[:size].reshape(n_behaviours, n_groups)
    influence = log_linear.influence[:, :size].reshape(n, n_behaviours, n_groups)
    candidates = _behaviours_with_effect(coef, influence, lags) if nonlinear else []
    if not candidates:
        return _AmountFit(y, coef, influence, converged=log_linear.converged)
    fit = fit_nonlinear_response(replace(panel, y=y), log_linear, candidates)
    if not fit.converged:
        return _AmountFit(y, coef, influence, converged=log_linear.converged)
    return _AmountFit(y, fit.coef, fit.influence, fit.entity_effects, fit.responses)


def _behaviours_with_effect(coef: FloatArray, influence: FloatArray, lags: Lags) -> list[int]:
    """Return positions of behaviours whose effect reaches `MIN_NONLINEAR_Z`, lag 0 left out."""
    positions = []
    for b in range(coef.shape[0]):
        lag_influence = influence[:, b, 1:]
        covariance = lag_influence.T @ lag_influence
        if abs(max_z(coef[b, 1:], covariance, lags)) >= MIN_NONLINEAR_Z:
            positions.append(b)
    return positions


@dataclass
class _NetEffects:
    """Sum of the effects on gains and on losses, in currency per event and period."""

    coef: FloatArray
    influence: FloatArray
    sampling: FloatArray
    losses: tuple[FloatArray, FloatArray] | None = None
    responses: dict[int, SaturatingResponse] = field(default_factory=dict)
    converged: bool = True
    loss_responses: dict[int, SaturatingResponse] = field(default_factory=dict)

    @classmethod
    def zeros(cls, n: int, n_behaviours: int, n_groups: int) -> _NetEffects:
        """Return zero effects of a panel's shape."""
        coef = np.zeros((n_behaviours, n_groups))
        influence = np.zeros((n, n_behaviours, n_groups))
        return cls(coef, influence, np.zeros((n, n_behaviours, n_groups)))

    def add(
        self, fit: _AmountFit, amount: FloatArray, sign: float, total: float, cells: BoolArray
    ) -> None:
        """Add the effects on amounts of one sign, at their mean per cell."""
        n_cells = max(int(cells.sum()), 1)
        self.converged = self.converged and fit.converged
        level = sign * total / n_cells
        coef, influence = level * fit.coef, level * fit.influence
        # Lag 0 is the first group; the index of the response is over the lags.
        responses = {
            b: replace(response, index_coef=response.index_coef[1:])
            for b, response in fit.responses.items()
        }
        if sign > 0:
            self.responses = responses
        else:
            self.loss_responses = responses
            if self.influence.any():
                # Separate profiles of gains and losses need both.
                self.losses = (coef, influence)
        self.coef += coef
        self.influence += influence
        # Sampling influence: each entity's effect less the mean effect on as many cells.
        entity_total = np.where(cells, amount, 0.0).sum(axis=1)
        entity_effect = entity_total[:, None, None] * fit.coef
        for b, sums in fit.entity_effects.items():
            entity_effect[:, b] = sums * (total / max(float(fit.y.sum()), 1e-300))
        expected = cells.sum(axis=1)[:, None, None] * abs(level) * fit.coef
        self.sampling += sign * (entity_effect - expected) / n_cells
