"""The search for drivers: from the period panel to verdicts, weights and their evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from threadpoolctl import threadpool_limits

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.churn_notes import churn_notes, retention_rows
from engagement_ml.drivers.decision import Candidates, Selection
from engagement_ml.drivers.estimation.fe_poisson import NotConvergedError
from engagement_ml.drivers.estimators import Estimates, Estimator, estimator_for
from engagement_ml.drivers.evidence import DriverEvidence
from engagement_ml.drivers.evidence_tables import EvidenceTables
from engagement_ml.drivers.experiment_explanations import experiment_notes, explain_experiment
from engagement_ml.drivers.experiment_override import ExperimentOverride, override_by_experiments
from engagement_ml.drivers.explanations import advice, explain
from engagement_ml.drivers.family_error import with_family_error
from engagement_ml.drivers.finding import BIASED
from engagement_ml.drivers.findings import (
    assemble_findings,
    bootstrap_stability,
    rank_by_effect,
    rank_by_shap,
)
from engagement_ml.drivers.notes import abstention, no_indicator, notes, order_note, unstable_note
from engagement_ml.drivers.segment_explanations import explain_segments
from engagement_ml.drivers.selection.order_agreement import compare_orders
from engagement_ml.drivers.stages import Decision, Findings
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import THRESHOLDS, Thresholds
from engagement_ml.drivers.validation.check import Check, CheckContext
from engagement_ml.drivers.validation.churn_comparisons import churn_pairs, churn_segments
from engagement_ml.drivers.validation.heterogeneity import SegmentComparison, compare_segments
from engagement_ml.drivers.validation.interactions import PairComparison, compare_candidates
from engagement_ml.drivers.validation.suite import (
    CHECKS,
    run_before_verdicts,
    run_on_selection,
    with_vetoes,
)
from engagement_ml.drivers.verdicts import judge
from engagement_ml.drivers.wording import Wording
from engagement_ml.experiments import ExperimentResult
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import plural
from engagement_ml.windows import Windows

OnStep = Callable[[str], None]


def find_drivers(
    periods: Periods,
    panel: Panel | None,
    windows: Windows,
    config: PipelineConfig,
    *,
    experiments: Sequence[ExperimentResult] = (),
    checks: Sequence[Check] = CHECKS,
    thresholds: Thresholds = THRESHOLDS,
    on_step: OnStep | None = None,
) -> DriverEvidence:
    """Find which behaviours move margin, select the largest by effect, and weight them.

    Parameters
    ----------
    periods : Periods
        Up to ``windows.fit_until``, in periods of ``period_days(config.windows)``.
    panel : Panel or None
        Its mean gain is the level that effects are reported at; without it, that of the periods.
    windows : Windows
    config : PipelineConfig
    experiments : sequence of ExperimentResult
        Randomised tests, which override what the periods say of the same behaviour.
    checks : sequence of Check
        Robustness checks; verdicts read the vetoes of those that run before them.
    thresholds : Thresholds
        Limits that decide verdicts and selection.
    on_step : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    DriverEvidence
        An abstention if nothing passes, with the reason.
    """
    thresholds, raised = with_family_error(thresholds, periods.behaviours, config)
    # One thread for linear algebra: sums in another order give other digits.
    with threadpool_limits(limits=1, user_api="blas"):
        study = Study(periods, panel, windows, config, thresholds)
        evidence = _search(study, experiments, checks, on_step or (lambda _: None))
    return replace(evidence, notes=(*evidence.notes, *raised))


def _search(
    study: Study,
    experiments: Sequence[ExperimentResult],
    checks: Sequence[Check],
    step: OnStep,
) -> DriverEvidence:
    """Run the stages of the search."""
    estimator = estimator_for(study.config)
    findings = find_evidence(study, estimator, experiments, checks, step)
    decision = decide(study, estimator, findings, experiments, step)
    step("Running robustness checks")
    comparisons = _compare(study, findings, decision)
    return _evidence(study, findings, decision, checks, comparisons)


@dataclass(frozen=True)
class Comparisons:
    """Effects by segment, and pairs of behaviours."""

    segments: SegmentComparison = field(default_factory=SegmentComparison)
    pairs: PairComparison = field(default_factory=PairComparison)


def find_evidence(
    study: Study,
    estimator: Estimator,
    experiments: Sequence[ExperimentResult],
    checks: Sequence[Check],
    step: OnStep,
    *,
    by_shap: bool = True,
) -> Findings:
    """Estimate effects, rank behaviours, bootstrap the selection, and run the vetoing checks.

    SHAP decides no verdict; without it, behaviours are ranked by effect times standard deviation.
    """
    step(f"Estimating effects within {plural(study.config.entity)}")
    obstacle = estimator.obstacle(study)
    estimates = Estimates() if obstacle is not None else estimator.estimate(study)
    if by_shap:
        step("Ranking behaviours by SHAP")
    ranking = rank_by_shap(study, estimates) if by_shap else rank_by_effect(study, estimates)
    step("Bootstrapping the selection")
    stability = bootstrap_stability(study, estimates)
    findings = assemble_findings(study, estimates, stability)
    context = CheckContext(
        study=study,
        estimates=estimates,
        findings=findings,
        importance=ranking.within,
        within_periods=estimator.within_periods,
        tested=frozenset(result.behaviour for result in experiments),
    )
    results = run_before_verdicts(checks, context)
    vetoed = with_vetoes(findings, results)
    return Findings(estimates, obstacle, ranking, stability, vetoed, results, context)


def decide(
    study: Study,
    estimator: Estimator,
    findings: Findings,
    experiments: Sequence[ExperimentResult],
    step: OnStep,
) -> Decision:
    """Give verdicts, let randomised tests override them, and select."""
    by_behaviour = findings.by_behaviour
    observed = {b: judge(by_behaviour[b], study.thresholds) for b in study.behaviours}
    override = override_by_experiments(experiments, by_behaviour, observed, study.config)
    step("Selecting behaviours")
    selection = estimator.select(
        study,
        Candidates(findings.estimates.main, findings.ranking.within, findings.stability, override),
    )
    return Decision(override, _reasons(study, findings, override), selection)


def _reasons(study: Study, findings: Findings, override: ExperimentOverride) -> dict[str, str]:
    """Return the sentence behind each verdict."""
    wording = Wording.of(study)
    labels = {b: study.config.label(b) for b in study.behaviours}
    reasons = {}
    for b, verdict in override.verdicts.items():
        if b in override.tested:
            evidence, finding = override.tested[b], override.findings[b]
            reasons[b] = explain_experiment(evidence, verdict, finding, wording)
        else:
            finding = findings.by_behaviour[b]
            biased = verdict.rule in BIASED or verdict.failed in ("leads", "sign")
            settled_by = advice(finding, study, findings.obstacle, biased=biased)
            reasons[b] = explain(verdict, finding, wording, settled_by, study.thresholds, labels)
    return reasons


def _compare(study: Study, findings: Findings, decision: Decision) -> Comparisons:
    """Compare effects between segments, and test pairs, of behaviours that no test settles."""
    override, turning = decision.override, findings.estimates.turning
    # Linear rolling counts say nothing of a response that turns.
    untested = {b: v for b, v in override.untested(override.verdicts).items() if b not in turning}
    by_behaviour, importance = override.findings, findings.ranking.within
    retention = findings.estimates.retention
    if retention is not None:
        return Comparisons(
            churn_segments(study, retention, by_behaviour, untested),
            churn_pairs(study, retention, untested, importance),
        )
    if not findings.context.within_periods:
        return Comparisons()
    try:
        segments = compare_segments(study, findings.estimates, by_behaviour, untested)
    except NotConvergedError:
        segments = SegmentComparison(notes=(_UNKNOWN.format("Effects by segment"),))
    try:
        pairs = compare_candidates(study, by_behaviour, untested, importance)
    except NotConvergedError:
        pairs = PairComparison(notes=(_UNKNOWN.format("Pairs of behaviours"),))
    return Comparisons(segments, pairs)


_UNKNOWN = "{} are not known: a fit did not converge."


def _evidence(
    study: Study,
    findings: Findings,
    decision: Decision,
    checks: Sequence[Check],
    comparisons: Comparisons,
) -> DriverEvidence:
    """Lay out the evidence, and run the checks on the selection."""
    config, wording = study.config, Wording.of(study)
    override, selection = decision.override, decision.selection
    indicators, ranking = selection.indicators, findings.ranking
    segments, pairs = comparisons.segments, comparisons.pairs
    tables = EvidenceTables(
        study,
        override.findings,
        override.verdicts,
        explain_segments(decision.reasons, segments.rows, segments.tests, wording.money),
        ranking.within,
        ranking.naive,
        selection,
        retention_rows(findings.estimates, override.tested),
    )
    on_selection = replace(
        findings.context, findings=override.observed, selection=selection, override=override
    )
    return DriverEvidence(
        evidence=config.select.require,
        choices=selection.choices,
        reason=_reason(findings, decision, wording),
        drivers=override.rows(tables.driver_rows()),
        naive=tables.naive_ranking(),
        responses={} if indicators else tables.response_curves(),
        checks=run_on_selection(checks, on_selection, findings.checks),
        segments=segments.rows,
        pairs=pairs.rows,
        experiments=override.experiments(tables.experiment_plan()),
        notes=(*_notes(study, findings, decision, wording), *segments.notes, *pairs.notes),
        heterogeneity=segments.tests,
        event_study=tables.event_studies(findings.estimates.event_study),
    )


def _reason(findings: Findings, decision: Decision, wording: Wording) -> str | None:
    """Return why nothing was selected, if nothing was."""
    selection = decision.selection
    if selection.choices:
        return None
    if selection.indicators is not None:
        return no_indicator(selection.indicators, wording)
    return abstention(decision.override.verdicts, findings.obstacle, wording)


def _notes(
    study: Study, findings: Findings, decision: Decision, wording: Wording
) -> tuple[str, ...]:
    selection, override = decision.selection, decision.override
    following = [b for b, r in findings.estimates.responses.items() if r.responds]
    left_out = selection.drivers[study.config.select.at_most :]
    selected = () if selection.indicators else selection.selected
    return (
        *notes(study, findings.obstacle, left_out, following),
        *_order_note(study, findings, selection),
        *churn_notes(findings.estimates, study),
        *experiment_notes(override, selected),
        *unstable_note(selection.indicators, wording),
    )


def _order_note(study: Study, findings: Findings, selection: Selection) -> list[str]:
    """Return a note if SHAP would have ordered the drivers otherwise."""
    if selection.indicators is not None:
        return []
    at_most, shap = study.config.select.at_most, findings.ranking.within
    agreement = compare_orders(selection.drivers, shap, at_most, study.thresholds)
    return order_note(agreement, study.config.label)
