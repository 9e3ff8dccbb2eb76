"""Verdicts on an outcome beside margin, such as margin of some products: every defence, no metric.

The search for drivers of margin also ranks by SHAP, weights the metric, and compares segments and
pairs. An outcome beside margin needs none of these, and they decide no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from threadpoolctl import threadpool_limits

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimators import Estimator, estimator_for
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.drivers.evidence_tables import EvidenceTables
from engagement_ml.drivers.explanations import explain_obstacle
from engagement_ml.drivers.family_error import with_family_error
from engagement_ml.drivers.search import decide, find_evidence
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.validation.check import Check
from engagement_ml.drivers.validation.suite import CHECKS
from engagement_ml.drivers.wording import Wording
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.windows import Windows


@dataclass(frozen=True)
class OutcomeFindings:
    """Verdicts on every behaviour by one outcome.

    Attributes
    ----------
    rows : tuple of DriverRow
        The largest effect of one standard deviation first; nothing is selected, and SHAP is None.
        Empty if nothing is identified.
    obstacle : str or None
        Why nothing is identified.
    level : float
        Mean of the outcome over its window, in currency.
    converged : bool
        Whether all fits behind the joint estimate converged.
    notes : tuple of str
    """

    rows: tuple[DriverRow, ...]
    obstacle: str | None
    level: float
    converged: bool = True
    notes: tuple[str, ...] = ()


def judge_outcome(
    periods: Periods,
    panel: Panel | None,
    windows: Windows,
    config: PipelineConfig,
    *,
    name: str,
    n_outcomes: int = 1,
    checks: Sequence[Check] = CHECKS,
    thresholds: Thresholds = THRESHOLDS,
) -> OutcomeFindings:
    """Judge every behaviour by one outcome, with all defences of the search for drivers.

    Parameters
    ----------
    periods : Periods
        Its ``gain``, ``loss`` and ``orders`` are those of the outcome.
    panel : Panel or None
        Its ``gain`` is that of the outcome.
    windows : Windows
    config : PipelineConfig
    name : str
        What sentences call the outcome, such as ``"margin of core"``.
    n_outcomes : int
        Outcomes that are tested together: evidence must be the stronger, the more there are.
    checks, thresholds
        As in `find_drivers`.

    Returns
    -------
    OutcomeFindings
    """
    thresholds, raised = with_family_error(thresholds, periods.behaviours * n_outcomes, config)
    with threadpool_limits(limits=1, user_api="blas"):
        study = Study(periods, panel, windows, config, thresholds, name)
        found = _judge(study, estimator_for(config), checks)
    return replace(found, notes=(*found.notes, *raised))


def _judge(study: Study, estimator: Estimator, checks: Sequence[Check]) -> OutcomeFindings:
    findings = find_evidence(study, estimator, (), checks, lambda _: None, by_shap=False)
    if findings.obstacle is not None:
        why = explain_obstacle(findings.obstacle, Wording.of(study))
        return OutcomeFindings((), why, study.mean_margin)
    decision = decide(study, estimator, findings, (), lambda _: None)
    tables = EvidenceTables(
        study,
        decision.override.findings,
        decision.override.verdicts,
        decision.reasons,
        findings.ranking.within,
        findings.ranking.naive,
        decision.selection,
    )
    rows = (
        replace(row, selected=False, shap_rank=None, mean_abs_shap=None, naive_rank=None)
        for row in tables.driver_rows()
    )
    by_size = sorted(rows, key=lambda row: (-abs(row.effect_per_sd or 0.0), row.behaviour))
    converged = findings.estimates.converged
    return OutcomeFindings(tuple(by_size), None, study.mean_margin, converged)
