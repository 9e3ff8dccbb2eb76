"""The evidence that one behaviour's response turns, and what its curve's turn is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.drivers.estimation.load_response import LoadFit, powers

MAX_QUANTILE = 0.995
"""Quantile of the loads beyond which nothing is said about the curve."""


@dataclass(frozen=True)
class MemoryChoice:
    """The length of the load's memory.

    Attributes
    ----------
    memory : int
        In periods.
    others : dict of memory to (weight, LoadFit)
        Other memories that fit nearly as well, with their share of the likelihood and their
        quadratic curves.
    """

    memory: int
    others: dict[int, tuple[float, LoadFit]]


@dataclass(frozen=True)
class TurningTest:
    """The evidence that one behaviour's response turns.

    Attributes
    ----------
    behaviour : str
    choice : MemoryChoice
    curve : LoadFit
        Of gains: the average of the quadratic and the cubic curve, or the quadratic alone if the
        cubic does not turn once.
    fits : dict of degree to LoadFit
        The quadratic and the cubic curve.
    optimum : float
        Load at which gains are largest.
    curvature_z : float
        z of the quadratic term; negative if the curve bends down.
    rising_z, falling_z : float
        z of the lines up to the optimum and beyond it.
    lead_share : float
        The bend before the events, as a share of the one after them.
    n_both_sides : int
        Customers with any gain that were on both sides of the optimum.
    passed : bool
        Whether the response turns by every test.
    """

    behaviour: str
    choice: MemoryChoice
    curve: LoadFit
    fits: dict[int, LoadFit]
    optimum: float
    curvature_z: float
    rising_z: float
    falling_z: float
    lead_share: float
    n_both_sides: int
    passed: bool

    @property
    def memory(self) -> int:
        """Length of the load's memory, in periods."""
        return self.choice.memory


def turns_once(fit: LoadFit, high: float) -> bool:
    """Return whether a curve rises from no load, turns once, and falls up to the load `high`."""
    if not fit.fit.converged:
        return False
    grid = np.linspace(0.0, high, 200)
    steps = np.sign(np.diff(powers(grid, fit.n_terms) @ fit.coef))
    return bool(steps[0] > 0 and (np.diff(steps) != 0).sum() == 1)


def scaled_likelihoods(fits: dict[int, LoadFit]) -> dict[int, float]:
    """Return log-likelihoods in units of the dispersion, relative to the largest."""
    likelihoods = {m: fit.log_likelihood for m, fit in fits.items()}
    best = max(likelihoods, key=lambda m: likelihoods[m])
    dispersion = max(fits[best].dispersion, 1e-300)
    return {m: (value - likelihoods[best]) / dispersion for m, value in likelihoods.items()}


def peak(coef: FloatArray, limit: float) -> float:
    """Return the load up to `limit` at which the polynomial is largest.

    Examples
    --------
    >>> round(peak(np.array([0.2, -0.02]), 20.0), 2)
    5.0
    """
    grid = np.linspace(0.0, limit, 2001)
    return float(grid[int((powers(grid, len(coef)) @ coef).argmax())])


def two_lines(load: FloatArray, optimum: float) -> FloatArray:
    """Return the terms of an interrupted regression: two lines, and a step between them.

    The step keeps the lines apart. Without it, the line beyond the optimum would fall to make up
    for a rise that is steeper at first, as with a threshold (Simonsohn 2018).
    """
    distance = load - optimum
    return np.stack([np.minimum(distance, 0.0), np.maximum(distance, 0.0), distance > 0], axis=-1)
