"""Results of a contest as ``evaluation.json`` holds them: contestants, differences, comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engagement_ml.config import PipelineConfig
from engagement_ml.errors import InputError
from engagement_ml.evaluation.baseline_comparison import TOO_FEW
from engagement_ml.evaluation.cutoff_groups import cutoffs_of
from engagement_ml.evaluation.names import METRIC
from engagement_ml.formatting import listed
from engagement_ml.windows import Windows
from engagement_ml.workflow.contest_data import (
    ContestData,
    baselines_on_rows,
    coverage,
    scores_on_rows,
)
from engagement_ml.workflow.contest_measuring import measure
from engagement_ml.workflow.contest_plan import Plan, rows_of
from engagement_ml.workflow.contestants import Contestant

if TYPE_CHECKING:
    from engagement_ml.features import Panel

NO_RUN = "no contestant is a trained run with models"


def contest_results(
    contestants: Sequence[Contestant],
    config: PipelineConfig,
    windows: Windows,
    plan: Plan,
    data: ContestData,
    *,
    max_age_days: int,
) -> dict[str, Any]:
    """Return ``contestants``, ``differences`` and ``comparison`` of ``evaluation.json``.

    Raises
    ------
    InputError, NotEnoughDataError
        See ``scores_on_rows`` and ``measure``.
    """
    first = next((each for each in contestants if each.kind == "run"), None)
    rows = rows_of(data.panel, plan)
    scores = scores_on_rows(rows, plan, data, contestants)
    baselines, notes = baselines_on_rows(data, rows, windows, first, config.random_seed)
    measured = measure(rows, plan, scores, baselines, config)
    by_name = measured.pop("scores")
    comparison = {
        "entity": config.entity,
        "currency": config.currency,
        "customers": measured["customers"],
        "of": measured["of"],
        "rows": measured["rows"],
        "cutoffs": [str(cutoff) for cutoff in plan.measured],
        "pairs": measured["pairs"],
        "out_of_time": plan.out_of_time,
        "reason": plan.reason,
        "max_score_age_days": max_age_days if data.external else None,
        "baselines": {name: by_name[name] for name in baselines},
        "segments": measured["segments"],
        "notes": [*notes, *_notes_on_pairs(plan, measured["pairs"])],
    }
    return {
        "contestants": [
            {
                **_described(each, plan),
                **_measures(by_name.get(each.name)),
                **_models(each, data, windows, config, skip=each is first),
                **_coverage(each, rows, plan, data, config, comparison),
            }
            for each in contestants
        ],
        "differences": measured["differences"],
        "comparison": comparison,
    }


def primary_part(
    panel: Panel, results: Mapping[str, Any], contestants: Sequence[Contestant]
) -> dict[str, Any]:
    """Return the part of ``evaluation.json`` on the first contestant, if no run has models."""
    from engagement_ml.evaluation.out_of_time import FORMAT

    comparison = results["comparison"]
    name = contestants[0].name
    first = next(each for each in results["contestants"] if each["name"] == name)
    against = {d["second"]: d for d in results["differences"] if d["first"] == name}
    scores = {METRIC: first, **comparison["baselines"]}
    within = {
        key: {
            **(row["within"] or {}),
            "difference": against[key]["within"]["spearman"] if key in against else None,
        }
        for key, row in scores.items()
        if row["within"] is not None
    }
    return {
        "format": FORMAT,
        "train_cutoffs": [str(cutoff) for cutoff in cutoffs_of(panel.part("train").frame)],
        "test_cutoffs": comparison["cutoffs"],
        "n_entities": comparison["customers"],
        "n_rows": comparison["rows"],
        "profit": {"reason": NO_RUN},
        "churn": {"reason": NO_RUN},
        "metric": {
            "across": {
                key: {**row["across"], "signal_kept": None}
                for key, row in scores.items()
                if row["across"] is not None
            },
            "within": within,
            "vanity": {},
            "pairs": comparison["pairs"],
            "earlier_margin_seen_in_fitting": None,
            "notes": comparison["notes"],
        },
        "notes": [comparison["reason"]],
    }


def _described(contestant: Contestant, plan: Plan) -> dict[str, Any]:
    metric, until = contestant.metric, contestant.fit_until
    seen = (
        None
        if until is None
        else bool(plan.measured)
        and any(plan.windows.outcome(cutoff).start < until for cutoff in plan.measured)
    )
    return {
        "name": contestant.name,
        "kind": contestant.kind,
        "source": contestant.source,
        "evidence": None if metric is None else metric.evidence,
        "definition_hash": None if metric is None else metric.definition_hash,
        "observation_days": None if metric is None else metric.observation_days,
        "fit_until": None if until is None else str(until),
        "out_of_time": None if seen is None else not seen,
    }


def _measures(measured: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"across": None, "within": None} if measured is None else dict(measured)


def _models(
    contestant: Contestant,
    data: ContestData,
    windows: Windows,
    config: PipelineConfig,
    *,
    skip: bool,
) -> dict[str, Any]:
    """Return the measures of a run's models; the first run's are measured with its baselines."""
    from engagement_ml.evaluation.model_evaluation import evaluate_models

    metric, profit, churn = contestant.metric, contestant.profit, contestant.churn
    if skip or metric is None or profit is None or churn is None:
        return {"profit": None, "churn": None}
    try:
        models = evaluate_models(
            data.panels[metric.observation_days],
            profit=profit,
            churn=churn,
            windows=replace(windows, observation_days=metric.observation_days),
            seed=config.random_seed,
        )
    except InputError as error:
        # A run with other features: its models cannot be measured on this configuration's panel.
        return {"profit": {"reason": str(error)}, "churn": {"reason": str(error)}}
    return {"profit": models["profit"], "churn": models["churn"]}


def _coverage(
    contestant: Contestant,
    rows: Panel,
    plan: Plan,
    data: ContestData,
    config: PipelineConfig,
    comparison: Mapping[str, Any],
) -> dict[str, Any]:
    """Return how many customers have the score, its age, and notes on the contestant."""
    if contestant.name in data.external:
        covered = coverage(rows, plan, data.external[contestant.name], config.entity)
        return {**covered, "notes": [*data.notes[contestant.name], *covered["notes"]]}
    metric = contestant.metric
    notes = []
    if metric is not None and metric.abstained:
        notes.append(f"it abstained, so it has no score: {metric.reason}")
    elif metric is not None:
        present = data.panels[metric.observation_days].behaviours
        missing = [b.behaviour for b in metric.behaviours if b.behaviour not in present]
        if missing:
            notes.append(
                f"the data has no events of {listed(missing)}, which count as 0 for everyone"
            )
    of = comparison["of"]
    scored = 0 if metric is None or metric.abstained else of
    return {"customers": scored, "of": of, "age_days": None, "notes": notes}


def _notes_on_pairs(plan: Plan, pairs: Sequence[Sequence[str]]) -> list[str]:
    caveat = plan.pairs.caveat(plan.windows)
    if plan.pairs.pairs and not pairs:
        return [TOO_FEW]
    return [] if caveat is None else [caveat]
