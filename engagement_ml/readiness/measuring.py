"""Variation within customers, measured from the whole histories of a sample of customers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import narwhals as nw
import numpy as np

from engagement_ml._typing import Float32Array
from engagement_ml.config import PipelineConfig, SampleConfig
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.spans import period_days
from engagement_ml.drivers.estimation.window_effect import NORMAL_95, estimate_window_effect
from engagement_ml.drivers.preconditions import Obstacle, churn_obstacle, within_obstacle
from engagement_ml.drivers.retention.risk_set import churn_indicator, risk_set
from engagement_ml.drivers.study import Study
from engagement_ml.features.daily_totals import entities
from engagement_ml.features.period_panel import build_periods
from engagement_ml.features.stratified_sample import draw_sample, sample_of
from engagement_ml.formatting import plural
from engagement_ml.inputs import Tables
from engagement_ml.readiness.variation import (
    LARGEST_SHARE,
    LIMIT,
    MODEL_FACTOR,
    BehaviourVariation,
    Variation,
    advice_on,
)
from engagement_ml.windows import Windows

CUSTOMERS = 2_000
"""Customers from whom variation is measured; standard errors are scaled to all in training."""


def measure_variation(
    tables: Tables, config: PipelineConfig, windows: Windows, customers: int = CUSTOMERS
) -> Variation:
    """Predict standard errors from the fixed-effects regression of a sample of customers.

    The regression is the within-customer Poisson regression of margin per period on all counts
    and their lags, with customer and period effects and errors clustered by customer, without
    the checks, corrections and nonlinear responses of training. Its standard errors are scaled by
    the root of the ratio of customers measured to customers in training, and by `MODEL_FACTOR`.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows
    customers : int
        Size of the sample; all customers if there are no more.

    Raises
    ------
    NotEnoughDataError
        If the history holds no whole period.
    """
    small = config.model_copy(update={"sample": SampleConfig(customers=customers)})
    sample = draw_sample(tables, small, before=windows.fit_until)
    drawn = tables if sample is None else sample_of(tables, sample)
    days = period_days(config.windows)
    periods = build_periods(drawn, config, until=windows.fit_until, period_days=days)
    study = Study(periods, None, windows, config)
    n = _number_of_customers(tables, config) if sample is None else sample.of
    trained = min(n, config.sample.customers or n)
    by_event = config.churn.kind == "event"
    obstacle = (churn_obstacle if by_event else within_obstacle)(
        periods, study.spans, study.thresholds
    )
    share = len(sample.ids) / n if sample is not None else 1.0
    errors = {} if obstacle or by_event else _standard_errors(study, share * n / trained)
    paying = ((periods.gain > 0) & study.cells).sum(axis=1)
    churned = int((churn_indicator(periods) & risk_set(periods, study.spans)).sum())
    in_training = round(churned / share * trained / n)
    return Variation(
        customers=n,
        trained_on=trained,
        measured_on=n if sample is None else len(sample.ids),
        buyers=int((paying > 0).sum()),
        repeat_buyers=int((paying > 1).sum()),
        periods=periods.gain.shape[1],
        period_days=periods.period_days,
        mean_margin=study.mean_margin,
        smallest_interest=study.min_effect,
        obstacle=None if obstacle is None else _obstacle_text(obstacle, config.entity),
        churned=in_training if by_event else None,
        hazard_ratio=math.exp(LIMIT / math.sqrt(in_training)) if by_event and churned else None,
        behaviours=tuple(
            _behaviour(study, b, tables.event_counts, errors.get(b), obstacle is None)
            for b in periods.behaviours
        ),
    )


def _number_of_customers(tables: Tables, config: PipelineConfig) -> int:
    (row,) = tables.engine.rows(entities(tables, config).select(n=nw.len()), source="customers")
    return int(row["n"])


def _standard_errors(study: Study, share: float) -> dict[str, float]:
    """Return the predicted standard error of each behaviour's effect.

    Parameters
    ----------
    study : Study
    share : float
        Customers measured as a share of customers in training.
    """
    names = study.observed
    if not names:
        return {}
    effects = estimate_lag_effects(
        study.periods, names, study.lags, burn_in=study.spans.burn_in, group=study.groups
    )
    errors = {}
    for i, name in enumerate(names):
        estimate = estimate_window_effect(effects, i, seed=study.seed)
        error = (estimate.high - estimate.effect) / NORMAL_95 * math.sqrt(share) * MODEL_FACTOR
        if math.isfinite(error) and error > 0:
            errors[name] = error
    return errors


def _behaviour(
    study: Study, behaviour: str, counts: Mapping[str, int], error: float | None, fitted: bool
) -> BehaviourVariation:
    periods, config = study.periods, study.config
    events = periods.counts[:, :, periods.behaviours.index(behaviour)]
    deviation = float(study.counts(behaviour).std()) if len(study.all_rows.counts) else 0.0
    role = config.behaviour(behaviour).role
    smallest = None if error is None else LIMIT * error
    mean = abs(study.mean_margin)
    share = None if smallest is None or not mean else smallest * deviation / mean
    varying = _varying_share(events, study.spans.observation)
    measurable = config.churn.kind == "event" or share is not None
    reachable = fitted and measurable and (share is None or share <= LARGEST_SHARE)
    return BehaviourVariation(
        behaviour=behaviour,
        role=role,
        events=counts.get(behaviour, 0),
        customers_share=float(events.any(axis=1).mean()),
        varying_share=varying,
        deviation=deviation,
        standard_error=error,
        smallest_effect=smallest,
        smallest_share=share,
        reachable=reachable,
        advice=advice_on(share, fitted, measurable, config),
    )


def _varying_share(events: Float32Array, window: int) -> float:
    """Return the share of customers whose count differs between windows, counted back."""
    n_periods = events.shape[1]
    length = min(window, max(1, n_periods // 2))
    ends = range(n_periods, length - 1, -length)
    sums = np.stack([events[:, end - length : end].sum(axis=1) for end in ends], axis=1)
    return float((sums.max(axis=1) > sums.min(axis=1)).mean())


def _obstacle_text(obstacle: Obstacle, entity: str) -> str:
    many = plural(entity)
    what = {
        "periods": f"periods of {obstacle.period_days} days for fitting",
        "periods after a window": f"periods of {obstacle.period_days} days after a window",
        "buyers": f"{many} with margin",
        "repeat buyers": f"{many} with margin in several periods",
        "churned": f"{many} who churned",
    }[obstacle.kind]
    return f"effects cannot be estimated: {obstacle.found:,} {what}, {obstacle.needed:,} are needed"
