"""Sizes of effects on the first purchase, in percentage points of the chance to buy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.window_effect import (
    WindowEffect,
    add_model_uncertainty,
    estimate_window_effect,
)
from engagement_ml.drivers.retention.discrete_hazard import logistic
from engagement_ml.outcomes.chance import chance_weights
from engagement_ml.outcomes.first_purchase.effects import (
    Terms,
    as_relative_change,
    fit_first_purchase,
)
from engagement_ml.outcomes.first_purchase.prospects import Prospects
from engagement_ml.outcomes.first_purchase.rows import RiskRows

MIN_RISE = 1e-6
"""Rise of a cumulative hazard below which all of it is a rise of the chance."""


def chance_of(
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
class Size:
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


def sizes_of_passing(
    rows: RiskRows, names: Sequence[str], passing: Sequence[str], n_close: int, size: Size
) -> dict[str, WindowEffect]:
    """Return the sizes of effects that pass, fitted with their events of the last days too.

    What all others do in the last days, those that prepare among them, is no control: it may follow
    from the event.
    """
    if not passing:
        return {}
    first = [0 if b in passing else n_close for b in names]
    fit = fit_first_purchase(rows, Terms.of(len(names), len(rows.groups), first))
    if not fit.fit.converged:
        return {}
    return size.of(fit.effects(passing, [names.index(b) for b in passing], 0))
