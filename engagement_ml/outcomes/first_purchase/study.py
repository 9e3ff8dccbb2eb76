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
    add_model_uncertainty,
    estimate_window_effect,
)
from engagement_ml.drivers.retention.discrete_hazard import fit_hazard, logistic, score_test_z
from engagement_ml.drivers.selection.stability_selection import bootstrap_selection, half_strengths
from engagement_ml.drivers.thresholds import Thresholds
from engagement_ml.outcomes.chance import chance_weights
from engagement_ml.outcomes.first_purchase.checks import Check, checks
from engagement_ml.outcomes.first_purchase.effects import (
    FirstPurchaseFit,
    Terms,
    as_relative_change,
    fit_first_purchase,
    without_common_state,
)
from engagement_ml.outcomes.first_purchase.finding import Finding, Naive
from engagement_ml.outcomes.first_purchase.judging import has_risen
from engagement_ml.outcomes.first_purchase.limits import Limits, lag_groups
from engagement_ml.outcomes.first_purchase.prospects import Prospects
from engagement_ml.outcomes.first_purchase.rows import RiskRows, risk_rows
from engagement_ml.outcomes.first_purchase.timing import preparation_days, rises_before

MIN_RISE = 1e-6
"""Rise of a cumulative hazard below which all of it is a rise of the chance."""


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
    names = _present(prospects, limits)
    columns = [prospects.behaviours.index(b) for b in names]
    longest = risk_rows(prospects, columns, lag_groups(limits.preparation_days[-1], limits)[0])
    preparation, _ = preparation_days(longest, limits)
    groups, n_close = lag_groups(preparation, limits)
    rows = risk_rows(prospects, columns, groups, seed=seed)
    n, n_groups, every = len(names), len(groups), range(len(names))
    evidence = fit_first_purchase(rows, Terms.of(n, n_groups, [n_close] * n))
    full = fit_first_purchase(rows, Terms.of(n, n_groups, [0] * n))
    raw = evidence.effects(names, every, n_close)
    corrected, loadings = without_common_state(raw, rows, slice(n_close, None))
    whole, _ = without_common_state(full.effects(names, every, 0), rows, slice(None))
    # Odds given no recent event: what follows a decision would make a purchase look certain anyway.
    base = fit_hazard(
        rows.event,
        np.concatenate([rows.controls, rows.levels], axis=1),
        rows.entity,
        rows.n_entities,
    )
    log_odds = base.linear_predictor + np.log(rows.drawn)
    weights, chance = _chance(prospects, rows, log_odds, days)
    size = _Size(log_odds[~rows.event], weights, days, thresholds.form_error, seed)
    halves = half_strengths(corrected, seed=seed)
    within = {b: estimate_window_effect(corrected, i, seed=seed) for i, b in enumerate(names)}
    sizes = size.of(whole)
    passing = [b for b in names if abs(within[b].z) >= thresholds.min_z]
    rises = rises_before(full, n)
    own = [
        b
        for b in passing
        if not has_risen(rises[names.index(b)], within[b].z, _largest(within[b]), limits)
    ]
    sizes |= _sizes_of_passing(rows, names, own, n_close, size)
    std = rows.window()[~rows.event].std(axis=0)
    stability = bootstrap_selection(
        corrected,
        passing,
        dict.fromkeys(names, 1.0),
        dict.fromkeys(names, 0.0),
        at_most=n,
        min_z=thresholds.min_z,
        seed=seed,
    )
    controls = [b for b in names if config.behaviour(b).role == "negative_control"]
    context = Check(prospects, rows, evidence, names, within, n_close, thresholds, seed)
    failed = checks(context, passing, controls)
    converged = evidence.fit.converged and full.fit.converged
    naive = _naive(rows)
    findings = {
        b: Finding(
            behaviour=b,
            role=config.behaviour(b).role,
            size=sizes[b],
            z=within[b].z,
            uncorrected_z=estimate_window_effect(raw, i, seed=seed).z,
            half_z=halves[b],
            close_z=_close(full, i, n_close)[2],
            close=_close(full, i, n_close)[:2],
            largest=_largest(within[b]),
            ratio=_ratio(whole, i),
            rises=rises[i],
            loading=None if loadings is None else float(loadings[i]),
            frequency=_frequency(stability.passes, b, within[b], thresholds),
            naive=naive[i],
            std=float(std[i]),
            n_others=n - 1,
            min_effect=config.select.smallest_effect * chance,
            failed=tuple(failed.get(b, ())),
            converged=converged,
        )
        for i, b in enumerate(names)
    }
    return Estimates(findings, preparation, chance, converged, weights)


def _present(prospects: Prospects, limits: Limits) -> tuple[str, ...]:
    """Return the behaviours that enough prospects do before they buy."""
    before = prospects.day < prospects.bought[prospects.entity]
    done = prospects.behaviour.astype(np.int64) * len(prospects.ids) + prospects.entity
    which = np.unique(done[before]) // max(len(prospects.ids), 1)
    n = np.bincount(which, minlength=len(prospects.behaviours))
    return tuple(
        b for b, k in zip(prospects.behaviours, n, strict=True) if k >= limits.min_prospects
    )


def _chance(
    prospects: Prospects, rows: RiskRows, log_odds: FloatArray, days: int
) -> tuple[FloatArray, float]:
    """Return the weights of lags and the mean chance to buy, over days without a purchase."""
    quiet = ~rows.event
    buys = prospects.buys[rows.entity[quiet]]
    ahead = prospects.bought[rows.entity[quiet]] - rows.day[quiet]
    # A prospect without a purchase is followed up to the last day on record.
    ahead = np.where(buys, ahead, ahead - 1)
    return chance_weights(ahead, buys, np.exp(log_odds[quiet]), rows.groups, days)


@dataclass(frozen=True)
class _Size:
    """Turns log odds ratios into percentage points of the chance to buy."""

    log_odds: FloatArray
    weights: FloatArray
    days: int
    form_error: float
    seed: int

    def of(self, effects: LagEffects) -> dict[str, WindowEffect]:
        """Return each effect in percentage points, with its interval."""
        change = as_relative_change(effects, self.log_odds, self.weights)
        return {b: self._one(change, i) for i, b in enumerate(effects.behaviours)}

    def _one(self, change: LagEffects, b: int) -> WindowEffect:
        found = estimate_window_effect(change, b, seed=self.seed)
        share = self._moved_once(change, found)
        found = replace(
            found,
            effect=share * found.effect,
            low=share * found.low,
            high=share * found.high,
            draws=share * found.draws,
        )
        return add_model_uncertainty(found, self.form_error, 0.0, (self.seed, 13, b))

    def _moved_once(self, change: LagEffects, found: WindowEffect) -> float:
        """Return the share of the effect that is left as a prospect is moved to buy only once.

        With a rise x of the cumulative hazard, ``1 − exp(−x)`` are moved, not x; the mean over days
        at risk, weighted by their hazard.
        """
        width = [
            min(last, self.days) - min(first - 1, self.days) for first, last in change.lags.groups
        ]
        hazard = logistic(self.log_odds)
        rise = hazard * float(np.array(width) @ found.profile)
        small = np.abs(rise) < MIN_RISE
        share = np.where(small, 1.0, -np.expm1(-rise) / np.where(small, 1.0, rise))
        return float(hazard @ share) / max(float(hazard.sum()), 1e-300)


def _largest(within: WindowEffect) -> float:
    """Return the largest log hazard ratio over the lags before the days of preparation."""
    return float(within.profile[np.abs(within.profile).argmax()])


def _sizes_of_passing(
    rows: RiskRows, names: Sequence[str], passing: Sequence[str], n_close: int, size: _Size
) -> dict[str, WindowEffect]:
    """Return the sizes of effects that pass, fitted with their events of the last days too.

    What all others do in the last days, those that prepare among them, is no control: it may follow
    from the event.
    """
    if not passing:
        return {}
    first = [0 if b in passing else n_close for b in names]
    fit = fit_first_purchase(rows, Terms.of(len(names), len(rows.groups), first))
    return size.of(fit.effects(passing, [names.index(b) for b in passing], 0))


def _close(full: FirstPurchaseFit, b: int, n_close: int) -> tuple[float, float, float]:
    """Return the effect of the last days, that right after them, and z of the first."""
    places = full.terms.of_behaviour(b)
    groups = full.rows.groups
    width = np.array([last - first + 1 for first, last in groups[:n_close]], dtype=np.float64)
    near = places[:n_close]
    mean = float(width @ full.fit.coef[near]) / width.sum()
    influence = full.fit.influence[:, near] @ width / width.sum()
    error = float(np.sqrt((influence**2).sum()))
    return mean, error, mean / error if error > 0 else 0.0


def _ratio(whole: LagEffects, b: int) -> tuple[float, float, float]:
    """Return the hazard ratio of one event at its largest over the lags, with its 95% interval.

    The mean over the lags of the first four weeks.
    """
    groups = whole.lags.groups
    width = np.array([max(0, min(last, 28) - first + 1) for first, last in groups], dtype=float)
    width /= width.sum()
    mean = float(whole.coef[b] @ width)
    error = NORMAL_95 * float(np.linalg.norm(whole.influence[:, b] @ width))
    low, high = np.clip([mean - error, mean + error], -20.0, 20.0)
    return float(np.exp(np.clip(mean, -20, 20))), float(np.exp(low)), float(np.exp(high))


def _frequency(
    passes: Mapping[str, float], b: str, within: WindowEffect, thresholds: Thresholds
) -> float:
    """Return the share of bootstraps in which a behaviour passes; of a harmful one, 1."""
    if within.z <= -thresholds.min_z:
        return 1.0
    return passes.get(b, 0.0)


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
