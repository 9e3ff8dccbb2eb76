"""The verdict on the number of contacts, by the search for drivers with all its defences.

The contacts are one behaviour among the others. What SHAP ranks is left out, as nothing is selected
here; estimates, bootstraps and vetoing checks are those of `drivers.search`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from engagement_ml.config import BehaviourConfig, PipelineConfig
from engagement_ml.drivers.decision import Candidates
from engagement_ml.drivers.estimators import Estimates, estimator_for
from engagement_ml.drivers.evidence_tables import EvidenceTables
from engagement_ml.drivers.experiment_override import override_by_experiments
from engagement_ml.drivers.explanations import advice
from engagement_ml.drivers.finding import BIASED, Finding, Verdict
from engagement_ml.drivers.findings import assemble_findings, bootstrap_stability
from engagement_ml.drivers.multiple_testing import bonferroni_z
from engagement_ml.drivers.preconditions import Obstacle
from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.validation.check import CheckContext
from engagement_ml.drivers.validation.suite import CHECKS, run_before_verdicts, with_vetoes
from engagement_ml.drivers.verdicts import judge
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.windows import Windows

TURNS = "turns"
"""Verdict on a response that rises up to an optimum and falls beyond it."""

UNSETTLED = frozenset({*BIASED, "follows purchases", "not identified", "not converged"})
"""Rules by which the data cannot tell, in any segment either."""


@dataclass(frozen=True)
class ContactResponse:
    """What is found about the contacts of some customers.

    Attributes
    ----------
    verdict : Verdict
        On the average over customers as they are.
    finding : Finding
    curve : ResponseCurve or None
        Before the cost of contacts; None if they neither turn, nor raise or lower margin.
    study : Study
    settled_by : str
        What evidence would settle the question, as a clause.
    obstacle : Obstacle or None
        Why no effect is identified.
    """

    verdict: Verdict
    finding: Finding
    curve: ResponseCurve | None
    study: Study
    settled_by: str
    obstacle: Obstacle | None = None

    @property
    def turns(self) -> bool:
        """Whether the response turns at a place that is known, and nothing objects to it."""
        return self.bends and self.located

    @property
    def bends(self) -> bool:
        """Whether the response turns, and nothing objects to it."""
        return self.finding.turning is not None and self.verdict.rule not in UNSETTLED

    @property
    def located(self) -> bool:
        """Whether the interval of the optimum is narrower than the counts that were observed."""
        turning = self.finding.turning
        if turning is None or not turning.x:
            return False
        return turning.optimum_high - turning.optimum_low < turning.x[-1]

    @property
    def code(self) -> str:
        """The verdict, ``"turns"`` for a response that turns.

        A response that turns at an unknown place is ``"unverifiable"``, whatever its average.
        """
        if self.bends and not self.located:
            return "unverifiable"
        return TURNS if self.turns else self.verdict.verdict

    @property
    def cost(self) -> float:
        """Cost of one contact, in currency."""
        return self.finding.cost


def contact_config(
    config: PipelineConfig, periods: Periods, name: str, cost: float
) -> PipelineConfig:
    """Return the configuration of the search: contacts are the company's, at a cost."""
    contacts = BehaviourConfig(direction="outbound", cost_per_event=cost, label="contacts")
    kept = {b: each for b, each in config.behaviours.items() if b in periods.behaviours}
    return config.model_copy(
        update={
            "behaviours": {**kept, name: contacts},
            "select": config.select.model_copy(update={"require": "driver"}),
            "experiments": (),
        }
    )


def contact_thresholds(
    config: PipelineConfig, periods: Periods, n_fits: int, thresholds: Thresholds = THRESHOLDS
) -> Thresholds:
    """Raise ``min_z`` for all candidates and as many fits together, if chance calls for it."""
    roles = [config.behaviour(b).role for b in periods.behaviours]
    n = sum(role in ("behaviour", "mediator") for role in roles)
    z = bonferroni_z((n + n_fits) * thresholds.profile_tests, thresholds.family_error)
    return replace(thresholds, min_z=max(thresholds.min_z, z))


def contact_response(
    periods: Periods,
    panel: Panel | None,
    windows: Windows,
    config: PipelineConfig,
    name: str,
    thresholds: Thresholds = THRESHOLDS,
) -> ContactResponse:
    """Estimate and judge the response to contacts.

    Parameters
    ----------
    periods : Periods
        With all contacts as the behaviour `name`.
    panel : Panel or None
        Of the same customers; gives the level that effects are reported at.
    windows : Windows
    config : PipelineConfig
        See `contact_config`.
    name : str
    thresholds : Thresholds
    """
    with threadpool_limits(limits=1, user_api="blas"):
        study = Study(periods, panel, windows, config, thresholds)
        estimator = estimator_for(config)
        obstacle = estimator.obstacle(study)
        estimates = Estimates() if obstacle is not None else estimator.estimate(study)
        stability = bootstrap_stability(study, estimates)
        findings = assemble_findings(study, estimates, stability)
        importance = _importance(study, findings)
        context = CheckContext(study, estimates, findings, importance, estimator.within_periods)
        findings = with_vetoes(findings, run_before_verdicts(CHECKS, context))
        verdicts = {b: judge(findings[b], thresholds) for b in study.behaviours}
        override = override_by_experiments((), findings, verdicts, config)
        candidates = Candidates(estimates.main, importance, stability, override)
        selection = estimator.select(study, candidates)
        blank = dict.fromkeys(study.behaviours, "")
        zero = dict.fromkeys(study.behaviours, 0.0)
        tables = EvidenceTables(study, findings, verdicts, blank, importance, zero, selection)
        curves = tables.response_curves()
    finding, verdict = findings[name], verdicts[name]
    biased = verdict.rule in BIASED or verdict.failed in ("leads", "sign")
    response = ContactResponse(
        verdict,
        finding,
        curves.get(name),
        study,
        advice(finding, study, obstacle, biased=biased),
        obstacle,
    )
    acts = response.turns or response.code in ("driver", "harmful")
    return response if acts else replace(response, curve=None)


def _importance(study: Study, findings: Mapping[str, Finding]) -> dict[str, float]:
    """Return the size of each effect of one standard deviation, in currency."""
    sizes = {b: abs(findings[b].effect_per_sd) for b in study.behaviours}
    return {b: size if np.isfinite(size) else 0.0 for b, size in sizes.items()}
