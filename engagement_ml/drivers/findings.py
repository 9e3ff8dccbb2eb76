"""The stages between estimates and verdicts: ranking, bootstraps, and the assembled findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engagement_ml.drivers.estimation.reverse_causality import PurchaseResponse
from engagement_ml.drivers.estimators.base import Estimates
from engagement_ml.drivers.finding import Finding
from engagement_ml.drivers.selection.preceding import preceding
from engagement_ml.drivers.selection.shap_importance import across_shap, within_shap
from engagement_ml.drivers.selection.stability_selection import Stability, bootstrap_selection
from engagement_ml.drivers.study import Study


@dataclass(frozen=True)
class Ranking:
    """Mean absolute SHAP by behaviour, in currency.

    Attributes
    ----------
    within : mapping of behaviour to float
        Of models of within-customer change, net of what precedes and cross-fitted by customer.
    naive : mapping of behaviour to float
        Of a model of later margin on counts; a baseline only.
    """

    within: Mapping[str, float]
    naive: Mapping[str, float]


def rank_by_shap(study: Study, estimates: Estimates) -> Ranking:
    """Rank behaviours by SHAP; by effect times standard deviation if SHAP has nothing to learn."""
    names = study.behaviours
    before = preceding(study.periods, study.spans, study.rows)
    within = dict(zip(names, within_shap(study.rows, before, seed=study.seed), strict=True))
    if not any(within.values()):
        # without a mature outcome window SHAP is undefined
        within = dict(rank_by_effect(study, estimates).within)
    naive = dict(zip(names, across_shap(study.rows, seed=study.seed), strict=True))
    return Ranking(within, naive)


def rank_by_effect(study: Study, estimates: Estimates) -> Ranking:
    """Rank behaviours by effect times standard deviation, without SHAP."""
    none = dict.fromkeys(study.behaviours, 0.0)
    by_effect = {b: abs(w.effect) * study.associations[b].std for b, w in estimates.within.items()}
    return Ranking({**none, **by_effect}, none)


def bootstrap_stability(study: Study, estimates: Estimates) -> Stability:
    """Bootstrap the selection among behaviours that their role allows."""
    main = estimates.main
    if main is None:
        return Stability({}, {}, ())
    eligible = [b for b in main.behaviours if study.selectable(b)]
    return bootstrap_selection(
        main,
        eligible,
        {b: study.associations[b].std for b in eligible},
        study.costs(eligible),
        at_most=study.config.select.at_most,
        min_z=study.thresholds.min_z,
        seed=study.seed,
    )


def assemble_findings(
    study: Study, estimates: Estimates, stability: Stability
) -> dict[str, Finding]:
    """Assemble the evidence on every behaviour."""
    retention = estimates.retention
    notice_only = frozenset() if retention is None else retention.notice_only
    notice = 0 if retention is None else retention.pattern.notice * study.spans.period_days
    no_response = {b: PurchaseResponse(b, 0.0, 0.0, (1, 1), 0.0) for b in study.behaviours}
    return {
        b: Finding(
            behaviour=b,
            role=study.config.behaviour(b).role,
            within=estimates.within.get(b),
            half_z=estimates.half_z.get(b, (0.0, 0.0)),
            association=study.associations[b],
            purchase_response=estimates.responses.get(b, no_response[b]),
            leads=estimates.leads.get(b),
            frequency=stability.passes.get(b, 0.0),
            cost=study.cost(b),
            min_effect=study.min_effect,
            factor=estimates.factors.get(b),
            uncorrected_z=estimates.uncorrected_z.get(b, 0.0),
            total_z=estimates.total_z.get(b),
            outbound=study.config.behaviour(b).direction == "outbound",
            converged=estimates.converged and estimates.responses.get(b, no_response[b]).converged,
            turning=estimates.turning.get(b),
            notice_days=notice if b in notice_only else 0,
            apart=b in estimates.apart,
            lasting_z=estimates.lasting_z.get(b),
        )
        for b in study.behaviours
    }
