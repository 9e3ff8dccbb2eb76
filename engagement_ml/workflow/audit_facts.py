"""The facts of an audit, from the measured contest and the run that the score is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.errors import NotEnoughDataError
from engagement_ml.evaluation.names import BEST_SINGLE, METRIC, RFM
from engagement_ml.lifecycle.auditing.facts import (
    Behaviour,
    Estimate,
    Facts,
    Measured,
    mean_margin,
)
from engagement_ml.metric import EngagementMetric
from engagement_ml.windows import Windows
from engagement_ml.workflow.audit_parts import ScoreParts
from engagement_ml.workflow.contest_data import ContestData, baselines_on_rows, looked_up
from engagement_ml.workflow.contest_measuring import measure
from engagement_ml.workflow.contest_plan import Plan, rows_of
from engagement_ml.workflow.contestants import Contestant


def audit_facts(
    score: Contestant,
    run: Contestant,
    results: Mapping[str, Any],
    plan: Plan,
    parts: ScoreParts,
    columns: Mapping[str, tuple[Measured, Measured | None]],
    config: PipelineConfig,
    notes: Sequence[str],
) -> Facts:
    """Return what the audit decides on.

    Parameters
    ----------
    score, run : Contestant
        The score, and the trained run that it is compared with.
    results : mapping
        As ``contest_results`` returns it.
    plan : Plan
    parts : ScoreParts
    columns : mapping of str to (Measured, Measured or None)
        As `measure_columns` returns it.
    config : PipelineConfig
    notes : sequence of str
        Notes on the tables.
    """
    assert run.record is not None
    assert run.metric is not None
    by_name = {each["name"]: each for each in results["contestants"]}
    comparison, own = results["comparison"], by_name[score.name]
    others = {name: Measured.of(row) for name, row in comparison["baselines"].items()}
    if by_name[run.name]["across"] is not None:
        others[METRIC] = Measured.of(by_name[run.name])
    leads = {
        METRIC if each["second"] == run.name else each["second"]: Measured.of(each)
        for each in results["differences"]
        if each["first"] == score.name
    }
    rows = {row.behaviour: row for row in run.record.drivers}
    best = next((n for n in comparison["notes"] if n.startswith(f"{BEST_SINGLE} is ")), "")
    return Facts(
        name=score.name,
        entity=config.entity,
        currency=config.currency,
        outcome_days=plan.windows.outcome_days,
        customers=comparison["customers"],
        of=comparison["of"],
        cutoffs=tuple(comparison["cutoffs"]),
        pairs=tuple((first, second) for first, second in comparison["pairs"]),
        score=Measured.of(own),
        others=others,
        leads=leads,
        mean_margin=mean_margin(own["across"]),
        score_dates=parts.score_dates,
        age_days=own["age_days"],
        unchanged=parts.unchanged,
        columns={name: measured for name, (measured, _) in columns.items()},
        column_leads={name: lead for name, (_, lead) in columns.items() if lead is not None},
        behaviours=_behaviours(parts.behaviours, rows),
        instead=_behaviours(run.metric, rows),
        instead_reason=run.metric.reason or "",
        indicator=run.metric.evidence == "indicator",
        best_single=best.removeprefix(f"{BEST_SINGLE} is ").partition(",")[0],
        out_of_time=comparison["reason"],
        notes=tuple(dict.fromkeys((*own["notes"], *parts.notes, *comparison["notes"], *notes))),
    )


def measure_columns(
    data: ContestData,
    windows: Windows,
    plan: Plan,
    parts: ScoreParts,
    config: PipelineConfig,
) -> tuple[dict[str, tuple[Measured, Measured | None]], list[str]]:
    """Measure each part that is a column on its own customers, beside recency-frequency-monetary.

    Parameters
    ----------
    data : ContestData
    windows : Windows
    plan : Plan
    parts : ScoreParts
    config : PipelineConfig

    Returns
    -------
    measured : dict of str to (Measured, Measured or None)
        By column: its measures, and these minus those of the baseline.
    notes : list of str
        Columns that cannot be measured.
    """
    if not parts.columns:
        return {}, []
    rows = rows_of(data.panel, plan)
    all_baselines, _ = baselines_on_rows(data, rows, windows, None, config.random_seed)
    baselines = {name: values for name, values in all_baselines.items() if name == RFM}
    measured: dict[str, tuple[Measured, Measured | None]] = {}
    notes = []
    for column, external in parts.columns.items():
        values = {column: looked_up(rows, external, "score")}
        try:
            found = measure(rows, plan, values, baselines, config, only_baselines=True)
        except NotEnoughDataError:
            notes.append(f"column '{column}' of the scores has no value at the measured cutoffs")
            continue
        lead = next((Measured.of(each) for each in found["differences"]), None)
        measured[column] = (Measured.of(found["scores"][column]), lead)
    return measured, notes


def _behaviours(
    metric: EngagementMetric | None, rows: Mapping[str, DriverRow]
) -> tuple[Behaviour, ...]:
    return tuple(
        Behaviour(
            each.behaviour,
            (row.label if (row := rows.get(each.behaviour)) else None) or each.title,
            each.weight,
            row.verdict if row else "",
            _effect(row),
            row.reason if row else "The data has no such event, or its role rules it out.",
        )
        for each in (metric.behaviours if metric is not None else ())
    )


def _effect(row: DriverRow | None) -> Estimate | None:
    if row is None or row.effect is None or row.effect_low is None or row.effect_high is None:
        return None
    return Estimate(row.effect, row.effect_low, row.effect_high)
