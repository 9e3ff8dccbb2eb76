"""Estimates of what each behaviour does to the first purchase, with the checks behind verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.window_effect import (
    NORMAL_95,
    WindowEffect,
    estimate_window_effect,
)
from engagement_ml.drivers.retention.discrete_hazard import fit_hazard, score_test_z
from engagement_ml.drivers.selection.stability_selection import bootstrap_selection, half_strengths
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.outcomes.first_purchase.checks import Check, checks
from engagement_ml.outcomes.first_purchase.effects import (
    FirstPurchaseFit,
    Terms,
    fit_first_purchase,
    without_common_state,
)
from engagement_ml.outcomes.first_purchase.finding import Finding, Naive
from engagement_ml.outcomes.first_purchase.judging import has_risen
from engagement_ml.outcomes.first_purchase.limits import Limits, lag_groups
from engagement_ml.outcomes.first_purchase.prospects import Prospects
from engagement_ml.outcomes.first_purchase.rows import RiskRows, risk_rows
from engagement_ml.outcomes.first_purchase.sizes import Size, chance_of, sizes_of_passing
from engagement_ml.outcomes.first_purchase.timing import preparation_days, rises_before


@dataclass(frozen=True)
class Estimates:
    """All findings, and what they have in common.

    Attributes
    ----------
    findings : dict of behaviour to Finding
        Only of behaviours that enough prospects do.
    preparation : int
        Days before a purchase that are no evidence.
    chance : float
        Percent of prospects at risk who buy within the outcome window.
    converged : bool
    weights : array (G,)
        Percentage points for a relative change of 1 of the hazard, by group of lags.
    """

    findings: Mapping[str, Finding]
    preparation: int
    chance: float
    converged: bool
    weights: FloatArray


def estimate(
    prospects: Prospects,
    config: PipelineConfig,
    thresholds: Thresholds,
    limits: Limits,
) -> Estimates:
    """Estimate every behaviour's effect on the first purchase.

    Effects rest on events before the days of preparation (`evidence`). The size of an effect that
    passes is fitted again with its own events in those days (`size`).
    """
    seed, days = config.random_seed, config.windows.outcome_days
    fits = _fit(prospects, present(prospects, limits), limits, seed)
    names, rows, n_close = fits.names, fits.rows, fits.n_close
    # Odds given no recent event: what follows a decision would make a purchase look certain anyway.
    x = np.concatenate([rows.controls, rows.levels], axis=1)
    base = fit_hazard(rows.event, x, rows.entity, rows.n_entities)
    log_odds = base.linear_predictor + np.log(rows.drawn)
    weights, chance = chance_of(prospects, rows, log_odds, days)
    size = Size(log_odds[~rows.event], weights, days, thresholds.form_error, seed)
    within = {b: estimate_window_effect(fits.corrected, i, seed=seed) for i, b in enumerate(names)}
    passing = [b for b in names if abs(within[b].z) >= thresholds.min_z]
    rises = dict(zip(names, rises_before(fits.full, len(names)), strict=True))
    own = [b for b in passing if not has_risen(rises[b], within[b].z, _largest(within[b]), limits)]
    sizes = size.of(fits.whole) | sizes_of_passing(rows, names, own, n_close, size)
    controls = [b for b in names if config.behaviour(b).role == "negative_control"]
    context = Check(prospects, rows, fits.evidence, names, within, n_close, thresholds, seed)
    failed = checks(context, passing, controls)
    frequency = _frequencies(fits.corrected, passing, within, thresholds, seed)
    halves = half_strengths(fits.corrected, seed=seed)
    std = rows.window()[~rows.event].std(axis=0)
    naive = _naive(rows)
    findings = {
        b: Finding(
            behaviour=b,
            role=config.behaviour(b).role,
            size=sizes[b],
            z=within[b].z,
            uncorrected_z=estimate_window_effect(fits.raw, i, seed=seed).z,
            half_z=halves[b],
            close=_close(fits.full, i, n_close),
            largest=_largest(within[b]),
            ratio=_ratio(fits.whole, i),
            rises=rises[b],
            loading=None if fits.loadings is None else float(fits.loadings[i]),
            frequency=frequency.get(b, 0.0),
            naive=naive[i],
            std=float(std[i]),
            n_others=len(names) - 1,
            min_effect=config.select.smallest_effect * chance,
            failed=tuple(failed.get(b, ())),
            converged=fits.converged,
        )
        for i, b in enumerate(names)
    }
    return Estimates(findings, fits.preparation, chance, fits.converged, weights)


@dataclass(frozen=True)
class _Fits:
    """The fits behind all estimates, and their effects with and without the common state."""

    names: tuple[str, ...]
    rows: RiskRows
    preparation: int
    n_close: int
    evidence: FirstPurchaseFit
    full: FirstPurchaseFit
    raw: LagEffects
    corrected: LagEffects
    whole: LagEffects
    loadings: FloatArray | None

    @property
    def converged(self) -> bool:
        return self.evidence.fit.converged and self.full.fit.converged


def _fit(prospects: Prospects, names: tuple[str, ...], limits: Limits, seed: int) -> _Fits:
    """Find the days of preparation, and fit the hazard without and with the events in them."""
    columns = [prospects.behaviours.index(b) for b in names]
    longest, _ = lag_groups(limits.preparation_days[-1], limits)
    preparation = preparation_days(risk_rows(prospects, columns, longest, seed=seed), limits)
    groups, n_close = lag_groups(preparation, limits)
    rows = risk_rows(prospects, columns, groups, seed=seed)
    n, n_groups, every = len(names), len(groups), range(len(names))
    evidence = fit_first_purchase(rows, Terms.of(n, n_groups, [n_close] * n))
    full = fit_first_purchase(rows, Terms.of(n, n_groups, [0] * n))
    raw = evidence.effects(names, every, n_close)
    corrected, loadings = without_common_state(raw, rows, slice(n_close, None))
    whole, _ = without_common_state(full.effects(names, every, 0), rows, slice(None))
    return _Fits(names, rows, preparation, n_close, evidence, full, raw, corrected, whole, loadings)


def present(prospects: Prospects, limits: Limits) -> tuple[str, ...]:
    """Return the behaviours that enough prospects do before they buy."""
    before = prospects.day < prospects.bought[prospects.entity]
    done = prospects.behaviour.astype(np.int64) * len(prospects.ids) + prospects.entity
    which = np.unique(done[before]) // max(len(prospects.ids), 1)
    n = np.bincount(which, minlength=len(prospects.behaviours))
    return tuple(
        b for b, k in zip(prospects.behaviours, n, strict=True) if k >= limits.min_prospects
    )


def _largest(within: WindowEffect) -> float:
    """Return the largest log hazard ratio over the lags before the days of preparation."""
    return float(within.profile[np.abs(within.profile).argmax()])


def _close(full: FirstPurchaseFit, b: int, n_close: int) -> tuple[float, float]:
    """Return the mean log hazard ratio of events in the days of preparation, and its error."""
    places = full.terms.of_behaviour(b)
    groups = full.rows.groups
    width = np.array([last - first + 1 for first, last in groups[:n_close]], dtype=np.float64)
    near = places[:n_close]
    mean = float(width @ full.fit.coef[near]) / width.sum()
    influence = full.fit.influence[:, near] @ width / width.sum()
    return mean, float(np.sqrt((influence**2).sum()))


def _ratio(whole: LagEffects, b: int) -> tuple[float, float, float]:
    """Return the mean hazard ratio of one event over four weeks, with its 95% interval."""
    groups = whole.lags.groups
    width = np.array([max(0, min(last, 28) - first + 1) for first, last in groups], dtype=float)
    width /= width.sum()
    mean = float(whole.coef[b] @ width)
    error = NORMAL_95 * float(np.linalg.norm(whole.influence[:, b] @ width))
    low, high = np.clip([mean - error, mean + error], -20.0, 20.0)
    return float(np.exp(np.clip(mean, -20, 20))), float(np.exp(low)), float(np.exp(high))


def _frequencies(
    corrected: LagEffects,
    passing: Sequence[str],
    within: Mapping[str, WindowEffect],
    thresholds: Thresholds,
    seed: int,
) -> dict[str, float]:
    """Return the share of bootstraps in which each passing behaviour passes again."""
    signs = {b: float(np.sign(within[b].z)) for b in passing}
    by_sign = np.array([signs.get(b, 1.0) for b in corrected.behaviours])
    upward = replace(
        corrected,
        coef=corrected.coef * by_sign[:, None],
        influence=corrected.influence * by_sign[:, None],
    )
    stability = bootstrap_selection(
        upward,
        passing,
        dict.fromkeys(passing, 1.0),
        dict.fromkeys(passing, 0.0),
        at_most=len(passing),
        min_z=thresholds.min_z,
        seed=seed,
    )
    return dict(stability.passes)


def _naive(rows: RiskRows) -> list[Naive]:
    """Return each count's association with buying, given nothing but age and calendar time.

    By score tests beside a fit on the controls; the slope is that of one Newton step.
    """
    fit = fit_hazard(rows.event, rows.controls, rows.entity, rows.n_entities)
    window = rows.window().astype(np.float32)
    z = score_test_z(rows.event, rows.controls, fit, window)
    variance = fit.probability * (1.0 - fit.probability)
    mean = variance @ window / max(float(variance.sum()), 1e-300)
    information = variance @ (window - mean) ** 2
    slope = z / np.sqrt(np.maximum(information, 1e-300))
    return [Naive(float(s), float(own)) for s, own in zip(slope, z, strict=True)]
