"""Effects on churn: discrete-time hazard on recent counts, in currency through the cost of churn.

Churn happens once, so there is no change within an entity to learn from. Instead, entities at risk
in the same period are compared. The hazard of churn depends on recent counts, and controls are the
period, tenure, the phase of the payment cycle and the latent affinity that all past behaviour
reveals (`latent_affinity`). If the long-run rate of a behaviour predicts churn beyond these, it is
a control, too, and recent events must show more than it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.retention.churn_cost import (
    ChurnOutcomes,
    churn_cost_weights,
    churn_outcomes_at_cutoffs,
)
from engagement_ml.drivers.retention.common_state import CommonState
from engagement_ml.drivers.retention.discrete_hazard import (
    HazardFit,
    logistic,
)
from engagement_ml.drivers.retention.exit_pattern import ExitPattern
from engagement_ml.drivers.retention.hazard_design import (
    HazardDesign,
    build_hazard_design,
    hazard_lags,
)
from engagement_ml.drivers.retention.notice_lags import every_lag, with_undecided
from engagement_ml.features.period_panel import Periods

MAX_FACTOR_ROWS = 100_000
"""Rows from which the common factor of recent counts is estimated."""

MIN_COEF = 1e-6
"""|coefficient| below which the relative change is linearised, against division by zero."""


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
    rates : bool array (B,)
        Long-run rates that are controls.
    margin : float
        Mean margin of a period at risk, weighted by the odds of churn, in currency.
    seen_weights : array (G,)
        Weights of the lags without those of the notice period, in currency.
    """

    effects: LagEffects
    design: HazardDesign
    fit: HazardFit
    rates: BoolArray
    margin: float
    seen_weights: FloatArray


def fit_churn_effects(
    periods: Periods,
    behaviours: tuple[str, ...],
    spans: Spans,
    outcomes: ChurnOutcomes | None = None,
    *,
    undecided: Sequence[float] = (),
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
    undecided : sequence of float, default ()
        Share of leavers who had not decided yet, at each lag of the notice period before churn
        whose counts are left out.
    seed : int, default 0
        Of the reference days drawn for entities that stay.

    Returns
    -------
    ChurnFit
        With effects on the lags of `hazard_lags`, and the weights of `churn_cost_weights`. They are
        positive if the behaviour lowers churn.
    """
    columns = [periods.behaviours.index(b) for b in behaviours]
    notice = len(undecided)
    groups = hazard_lags(spans, notice)
    design = build_hazard_design(periods, columns, spans, notice=notice, seed=seed)
    n, n_coef = periods.gain.shape[0], len(columns) * len(groups)
    fit, rates = design.fit()
    change, per_unit = _relative_hazard_change(fit, n_coef)
    shape = (len(columns), len(groups))
    odds = np.zeros(design.cells.shape)
    odds[design.cells] = np.exp(fit.linear_predictor)
    outcomes = outcomes or churn_outcomes_at_cutoffs(periods, design.churned, spans)
    by_lag = churn_cost_weights(
        periods, design.churned, odds, spans, every_lag(groups, notice), outcomes
    )
    margin = periods.gain - periods.loss
    effects = LagEffects(
        behaviours,
        Lags(groups, with_undecided(by_lag, undecided)),
        -change.reshape(shape),
        -(fit.influence[:, :n_coef] * per_unit).reshape(n, *shape),
        np.zeros(len(columns)),
    )
    mean_margin = float((odds * margin).sum() / max(odds.sum(), 1e-300))
    return ChurnFit(effects, design, fit, rates, mean_margin, by_lag[notice:])


def without_common_state(fit: ChurnFit, pattern: ExitPattern) -> tuple[LagEffects, bool]:
    """Return the effects, corrected if leavers decline in common, and whether they are."""
    if pattern.kind != "decline":
        return fit.effects, False
    design = fit.design
    step = -(-design.entity.size // MAX_FACTOR_ROWS)
    counts = design.window_counts[::step]
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
