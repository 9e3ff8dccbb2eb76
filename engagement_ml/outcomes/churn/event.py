"""Churn as an event: verdicts on staying, and effects on the chance to churn by its hazard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from engagement_ml._typing import FloatArray, LagGroups
from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.estimation.window_effect import WindowEffect, add_model_uncertainty
from engagement_ml.drivers.estimators.churn_event import window_effect_with_notice
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.drivers.outcome_search import judge_outcome
from engagement_ml.drivers.preconditions import churn_obstacle
from engagement_ml.drivers.retention.churn_effects import (
    ChurnFit,
    fit_churn_effects,
    without_common_state,
)
from engagement_ml.drivers.retention.exit_pattern import exit_pattern
from engagement_ml.drivers.retention.notice_lags import every_lag, with_undecided
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.outcomes.chance import chance_weights
from engagement_ml.outcomes.churn.verdicts import Verdicts, as_churn, churn_level
from engagement_ml.windows import Windows


def verdicts_by_event(
    periods: Periods,
    panel: Panel | None,
    windows: Windows,
    config: PipelineConfig,
    free: PipelineConfig,
    drivers: Sequence[DriverRow],
    thresholds: Thresholds,
) -> Verdicts:
    """Return the verdicts on staying, and each effect on the chance to churn.

    Parameters
    ----------
    periods : Periods
    panel : Panel or None
    windows : Windows
    config : PipelineConfig
    free : PipelineConfig
        The same without costs of events.
    drivers : sequence of DriverRow
        The rows of margin: its effects are those through churn, so its verdicts are taken if
        neither a cost nor a randomised test has a part in them.
    thresholds : Thresholds
    """
    study = Study(periods, panel, windows, free, thresholds)
    n = len(periods.entities)
    obstacle = churn_obstacle(periods, study.spans, thresholds)
    settled = [
        row.behaviour
        for row in drivers
        if row.basis == "experiment" or config.behaviour(row.behaviour).cost_per_event
    ]
    if obstacle is None and not settled and all(row.rule for row in drivers):
        rows = tuple(drivers)
    else:
        judged = judge_outcome(periods, panel, windows, free, name="margin", thresholds=thresholds)
        if judged.obstacle is not None:
            why = f"there are {judged.obstacle}"
            return Verdicts((), {}, churn_level(panel), n, why, notes=judged.notes)
        rows = judged.rows
    with threadpool_limits(limits=1, user_api="blas"):
        changes, converged = _changes(study)
    return Verdicts(rows, changes, churn_level(panel), n, converged=converged)


def _changes(study: Study) -> tuple[dict[str, WindowEffect], bool]:
    """Return each effect on the chance to churn, from the discrete-time hazard."""
    columns = [study.behaviours.index(b) for b in study.observed]
    pattern = exit_pattern(
        study.periods,
        columns,
        study.spans,
        study.thresholds,
        notice_days=study.config.churn.notice_days,
        seed=study.seed,
    )
    fit = fit_churn_effects(
        study.periods, study.observed, study.spans, undecided=pattern.undecided, seed=study.seed
    )
    main, _ = without_common_state(fit, pattern)
    by_lag = _event_weights(fit, study.spans, study.periods, main.lags.groups, pattern.notice)
    weights = with_undecided(by_lag, pattern.undecided)
    seen = replace(fit, seen_weights=by_lag[pattern.notice :])
    main = replace(main, lags=Lags(main.lags.groups, weights))
    changes = {}
    for i, b in enumerate(study.observed):
        kept = window_effect_with_notice(main, i, seen, study.seed)
        form = (study.seed, 15, i)
        changes[b] = as_churn(add_model_uncertainty(kept, study.thresholds.form_error, 0.0, form))
    return changes, fit.fit.converged


def _event_weights(
    fit: ChurnFit, spans: Spans, periods: Periods, groups: LagGroups, notice: int
) -> FloatArray:
    """Return the percentage points of churn for a relative change of 1 at each lag."""
    cells, n_periods = fit.design.cells, periods.gain.shape[1]
    entity, period = np.nonzero(cells)
    stays = ~fit.design.event
    entity, period = entity[stays], period[stays]
    churned = periods.exit[entity] < n_periods
    # The last period does not tell who churns in it.
    ahead = np.where(churned, periods.exit[entity] - 1 - period, n_periods - 2 - period)
    odds = np.exp(fit.fit.linear_predictor[stays])
    lags = every_lag(groups, notice)
    weights, _ = chance_weights(ahead.astype(np.int64), churned, odds, lags, spans.outcome)
    return weights
