"""Hazard of the first purchase on own recent events, and the common state behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import Float32Array, FloatArray, LagGroups
from engagement_ml.drivers.estimation.distributed_lags import Lags
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.retention.common_state import CommonState
from engagement_ml.drivers.retention.discrete_hazard import HazardFit, fit_hazard, logistic
from engagement_ml.outcomes.first_purchase.rows import RiskRows

MAX_LOG_RATIO = 5.0
"""Bound of a log hazard ratio, against overflow."""


@dataclass(frozen=True)
class Terms:
    """Which lags of which behaviours are regressors: pairs of behaviour and group of lags.

    Attributes
    ----------
    behaviour, group : tuple of int
    """

    behaviour: tuple[int, ...]
    group: tuple[int, ...]

    @classmethod
    def of(cls, n_behaviours: int, n_groups: int, first: Sequence[int]) -> Terms:
        """Take the groups of each behaviour from a first one on."""
        pairs = [(b, g) for b in range(n_behaviours) for g in range(first[b], n_groups)]
        return cls(tuple(b for b, _ in pairs), tuple(g for _, g in pairs))

    def columns(self, rows: RiskRows) -> Float32Array:
        """Return the counts of the terms, shape (N, K)."""
        return np.asarray(rows.counts[:, list(self.behaviour), list(self.group)])

    def of_behaviour(self, b: int) -> list[int]:
        """Return the positions of a behaviour's terms."""
        return [k for k, each in enumerate(self.behaviour) if each == b]


@dataclass(frozen=True)
class FirstPurchaseFit:
    """A fitted hazard, its terms and all its regressors.

    Attributes
    ----------
    rows : RiskRows
    terms : Terms
        Their coefficients come first.
    x : float32 array (N, P)
    fit : HazardFit
    """

    rows: RiskRows
    terms: Terms
    x: Float32Array
    fit: HazardFit

    def effects(
        self, behaviours: Sequence[str], positions: Sequence[int], first: int
    ) -> LagEffects:
        """Return log hazard ratios of some behaviours over their groups from `first` on."""
        groups: LagGroups = self.rows.groups[first:]
        places = [self.terms.of_behaviour(b)[-len(groups) :] for b in positions]
        return LagEffects(
            behaviours=tuple(behaviours),
            lags=Lags(groups, np.ones(len(groups))),
            coef=self.fit.coef[places],
            influence=self.fit.influence[:, places],
            same_period=np.zeros(len(behaviours)),
            converged=self.fit.converged,
        )


def fit_first_purchase(
    rows: RiskRows, terms: Terms, extra: Float32Array | None = None
) -> FirstPurchaseFit:
    """Fit the hazard on the terms, the long-run rates and the controls."""
    parts = [terms.columns(rows), rows.levels, rows.controls]
    if extra is not None:
        parts.append(extra)
    x = np.concatenate(parts, axis=1, dtype=np.float32)
    return FirstPurchaseFit(rows, terms, x, fit_hazard(rows.event, x, rows.entity, rows.n_entities))


def without_common_state(
    effects: LagEffects, rows: RiskRows, groups: slice
) -> tuple[LagEffects, FloatArray | None]:
    """Take out of the effects what moves all behaviours and the hazard; return the loadings too.

    The common factor is that of recent counts on days without a purchase, given all controls. The
    loadings are None if fewer than three behaviours share a factor.
    """
    quiet = ~rows.event
    controls = np.concatenate([rows.controls, rows.levels], axis=1)[quiet].astype(np.float64)
    state = CommonState.from_recent_counts(rows.window(groups)[quiet], controls)
    if state is None:
        return effects, None
    return state.remove_from(effects), state.loadings


def as_relative_change(
    effects: LagEffects, log_odds: FloatArray, weights: FloatArray
) -> LagEffects:
    """Return the effects as mean relative changes of the hazard, with weights of their lags.

    Parameters
    ----------
    effects : LagEffects
        Log odds ratios.
    log_odds : array (N,)
        Of a purchase on each day, over which the change is averaged.
    weights : array (G,)
    """
    coef = np.clip(effects.coef, -MAX_LOG_RATIO, MAX_LOG_RATIO)
    hazard = logistic(log_odds)
    mean = max(float(hazard.mean()), 1e-300)
    change, slope = np.zeros_like(coef), np.ones_like(coef)
    for place in np.ndindex(*coef.shape):
        after = logistic(log_odds + coef[place])
        change[place] = float((after - hazard).mean()) / mean
        slope[place] = float((after * (1.0 - after)).mean()) / mean
    return LagEffects(
        effects.behaviours,
        Lags(effects.lags.groups, weights),
        change,
        effects.influence * slope,
        effects.same_period,
        converged=effects.converged,
    )
