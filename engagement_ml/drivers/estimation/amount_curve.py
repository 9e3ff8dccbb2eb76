"""The load response of gains or of losses in currency: mean slope, base level and curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.load_response import MAX_LOG_CHANGE, LoadFit, powers, spline

MAX_BASE_RATIO = 5.0
"""Times by which a load may change the amount in cells that tell the amount without it."""


@dataclass(frozen=True)
class AmountCurve:
    """The load response of gains (sign 1) or losses (sign −1).

    Attributes
    ----------
    fit : LoadFit
    load : array (n, T)
    sign : float
    level : float
        Mean amount per period, in currency.
    knots : tuple of float or None
        Of a linear spline; None for a polynomial.
    """

    fit: LoadFit
    load: FloatArray
    sign: float
    level: float
    knots: tuple[float, ...] | None = None

    def terms(self, load: FloatArray) -> FloatArray:
        """Return the terms of the curve at a load along a new last axis."""
        return powers(load, self.fit.n_terms) if self.knots is None else spline(load, self.knots)

    def change(self, coef: FloatArray, step: float) -> FloatArray:
        """Return the relative change of E[y] in each cell if the load is higher by a step."""
        change = (self.terms(self.load + step) - self.terms(self.load)) @ coef
        return np.asarray(np.expm1(np.minimum(change, MAX_LOG_CHANGE)))

    def slope(self, step: float) -> tuple[float, FloatArray, FloatArray]:
        """Return the mean effect of a step of the load in currency per period.

        Returns
        -------
        slope : float
        influence : array (n,)
            By the delta method; fitted means change with the coefficients, too.
        sampling : array (n,)
            Each entity's effect less the mean effect on as many cells.
        """
        fit, mean = self.fit, self.fit.mean
        total = max(float(mean.sum()), 1e-300)
        relative = self.change(fit.coef, step)
        effect = mean * relative
        slope = float(effect.sum()) / total
        terms = self.terms(self.load)
        entity_total = np.maximum(mean.sum(axis=1), 1e-300)
        centre = np.einsum("nt,ntk->nk", mean, terms) / entity_total[:, None]
        rise = np.einsum("nt,ntk->k", mean * (1 + relative), self.terms(self.load + step) - terms)
        shift = np.einsum("nt,ntk->k", effect, terms) - effect.sum(axis=1) @ centre
        jacobian = (rise + shift) / total
        n_cells = fit.cells.sum(axis=1)
        share = n_cells / max(int(n_cells.sum()), 1)
        sampling = effect.sum(axis=1) / total - share * slope
        scale = self.sign * self.level
        return scale * slope, scale * (fit.influence @ jacobian), scale * sampling

    @property
    def base(self) -> float:
        """Mean amount per period without any load, signed, in currency.

        Cells whose load changes the amount by more than `MAX_BASE_RATIO` are left out: the amount
        without it is no more than an extrapolation of the polynomial there.
        """
        log_load = self.terms(self.load) @ self.fit.coef
        near = self.fit.cells & (np.abs(log_load) <= np.log(MAX_BASE_RATIO))
        without = np.where(near, self.fit.mean * np.exp(np.where(near, -log_load, 0.0)), 0.0)
        mean = float(self.fit.mean.sum()) / max(int(self.fit.cells.sum()), 1)
        share = float(without.sum()) / max(int(near.sum()), 1) / max(mean, 1e-300)
        return float(self.sign * self.level * share)

    def margin(self, grid: FloatArray, coefs: FloatArray) -> FloatArray:
        """Return margin per period at each load, compared with no load, shape (D, Z)."""
        log_change = np.atleast_2d(coefs) @ self.terms(grid).T
        return self.base * np.expm1(np.minimum(log_change, MAX_LOG_CHANGE))
