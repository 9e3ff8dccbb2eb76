"""Effects on margin per period: fixed-effects Poisson with distributed lags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml.drivers.decision import Candidates, Selection, select_drivers
from engagement_ml.drivers.estimation.common_factor import corrected_z, factor_biases
from engagement_ml.drivers.estimation.decay_profiles import max_z
from engagement_ml.drivers.estimation.event_study import (
    HORIZONS,
    EventStudyFit,
    fit_event_study,
    lead_tests,
    net_of_losses,
)
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.leads import purchase_adjusted_effects
from engagement_ml.drivers.estimation.reverse_causality import (
    PurchaseResponse,
    estimate_purchase_responses,
)
from engagement_ml.drivers.estimation.window_effect import (
    WindowEffect,
    correct_for_bias,
    estimate_window_effect,
)
from engagement_ml.drivers.estimators.base import Estimates, with_model_error
from engagement_ml.drivers.estimators.turning import with_turning
from engagement_ml.drivers.preconditions import Obstacle, within_obstacle
from engagement_ml.drivers.selection.stability_selection import half_strengths
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import Thresholds


@dataclass(frozen=True)
class ObservationEstimator:
    """Within-customer effects on margin per period.

    Behaviours that follow purchases are kept out of the joint fit, where they would absorb the
    effect of what causes the purchases. Each is estimated separately, given past purchases; those
    that pass there enter the joint fit as well, because conditioning on past purchases inflates the
    size of an effect. Behaviours that share a hidden cause are corrected for it.
    """

    within_periods: bool = True

    def obstacle(self, study: Study) -> Obstacle | None:
        """Return why within-customer effects are not identified, or None."""
        return within_obstacle(study.periods, study.spans, study.thresholds)

    def estimate(self, study: Study) -> Estimates:
        """Estimate every behaviour's effect on margin."""
        names, thresholds = study.observed, study.thresholds
        responses = estimate_purchase_responses(
            study.periods,
            names,
            burn_in=study.spans.burn_in,
            group=study.groups,
            thresholds=thresholds,
        )
        declared = {b for b in names if study.config.behaviour(b).role == "consequence"}
        following = tuple(b for b in names if responses[b].responds or b in declared)
        clean, event_study, certain = _without_followers(study, responses, following)
        responses = {**responses, **{b: replace(responses[b], certain=True) for b in certain}}
        following = tuple(b for b in names if b not in clean)
        separate = _following_purchases(study, following, clean)
        passed = tuple(
            b for b in following if b not in declared and _passes_alone(separate, b, thresholds)
        )
        together = tuple(b for b in names if b in clean or b in passed)
        joint = _joint(study, together, passed, event_study) if together else Estimates()
        joint = with_turning(study, joint)
        return with_model_error(_merged(separate, joint, responses), study)

    def select(self, study: Study, candidates: Candidates) -> Selection:
        """Select the largest drivers and weight them by their effects."""
        return select_drivers(study, candidates)


def _merged(
    separate: Estimates, joint: Estimates, responses: Mapping[str, PurchaseResponse]
) -> Estimates:
    """Return the joint estimates, with the separate ones of behaviours that follow purchases."""
    return replace(
        joint,
        within={**separate.within, **joint.within},
        responses=responses,
        half_z={**separate.half_z, **joint.half_z},
        leads={**joint.leads, **separate.leads},
        total_z={**separate.total_z, **joint.total_z},
        converged=separate.converged and joint.converged,
    )


def _without_followers(
    study: Study, responses: Mapping[str, PurchaseResponse], following: Sequence[str]
) -> tuple[tuple[str, ...], EventStudyFit | None, tuple[str, ...]]:
    """Return the behaviours of the joint fit, their event study, and what certainly follows.

    What may follow purchases is left out, however weak its response to them: in the joint fit it
    would take the effect of what causes the purchases. That is a behaviour which moves with margin
    of the same period and not after it, and one that past purchases predict, or clear leads, while
    margin after it does not clearly exceed margin before it. What shares a hidden cause stays in,
    as a control.
    """
    periods, spans, group = study.periods, study.spans, study.groups
    kept = tuple(b for b in study.observed if b not in following)
    certain: list[str] = []
    while kept:
        fit = fit_event_study(periods, spans, kept, group=group)
        at_once = [b for i, b in enumerate(kept) if _follows_at_once(fit, i, responses[b], study)]
        certain += at_once
        left_out = at_once or _may_follow(fit, responses, study)
        if not left_out:
            return kept, net_of_losses(fit, periods, spans, group=group), tuple(certain)
        certain += [
            b for b in left_out if b not in at_once and responses[b].follows and _precedes(fit, b)
        ]
        kept = tuple(b for b in kept if b not in left_out)
    return (), None, tuple(certain)


def _may_follow(
    fit: EventStudyFit, responses: Mapping[str, PurchaseResponse], study: Study
) -> list[str]:
    """Return behaviours that past purchases predict, or clear leads, if what follows is not more.

    A consequence within the same period does not respond to purchases of earlier periods; its leads
    give it away.
    """
    thresholds, tests = study.thresholds, lead_tests(fit)
    related = [
        b
        for b, test in tests.items()
        if (responses[b].follows and not test.exceeds(thresholds.min_lead_excess_following))
        or (
            max(test.before_z) >= thresholds.clear_lead_z
            and not test.exceeds(thresholds.min_lead_excess)
        )
    ]
    if not related:
        return []
    carriers = factor_biases(fit, study.lags, thresholds.correction_error, study.composed)
    return [b for b in related if b not in carriers]


def _precedes(fit: EventStudyFit, b: str) -> bool:
    """Return whether more margin precedes a behaviour than follows it, over every horizon."""
    test = lead_tests(fit)[b]
    return min(test.before_z) >= 0 and all(abs(ratio) > 1.0 for ratio in test.ratios)


def _follows_at_once(fit: EventStudyFit, b: int, response: PurchaseResponse, study: Study) -> bool:
    """Return whether margin moves with a behaviour in the same period, and not after it."""
    thresholds = study.thresholds
    influence = fit.relative_influence[:, b]
    same = fit.n_leads
    error = float(np.sqrt((influence[:, same] ** 2).sum()))
    z_same = float(fit.relative[b, same]) / error if error > 0 else 0.0
    lagged = influence[:, same + 1 :]
    z_after = max_z(fit.relative[b, same + 1 :], lagged.T @ lagged, study.lags)
    outbound = study.config.behaviour(response.behaviour).direction == "outbound"
    follows = response.increase_z >= thresholds.follows_at_once_z or (
        response.same_period >= thresholds.follows_increase and not outbound
    )
    return follows and z_same >= thresholds.same_period_z and z_after < thresholds.may_act_z


def _passes_alone(estimates: Estimates, b: str, thresholds: Thresholds) -> bool:
    """Return whether a behaviour that follows purchases shows an effect given past purchases."""
    leads, z = estimates.leads[b], estimates.within[b].z
    least = thresholds.min_lead_z_following
    return (
        z >= thresholds.min_z
        and min(leads.z_difference, leads.z_sum) >= least
        and min(leads.excess_z) >= thresholds.min_lead_excess
    )


def _following_purchases(
    study: Study, following: tuple[str, ...], clean: tuple[str, ...]
) -> Estimates:
    """Estimate behaviours that follow purchases, one by one, given past purchases."""
    if not following:
        return Estimates()
    effects, leads = purchase_adjusted_effects(
        study.periods, study.spans, following, clean, group=study.groups
    )
    effects = effects.rescale_margin_level(study.level)
    return Estimates(
        within=_summaries(effects, following, study.seed),
        half_z=half_strengths(effects, seed=study.seed),
        leads=leads,
        total_z=_total_z(effects),
        converged=effects.converged,
    )


def _joint(
    study: Study, together: tuple[str, ...], passed: tuple[str, ...], fit: EventStudyFit | None
) -> Estimates:
    """Fit all behaviours jointly, with saturating responses, and correct for hidden causes."""
    spans, thresholds = study.spans, study.thresholds
    main = estimate_lag_effects(
        study.periods,
        together,
        study.lags,
        burn_in=spans.burn_in,
        group=study.groups,
        nonlinear=True,
        without_same_period=passed,
    )
    main = main.rescale_margin_level(study.level)
    within = _summaries(main, together, study.seed)
    uncorrected = {b: effect.z for b, effect in within.items()}
    factors = (
        {}
        if fit is None
        else factor_biases(fit, study.lags, thresholds.correction_error, study.composed)
    )
    for b, bias in factors.items():
        z = corrected_z(factors, b, within[b].z)
        share = float(np.clip(bias.share, 0.0, 1.0))
        within[b] = correct_for_bias(within[b], z, share, thresholds.correction_error)
    return Estimates(
        within=within,
        main=main,
        half_z=half_strengths(main, seed=study.seed),
        leads={} if fit is None else lead_tests(fit),
        factors=factors,
        uncorrected_z=uncorrected,
        event_study=fit,
        total_z=_total_z(main),
        lasting_z={
            b: main.lasting_z(i, *_lasting_periods(spans.period_days))
            for i, b in enumerate(main.behaviours)
            if b in study.composed
        },
        converged=main.converged and (fit is None or fit.converged),
    )


PREPARED_DAYS, LASTING_DAYS = 14, 56
"""Days after a sequence in which a purchase that it prepares comes, and after which effects end."""


def _lasting_periods(period_days: int) -> tuple[int, int]:
    """Return the first period that begins `PREPARED_DAYS` after an event, and the last that counts.

    Examples
    --------
    >>> _lasting_periods(7), _lasting_periods(28)
    ((3, 8), (2, 2))
    """
    first = 1 + -(-PREPARED_DAYS // period_days)
    return first, max(first, LASTING_DAYS // period_days)


def _total_z(effects: LagEffects) -> dict[str, float]:
    return {b: effects.total_z(i, HORIZONS[-1]) for i, b in enumerate(effects.behaviours)}


def _summaries(effects: LagEffects, names: tuple[str, ...], seed: int) -> dict[str, WindowEffect]:
    return {b: estimate_window_effect(effects, i, seed=seed) for i, b in enumerate(names)}
