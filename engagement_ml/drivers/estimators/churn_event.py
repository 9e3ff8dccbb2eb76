"""Effects on churn, if an event ends a customer's margin: discrete-time hazard."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engagement_ml.drivers.decision import Candidates, Selection, select_drivers
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.window_effect import (
    WindowEffect,
    add_model_uncertainty,
    estimate_window_effect,
)
from engagement_ml.drivers.estimators.base import Estimates, RetentionEstimates, with_model_error
from engagement_ml.drivers.preconditions import Obstacle, churn_obstacle
from engagement_ml.drivers.retention.churn_cost import ChurnOutcomes
from engagement_ml.drivers.retention.churn_effects import (
    ChurnFit,
    fit_churn_effects,
    without_common_state,
)
from engagement_ml.drivers.retention.exit_pattern import exit_pattern
from engagement_ml.drivers.retention.lifetime import retention_effects
from engagement_ml.drivers.selection.stability_selection import half_strengths
from engagement_ml.drivers.study import Study
from engagement_ml.features.rfm import TENURE

UNSEEN_ERROR = 0.5
"""Standard error of the part of an effect that lies in the notice period, as a share of it."""


@dataclass(frozen=True)
class ChurnEventEstimator:
    """Effects on margin through churn: recent events, given affinity and tenure."""

    within_periods: bool = False

    def obstacle(self, study: Study) -> Obstacle | None:
        """Return why effects on churn are not identified, or None."""
        return churn_obstacle(study.periods, study.spans, study.thresholds)

    def estimate(self, study: Study) -> Estimates:
        """Estimate every behaviour's effect on margin through churn."""
        names, notice_days = study.observed, study.config.churn.notice_days
        columns = [study.behaviours.index(b) for b in names]
        pattern = exit_pattern(
            study.periods,
            columns,
            study.spans,
            study.thresholds,
            notice_days=notice_days,
            seed=study.seed,
        )
        fit = fit_churn_effects(
            study.periods,
            names,
            study.spans,
            churn_outcomes(study),
            undecided=pattern.undecided,
            seed=study.seed,
        )
        main, corrected = without_common_state(fit, pattern)
        within = {
            b: window_effect_with_notice(main, i, fit, study.seed) for i, b in enumerate(names)
        }
        half_z = half_strengths(main, seed=study.seed)
        retention = RetentionEstimates(
            pattern=pattern,
            notice_only=frozenset(
                b for i, b in enumerate(names) if pattern.only_in_notice(i, study.thresholds.min_z)
            ),
            effects=retention_effects(
                main,
                fit.fit.probability,
                fit.margin,
                horizon=max(1, study.thresholds.lifetime_days // study.spans.period_days),
                undecided=pattern.undecided,
                form_error=study.thresholds.form_error,
                seed=study.seed,
            ),
            fit=fit,
            corrected=corrected,
        )
        estimates = Estimates(
            within, main, {}, half_z, {}, converged=fit.fit.converged, retention=retention
        )
        return with_model_error(estimates, study)

    def select(self, study: Study, candidates: Candidates) -> Selection:
        """Select the largest drivers and weight them by their effects."""
        return select_drivers(study, candidates)


def window_effect_with_notice(main: LagEffects, b: int, fit: ChurnFit, seed: int) -> WindowEffect:
    """Return the effect of behaviour b, less sure by a share of what lies in the notice period."""
    effect = estimate_window_effect(main, b, seed=seed)
    seen = Lags(main.lags.groups, fit.seen_weights)
    if np.array_equal(seen.weights, main.lags.weights) or not effect.effect:
        return effect
    unseen = 1.0 - estimate_window_effect(replace(main, lags=seen), b, seed=seed).effect / (
        effect.effect
    )
    share = UNSEEN_ERROR * float(np.clip(unseen, 0.0, 1.0))
    return add_model_uncertainty(effect, share, 0.0, (seed, 10, b))


def churn_outcomes(study: Study) -> ChurnOutcomes | None:
    """Return who churned, of those at risk at the panel's cutoffs, and their tenure in periods."""
    if study.panel is None:
        return None
    frame = study.panel.frame
    at_risk = frame.loc[frame["churned"].notna(), [TENURE, "churned"]]
    if at_risk.empty:
        return None
    tenure = np.ceil(at_risk[TENURE].to_numpy() / study.spans.period_days)
    tenure = np.clip(tenure, 1, study.spans.observation).astype(np.int64)
    return ChurnOutcomes(tenure, at_risk["churned"].to_numpy(dtype=np.float64))
