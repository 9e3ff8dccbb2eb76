"""Correction for a hidden common state: effects of many behaviours, most of which do nothing.

A hidden state that moves all behaviours and the hazard, such as a decline of interest, puts on
behaviour b a bias proportional to ``w_b``, with ``w = Σ⁻¹ λ``: λ are the loadings of the recent
counts on their common factor, and Σ their covariance. If most behaviours do nothing, the size γ of
the bias is a robust regression of the coefficients on w, and ``b − γ w`` is corrected (Miao, Hu,
Ogburn and Zhou 2023, on multiple treatments of which most are null).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.decay_profiles import DecayProfile
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.retention.latent_affinity import MIN_LOADING, factor_loadings

TUKEY_Z = 4.685
"""z from which a behaviour has no weight in the bias: Tukey's biweight, 95% efficient."""

MAX_ROUNDS = 100
"""Largest number of reweighting rounds."""

TOLERANCE = 1e-9
"""Reweighting ends if no weight changes by more."""

MIN_VARIANCE = 0.0
"""A factor is looked for only after leavers show a common state, so any size counts."""


@dataclass(frozen=True)
class CommonState:
    """The direction of the bias that a hidden common state causes.

    Attributes
    ----------
    loadings : array (B,)
        Of the recent counts on their common factor, mostly positive.
    direction : array (B,)
        w, per event.
    """

    loadings: FloatArray
    direction: FloatArray

    @classmethod
    def from_recent_counts(cls, counts: FloatArray, controls: FloatArray) -> CommonState | None:
        """Find the common factor of recent counts, given the controls.

        Parameters
        ----------
        counts : array (N, B)
        controls : array (N, C)

        Returns
        -------
        CommonState or None
            None if fewer than three behaviours share a factor.
        """
        residual = _residualise(counts, controls)
        std = residual.std(axis=0)
        varying = std > 0
        loadings, direction = np.zeros(std.size), np.zeros(std.size)
        if varying.sum() < 2:
            return None
        correlation = np.atleast_2d(np.corrcoef(residual[:, varying].T))
        found = factor_loadings(correlation, MIN_VARIANCE, max_factors=1)
        if found.shape[1] == 0:
            return None
        own = found[:, 0] * np.sign(found[:, 0].sum())
        loadings[varying] = own
        direction[varying] = np.linalg.solve(correlation, own) / std[varying]
        return cls(loadings, direction)

    def remove_from(self, effects: LagEffects) -> LagEffects:
        """Return the effects without the bias, at each lag, with its error in their influence.

        A behaviour's weight in the bias is Tukey's biweight of the z of what the bias leaves of its
        whole lag profile. The regression starts at each behaviour in turn, and the start with the
        smallest loss is taken, because the loss of a redescending weight has several minima.
        """
        profiles = [
            DecayProfile.from_covariance(effects.covariance(b), effects.lags)
            for b in range(len(effects.behaviours))
        ]
        loads = np.abs(self.loadings) >= MIN_LOADING
        usable = np.array([p is not None for p in profiles]) & loads & (self.direction != 0)
        if usable.sum() < 3:
            return effects
        regression = _BiasRegression(effects, self.direction, usable, profiles)
        starts = [regression.fit(int(b)) for b in np.nonzero(usable)[0]]
        combination = min(starts, key=lambda pair: pair[0])[1]
        bias = (combination * effects.coef).sum(axis=0)
        bias_influence = np.einsum("bg,nbg->ng", combination, effects.influence)
        return replace(
            effects,
            coef=effects.coef - self.direction[:, None] * bias,
            influence=effects.influence - self.direction[:, None] * bias_influence[:, None, :],
        )


@dataclass(frozen=True)
class _BiasRegression:
    """Weighted regression of coefficients on the direction, lag by lag, without intercept."""

    effects: LagEffects
    direction: FloatArray
    usable: np.ndarray
    profiles: list[DecayProfile | None]

    def fit(self, start: int) -> tuple[float, FloatArray]:
        """Return the loss, and the combination of coefficients that is γ at each lag, (B, G)."""
        weight = (np.arange(self.direction.size) == start).astype(np.float64)
        combination = self._combination(weight)
        for _ in range(MAX_ROUNDS):
            share = 1.0 - (self._z(combination) / TUKEY_Z) ** 2
            updated = np.where(self.usable, np.clip(share, 0.0, None) ** 2, 0.0)
            if not updated.any():
                return np.inf, combination
            change = np.abs(updated - weight).max()
            weight = updated
            combination = self._combination(weight)
            if change < TOLERANCE:
                break
        share = np.clip(1.0 - (self._z(combination) / TUKEY_Z) ** 2, 0.0, None)
        return float((1.0 - share[self.usable] ** 3).sum()), combination

    def _combination(self, weight: FloatArray) -> FloatArray:
        """Return c (B, G) with ``γ_g = Σ_b c_bg coef_bg``, by weight and precision."""
        variance = np.einsum("nbg,nbg->bg", self.effects.influence, self.effects.influence)
        w = np.where(self.usable, self.direction, 0.0)[:, None]
        slope = weight[:, None] * w / np.where(variance > 0, variance, np.inf)
        return np.asarray(slope / np.maximum((slope * w).sum(axis=0), 1e-300))

    def _z(self, combination: FloatArray) -> FloatArray:
        coef = self.effects.coef
        left = coef - self.direction[:, None] * (combination * coef).sum(axis=0)
        return np.array(
            [0.0 if p is None else p.max_z(row) for p, row in zip(self.profiles, left, strict=True)]
        )


def _residualise(counts: FloatArray, controls: FloatArray) -> FloatArray:
    """Return the counts less their projection on the controls and a constant."""
    x = np.concatenate([controls, np.ones((len(controls), 1))], axis=1).astype(np.float64)
    y = counts.astype(np.float64)
    return np.asarray(y - x @ (np.linalg.pinv(x.T @ x) @ (x.T @ y)))
