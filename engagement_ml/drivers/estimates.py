"""Within-entity estimates of every behaviour, each by the model that is right for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from engagement_ml._typing import Int64Array
from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects, estimation_sample
from engagement_ml.drivers.estimation.leads import lead_contrasts, purchase_adjusted_effects
from engagement_ml.drivers.estimation.reverse_causality import (
    PurchaseResponse,
    estimate_purchase_responses,
)
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.estimation.window_effect import (
    WindowEffect,
    add_model_uncertainty,
    estimate_window_effect,
)
from engagement_ml.drivers.retention.churn_cost import ChurnOutcomes
from engagement_ml.drivers.retention.churn_effects import (
    churn_indicator,
    estimate_churn_effects,
    risk_set,
)
from engagement_ml.drivers.selection.stability_selection import half_strengths
from engagement_ml.drivers.validation.flexible_controls import Flexible, flexible_strengths
from engagement_ml.drivers.verdicts import LEAST_LEAD_Z, LEAST_Z
from engagement_ml.features.panel import Panel
from engagement_ml.features.period_panel import Periods
from engagement_ml.features.rfm import TENURE

_LEAST_PERIODS = 8
_LEAST_REPEATING = 0.2
_LEAST_CHURNED = 100
FORM_ERROR = 0.05
"""Error of an effect's size from what no sample tells: the form of its response, how it fades. On
worlds with known truth estimates are off by some 5% beyond what the luck of the sample explains."""
_LEAST_IN_GROUP = 50
_MOST_GROUPS = 20
_MAY_ACT_Z = 2.0


@dataclass(frozen=True)
class Estimates:
    """Within-entity estimates of all behaviours, from whichever model is right for each."""

    within: dict[str, WindowEffect]
    main: LagEffects | None
    responses: dict[str, PurchaseResponse]
    half_z: dict[str, tuple[float, float]]
    lead_z: dict[str, tuple[float, float]]
    flexible: dict[str, Flexible] = field(default_factory=dict)


def nothing() -> Estimates:
    """Return no estimate at all."""
    return Estimates({}, None, {}, {}, {})


def estimate_within(
    periods: Periods,
    spans: Spans,
    config: PipelineConfig,
    level: float,
    lags: Lags,
    panel: Panel | None = None,
) -> Estimates:
    """Estimate each behaviour with the model that is right for it.

    Behaviours that answer to purchases are kept out of the main model, where they would take away
    from what causes the purchases; those that pass the stricter test come back into it, as
    conditioning on past purchases inflates the size of an effect.
    """
    if ends_by_event(config):
        found = _survival(periods, spans, config, panel)
    else:
        found = _lagged(periods, spans, config, level, lags)
    level_off, seed = level_error(panel), config.random_seed
    within = {
        b: add_model_uncertainty(w, FORM_ERROR, level_off, (seed, 8, i))
        for i, (b, w) in enumerate(sorted(found.within.items()))
    }
    return replace(found, within=within)


def _lagged(
    periods: Periods, spans: Spans, config: PipelineConfig, level: float, lags: Lags
) -> Estimates:
    seed, burn_in = config.random_seed, spans.burn_in
    names = tuple(b for i, b in enumerate(periods.behaviours) if periods.counts[..., i].any())
    group = segment_groups(periods)
    responses = estimate_purchase_responses(periods, names, burn_in=burn_in, group=group)
    declared = {b for b in names if config.behaviour(b).role == "consequence"}
    responding = tuple(b for b in names if responses[b].responds or b in declared)
    clean = tuple(b for b in names if b not in responding)
    within: dict[str, WindowEffect] = {}
    halves: dict[str, tuple[float, float]] = {}
    lead_z: dict[str, tuple[float, float]] = {}
    passed: tuple[str, ...] = ()
    if responding:
        strict, lead_z = purchase_adjusted_effects(periods, spans, responding, clean, group=group)
        strict = strict.rescale_margin_level(level)
        within |= {
            b: estimate_window_effect(strict, i, seed=seed) for i, b in enumerate(responding)
        }
        halves |= half_strengths(strict, seed=seed)
        passed = tuple(
            b
            for b in responding
            if b not in declared and within[b].z >= LEAST_Z and min(lead_z[b]) >= LEAST_LEAD_Z
        )
    main, flexible = None, {}
    together = tuple(b for b in names if b in clean or b in passed)
    if together:
        main = estimate_lag_effects(
            periods, together, lags, burn_in=burn_in, group=group, nonlinear=True
        )
        main = main.rescale_margin_level(level)
        within |= {b: estimate_window_effect(main, i, seed=seed) for i, b in enumerate(together)}
        halves |= half_strengths(main, seed=seed)
        if any(abs(within[b].z) >= LEAST_Z for b in clean):
            leads = lead_contrasts(periods, spans, together, group=group)
            lead_z |= {b: z for b, z in leads.items() if b in clean}
        flexible = _flexible(periods, spans, together, within)
    return Estimates(within, main, responses, halves, lead_z, flexible)


def _flexible(
    periods: Periods, spans: Spans, together: tuple[str, ...], within: dict[str, WindowEffect]
) -> dict[str, Flexible]:
    candidates = [b for b in together if abs(within[b].z) >= LEAST_Z]
    acting = [b for b in together if abs(within[b].z) >= _MAY_ACT_Z]
    if not candidates or len(acting) < 2:
        return {}
    return flexible_strengths(
        RollingCounts.from_periods(periods, spans, together), candidates, acting
    )


def _survival(
    periods: Periods, spans: Spans, config: PipelineConfig, panel: Panel | None
) -> Estimates:
    """Estimate what keeps the entities, where churn is an event that ends their margin."""
    seed = config.random_seed
    names = tuple(b for i, b in enumerate(periods.behaviours) if periods.counts[..., i].any())
    main = estimate_churn_effects(periods, names, spans, _leaving(panel, spans))
    within = {b: estimate_window_effect(main, i, seed=seed) for i, b in enumerate(names)}
    return Estimates(within, main, {}, half_strengths(main, seed=seed), {})


def _leaving(panel: Panel | None, spans: Spans) -> ChurnOutcomes | None:
    """Who left of those at risk at the panel's cutoffs, and how long they had been there."""
    if panel is None:
        return None
    known = panel.frame.loc[panel.frame["churned"].notna(), [TENURE, "churned"]]
    if known.empty:
        return None
    span = np.ceil(known[TENURE].to_numpy() / spans.period_days)
    span = np.clip(span, 1, spans.observation).astype(np.int64)
    return ChurnOutcomes(span, known["churned"].to_numpy(dtype=np.float64))


def fitted_margin(periods: Periods, spans: Spans) -> float:
    """Return the mean margin of as many fitted cells as an outcome window has periods."""
    cells = estimation_sample(periods, spans.burn_in)
    margin = float((periods.gain - periods.loss)[cells].sum())
    return margin / max(int(cells.sum()), 1) * spans.outcome


def level_ratio(periods: Periods, spans: Spans, panel: Panel | None) -> float:
    """Return mean gain of an outcome window, over the panel, to what the fitted cells make of it.

    Effects are proportional to the level of margin, and so are put on that of all mature outcome
    windows, whatever the season of those that were fitted. What is worth having is put there with
    them, so that verdicts, choice and weights do not depend on it.
    """
    cells = estimation_sample(periods, spans.burn_in)
    fitted = float(periods.gain[cells].sum()) / max(int(cells.sum()), 1) * spans.outcome
    known = float(panel.frame["gain"].mean()) if panel is not None and len(panel.frame) else 0.0
    return known / fitted if known > 0 and fitted > 0 else 1.0


def level_error(panel: Panel | None) -> float:
    """Return the standard error of the mean gain over cutoffs, as a share of it.

    Effects go by the level of margin, which differs from cutoff to cutoff; 0 with fewer than two.
    """
    if panel is None or not len(panel.frame):
        return 0.0
    means = panel.frame.groupby("cutoff")["gain"].mean().to_numpy()
    if len(means) < 2 or means.mean() <= 0:
        return 0.0
    return float(means.std(ddof=1) / means.mean() / np.sqrt(len(means)))


def segment_groups(periods: Periods) -> Int64Array | None:
    """Return the number of each entity's combination of the configured segments.

    What moves a whole segment at once (its season, its campaigns) then says nothing. Combinations
    of fewer than 50 entities share one number; None where no segment is configured.
    """
    if not periods.segments:
        return None
    labels = np.stack([v.astype(str) for v in periods.segments.values()], axis=1)
    _, code, size = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
    large = size >= _LEAST_IN_GROUP
    number = np.where(large, np.cumsum(large) - 1, int(large.sum()))
    if large.sum() > _MOST_GROUPS:
        return None
    _, dense = np.unique(number[code.ravel()], return_inverse=True)
    return np.asarray(dense, dtype=np.int64)


def obstacle_within(periods: Periods, spans: Spans) -> str | None:
    """Say what keeps the data from showing change within entities, or None."""
    cells = estimation_sample(periods, spans.burn_in)
    n_periods = periods.gain.shape[1] - spans.burn_in
    least = max(_LEAST_PERIODS, spans.observation // 2)
    if n_periods < least:
        return (
            f"only {max(n_periods, 0)} periods of {periods.period_days} days to learn from, "
            f"and at least {least} are needed"
        )
    buying = ((periods.gain > 0) & cells).sum(axis=1)
    buyers = int((buying > 0).sum())
    if buyers < 30:
        return f"only {buyers} entities with any margin to learn from"
    if (buying > 1).sum() < _LEAST_REPEATING * buyers:
        return (
            "hardly anybody has margin in more than one period, so there is no change to learn from"
        )
    return None


def obstacle_survival(periods: Periods, spans: Spans) -> str | None:
    """Say what keeps the data from showing what keeps entities, or None."""
    n_periods = periods.gain.shape[1] - spans.observation
    if n_periods < _LEAST_PERIODS:
        return (
            f"only {max(n_periods, 0)} periods of {periods.period_days} days after a whole "
            f"observation window, and at least {_LEAST_PERIODS} are needed"
        )
    churned = int((churn_indicator(periods) & risk_set(periods, spans)).sum())
    if churned < _LEAST_CHURNED:
        return f"only {churned} churned, and at least {_LEAST_CHURNED} are needed"
    return None


def ends_by_event(config: PipelineConfig) -> bool:
    """Whether margin ends with an event: then what keeps entities is what moves margin."""
    return config.churn.kind == "event"
