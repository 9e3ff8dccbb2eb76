"""Adjustment of p-values for the number of tests."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist


def bonferroni_z(n_tests: int, error: float) -> float:
    """Return the |z| that the largest of several normal z exceeds with a given probability at most.

    Parameters
    ----------
    n_tests : int
    error : float
        The probability.

    Examples
    --------
    >>> round(bonferroni_z(1, 0.05), 2), round(bonferroni_z(2000, 0.05), 2)
    (1.96, 4.21)
    """
    return -NormalDist().inv_cdf(error / (2 * max(n_tests, 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down p-values (1979), in the order given.

    They bound the probability of any false rejection, whatever the dependence between the tests.

    Parameters
    ----------
    p_values : sequence of float
        From 0 to 1.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.02, 0.001, 0.04])]
    [0.04, 0.003, 0.04]
    """
    adjusted = list(p_values)
    running = 0.0
    for rank, i in enumerate(sorted(range(len(adjusted)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(adjusted) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted
