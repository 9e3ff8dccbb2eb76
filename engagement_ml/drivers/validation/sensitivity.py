"""How strong a hidden cause would have to be to undo a finding."""

from __future__ import annotations

import math


def robustness_value(t: float, dof: float) -> float:
    """Return the robustness value of Cinelli and Hazlett (2020).

    The share of the residual variance, of the behaviour and of margin both, that a hidden cause
    would have to explain to bring the estimate to zero:
    ``RV = (sqrt(f⁴ + 4 f²) − f²) / 2`` with ``f = |t| / sqrt(dof)``.

    Parameters
    ----------
    t : float
        The estimate over its standard error.
    dof : float
        Residual degrees of freedom.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> round(robustness_value(4.18, 783), 3)  # their example
    0.139
    """
    if dof <= 0 or not math.isfinite(t):
        return 0.0
    f2 = t * t / dof
    return (math.sqrt(f2 * f2 + 4 * f2) - f2) / 2


def sample_size_per_arm(effect: float, std: float, *, power: float = 0.8) -> float:
    """Return the entities per arm that a two-sided 5% test of a difference in means needs.

    ``n = 2 (z_0.975 + z_power)² (std / effect)²`` (Cohen 1988).

    Parameters
    ----------
    effect : float
        Difference in mean margin, in currency.
    std : float
        Standard deviation of margin, in currency.
    power : float, default 0.8

    Examples
    --------
    >>> math.ceil(sample_size_per_arm(1.0, 2.0))
    63
    """
    from statistics import NormalDist

    if effect == 0:
        return math.inf
    z = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(power)
    return 2 * z * z * (std / effect) ** 2
