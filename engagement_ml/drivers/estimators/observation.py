"""Effects on margin per period: fixed-effects Poisson with distributed lags."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.drivers.decision import Candidates, Selection, select_drivers
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.leads import lead_contrasts, purchase_adjusted_effects
from engagement_ml.drivers.estimation.reverse_causality import estimate_purchase_responses
from engagement_ml.drivers.estimation.window_effect import WindowEffect, estimate_window_effect
from engagement_ml.drivers.estimators.base import Estimates, with_model_error
from engagement_ml.drivers.estimators.turning import with_turning
from engagement_ml.drivers.preconditions import Obstacle, within_obstacle
from engagement_ml.drivers.selection.stability_selection import half_strengths
from engagement_ml.drivers.study import Study


@dataclass(frozen=True)
class ObservationEstimator:
    """Within-customer effects on margin per period.

    Behaviours that follow purchases are kept out of the joint fit, where they would absorb the
    effect of what causes the purchases. Each is estimated separately, given past purchases; those
    that pass there enter the joint fit as well, because conditioning on past purchases inflates the
    size of an effect.
    """

    within_periods: bool = True

    def obstacle(self, study: Study) -> Obstacle | None:
        """Return why within-customer effects are not identified, or None."""
        return within_obstacle(study.periods, study.spans, study.thresholds)

    def estimate(self, study: Study) -> Estimates:
        """Estimate every behaviour's effect on margin."""
        names = study.observed
        responses = estimate_purchase_responses(
            study.periods,
            names,
            burn_in=study.spans.burn_in,
            group=study.groups,
            thresholds=study.thresholds,
        )
        declared = {b for b in names if study.config.behaviour(b).role == "consequence"}
        following = tuple(b for b in names if responses[b].responds or b in declared)
        clean = tuple(b for b in names if b not in following)
        estimates = _following_purchases(study, following, clean)
        thresholds = study.thresholds
        passed = tuple(
            b
            for b in following
            if b not in declared
            and estimates.within[b].z >= thresholds.min_z
            and min(estimates.lead_z[b]) >= thresholds.min_lead_z_following
        )
        together = tuple(b for b in names if b in clean or b in passed)
        joint = _joint(study, together, clean) if together else Estimates()
        joint = with_turning(study, joint)
        return with_model_error(
            Estimates(
                within={**estimates.within, **joint.within},
                main=joint.main,
                responses=responses,
                half_z={**estimates.half_z, **joint.half_z},
                lead_z={**estimates.lead_z, **joint.lead_z},
                turning=joint.turning,
            ),
            study,
        )

    def select(self, study: Study, candidates: Candidates) -> Selection:
        """Select the first drivers by SHAP and weight them by their effects."""
        return select_drivers(study, candidates)


def _following_purchases(
    study: Study, following: tuple[str, ...], clean: tuple[str, ...]
) -> Estimates:
    """Estimate behaviours that follow purchases, one by one, given past purchases."""
    if not following:
        return Estimates()
    effects, lead_z = purchase_adjusted_effects(
        study.periods, study.spans, following, clean, group=study.groups
    )
    effects = effects.rescale_margin_level(study.level)
    return Estimates(
        within=_summaries(effects, following, study.seed),
        half_z=half_strengths(effects, seed=study.seed),
        lead_z=lead_z,
    )


def _joint(study: Study, together: tuple[str, ...], clean: tuple[str, ...]) -> Estimates:
    """Fit all behaviours jointly, with saturating responses, and test leads if any effect shows."""
    periods, spans, group = study.periods, study.spans, study.groups
    main = estimate_lag_effects(
        periods, together, study.lags, burn_in=spans.burn_in, group=group, nonlinear=True
    )
    main = main.rescale_margin_level(study.level)
    within = _summaries(main, together, study.seed)
    lead_z: dict[str, tuple[float, float]] = {}
    if any(abs(within[b].z) >= study.thresholds.min_z for b in clean):
        leads = lead_contrasts(periods, spans, together, group=group)
        lead_z = {b: z for b, z in leads.items() if b in clean}
    return Estimates(within, main, {}, half_strengths(main, seed=study.seed), lead_z)


def _summaries(effects: LagEffects, names: tuple[str, ...], seed: int) -> dict[str, WindowEffect]:
    return {b: estimate_window_effect(effects, i, seed=seed) for i, b in enumerate(names)}
