"""Effects on churn: discrete-time hazard on recent counts, in currency through the cost of churn.

Churn happens once, so there is no change within an entity to learn from. Instead, entities at risk
in the same period are compared. The hazard of churn depends on recent counts, and controls are the
period, tenure, the phase of the payment cycle and the latent affinity that all past behaviour
reveals (`latent_affinity`). If the long-run rate of a behaviour predicts churn beyond these, it is
a control, too, and recent events must show more than it does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, Float32Array, FloatArray, Int64Array, LagGroups
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.retention.churn_cost import (
    ChurnOutcomes,
    churn_cost_weights,
    churn_outcomes_at_cutoffs,
    payment_cycle_phase,
)
from engagement_ml.drivers.retention.common_state import CommonState
from engagement_ml.drivers.retention.discrete_hazard import (
    HazardFit,
    fit_hazard,
    logistic,
    score_test_z,
)
from engagement_ml.drivers.retention.exit_pattern import ExitPattern
from engagement_ml.drivers.retention.latent_affinity import affinity_scores, shrunk_past_rates
from engagement_ml.drivers.retention.recent_counts import recent_counts
from engagement_ml.drivers.retention.risk_set import churn_indicator, dummies, risk_set
from engagement_ml.features.period_panel import Periods

MIN_RATE_Z = 2.5
"""|z| from which a behaviour's long-run rate becomes a control; one in eighty by chance."""

TENURE_BOUNDS = ((0, 2), (2, 4), (4, 8), (8, 16), (16, 32))
"""Half-open intervals of periods since entry with a dummy for newcomers."""

MAX_FACTOR_ROWS = 100_000
"""Rows from which the common factor of recent counts is estimated."""

MIN_COEF = 1e-6
"""|coefficient| below which the relative change is linearised, against division by zero."""


def hazard_lags(spans: Spans, notice: int = 0) -> LagGroups:
    """Return groups of lags whose widths double, as long in total as the observation window.

    Parameters
    ----------
    spans : Spans
    notice : int, default 0
        Periods before churn that are left out: lags begin before them.

    Examples
    --------
    >>> hazard_lags(Spans(7, 12, 12, 0))
    ((1, 1), (2, 2), (3, 4), (5, 8), (9, 12))
    >>> hazard_lags(Spans(7, 12, 12, 0), notice=4)
    ((5, 5), (6, 6), (7, 8), (9, 12), (13, 16))
    """
    reach = spans.observation + spans.gap
    groups, first, width = [], 1, 1
    while first <= reach:
        last = min(first + width - 1, reach)
        groups.append((first + notice, last + notice))
        width = 1 if first == 1 else width * 2
        first = last + 1
    return tuple(groups)


@dataclass(frozen=True)
class HazardDesign:
    """Regressors of the hazard, one row for each cell of the risk set.

    Attributes
    ----------
    cells, churned : bool arrays (n, T)
        The risk set, and its cells in which the entity churned.
    entity : int array (N,)
        Position of each row's entity.
    sums : float32 array (N, B·G)
        Recent counts, by behaviour and group of lags.
    levels : float32 array (N, B)
        Long-run log rates before the period.
    controls : float32 array (N, ·)
        Affinity scores; dummies of period, tenure and phase of the payment cycle.
    has_affinity : bool
        Whether behaviours have enough in common to identify affinity.
    """

    cells: BoolArray
    churned: BoolArray
    entity: Int64Array
    sums: Float32Array
    levels: Float32Array
    controls: Float32Array
    has_affinity: bool

    def fit(self) -> HazardFit:
        """Fit the hazard, with the long-run rates that predict churn beyond all else as controls.

        All rates are controls if affinity is not identified.
        """
        event, n = self.churned[self.cells], self.cells.shape[0]
        x = np.concatenate([self.sums, self.controls], axis=1)
        added = np.ones(self.levels.shape[1], dtype=np.bool_)
        if self.has_affinity:
            fit = fit_hazard(event, x, self.entity, n)
            added = np.abs(score_test_z(event, x, fit, self.levels)) >= MIN_RATE_Z
            if not added.any():
                return fit
        x = np.concatenate([x, self.levels[:, added]], axis=1)
        return fit_hazard(event, x, self.entity, n)


def build_hazard_design(
    periods: Periods, columns: list[int], spans: Spans, *, notice: int = 0, seed: int = 0
) -> HazardDesign:
    """Build the regressors of the hazard for the behaviours in some columns of the counts.

    Counts, long-run rates and affinity end `notice` periods before each cell: what happens after
    the decision to leave is neither evidence nor a control.
    """
    cells = risk_set(periods, spans, notice)
    churned = churn_indicator(periods) & cells
    entity, period = np.nonzero(cells)
    lags = hazard_lags(spans, notice)
    sums = recent_counts(periods, columns, lags, cells, churned, seed=seed)
    past = np.zeros_like(cells)
    past[:, : cells.shape[1] - notice] = cells[:, notice:]
    rates = shrunk_past_rates(periods, past)
    affinity = affinity_scores(rates, past)
    tenure = period - periods.entry[entity]
    newcomer = periods.entry[entity] > 0
    parts = [
        affinity[past],
        dummies(period),
        np.stack([newcomer & (tenure >= a) & (tenure < b) for a, b in TENURE_BOUNDS], axis=1),
    ]
    phase = payment_cycle_phase(periods)
    if phase is not None:
        parts.append(dummies(phase[cells]))
    return HazardDesign(
        cells=cells,
        churned=churned,
        entity=entity,
        sums=sums.reshape(entity.size, -1),
        levels=rates.log_rate[..., columns][past].astype(np.float32),
        controls=np.concatenate([part.astype(np.float32) for part in parts], axis=1),
        has_affinity=affinity.shape[2] > 0,
    )


@dataclass(frozen=True)
class ChurnFit:
    """Effects on churn with the hazard behind them.

    Attributes
    ----------
    effects : LagEffects
        Minus the relative change of the hazard, by behaviour and lag; in currency by the weights
        of its lags.
    design : HazardDesign
    fit : HazardFit
    margin : float
        Mean margin of a period at risk, weighted by the odds of churn, in currency.
    """

    effects: LagEffects
    design: HazardDesign
    fit: HazardFit
    margin: float


def fit_churn_effects(
    periods: Periods,
    behaviours: tuple[str, ...],
    spans: Spans,
    outcomes: ChurnOutcomes | None = None,
    *,
    notice: int = 0,
    seed: int = 0,
) -> ChurnFit:
    """Estimate effects on churn by behaviour and lag, in currency through the cost of churn.

    Logistic regression of churn in a period, among entities at risk, on recent counts by lag and
    the controls of `HazardDesign`. Each coefficient is converted to the average marginal effect of
    one more event on the hazard, relative to the mean hazard.

    Parameters
    ----------
    periods : Periods
    behaviours : tuple of str
        Fitted together, so that each effect is conditional on the other behaviours.
    spans : Spans
    outcomes : ChurnOutcomes, optional
        At the cutoffs over which effects are averaged; those of `periods` if absent.
    notice : int, default 0
        Periods before churn whose counts are left out.
    seed : int, default 0
        Of the reference days drawn for entities that stay.

    Returns
    -------
    ChurnFit
        With effects on the lags of `hazard_lags`, and the weights of `churn_cost_weights`. They are
        positive if the behaviour lowers churn.
    """
    columns = [periods.behaviours.index(b) for b in behaviours]
    groups = hazard_lags(spans, notice)
    design = build_hazard_design(periods, columns, spans, notice=notice, seed=seed)
    n, n_coef = periods.gain.shape[0], len(columns) * len(groups)
    fit = design.fit()
    change, per_unit = _relative_hazard_change(fit, n_coef)
    shape = (len(columns), len(groups))
    odds = np.zeros(design.cells.shape)
    odds[design.cells] = np.exp(fit.linear_predictor)
    outcomes = outcomes or churn_outcomes_at_cutoffs(periods, design.churned, spans)
    weights = churn_cost_weights(periods, design.churned, odds, spans, groups, outcomes)
    margin = periods.gain - periods.loss
    effects = LagEffects(
        behaviours,
        Lags(groups, weights),
        -change.reshape(shape),
        -(fit.influence[:, :n_coef] * per_unit).reshape(n, *shape),
        np.zeros(len(columns)),
    )
    return ChurnFit(effects, design, fit, float((odds * margin).sum() / max(odds.sum(), 1e-300)))


def without_common_state(fit: ChurnFit, pattern: ExitPattern) -> tuple[LagEffects, bool]:
    """Return the effects, corrected if leavers decline in common, and whether they are."""
    if pattern.kind != "decline":
        return fit.effects, False
    design, size = fit.design, len(fit.effects.behaviours)
    step = -(-design.entity.size // MAX_FACTOR_ROWS)
    counts = design.sums[::step].reshape(-1, size, len(fit.effects.lags.groups)).sum(axis=2)
    controls = np.concatenate([design.controls[::step], design.levels[::step]], axis=1)
    state = CommonState.from_recent_counts(counts.astype(np.float64), controls.astype(np.float64))
    return (fit.effects, False) if state is None else (state.remove_from(fit.effects), True)


def _relative_hazard_change(fit: HazardFit, n_coef: int) -> tuple[FloatArray, FloatArray]:
    """Return the mean change of the hazard by one more event over its mean, and per coefficient.

    The second converts influence functions of coefficients to those of the relative change.
    """
    hazard = fit.probability
    mean = max(float(hazard.mean()), 1e-300) if hazard.size else 1.0
    slope = float((hazard * (1.0 - hazard)).mean()) / mean if hazard.size else 1.0
    coef = fit.coef[:n_coef]
    change = np.array([(logistic(fit.linear_predictor + b) - hazard).mean() / mean for b in coef])
    is_small = np.abs(coef) < MIN_COEF
    per_unit = np.where(is_small, slope, change / np.where(is_small, 1.0, coef))
    return change, per_unit
