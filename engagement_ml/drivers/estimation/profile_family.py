"""The family of lag profiles that effects are averaged over: exponential, delayed and constant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from engagement_ml._typing import FloatArray, IntArray, LagGroups
from engagement_ml.drivers.estimation.distributed_lags import Lags

TIME_CONSTANTS = tuple(float(c) for c in np.geomspace(0.3, 26.0, 91))
"""Time constants of exponential profiles, in periods, closer than data can separate."""

COARSE_STEP = 10
"""Every tenth of the exponential profiles is added to others."""

PEAKS = (1.5, 2.0, 2.7, 3.6, 4.8, 6.4, 8.5, 11.0)
"""Lags at which profiles ``(l exp(−l / peak))^p`` with a delayed peak are highest, in periods."""

POWERS = (1, 2, 4)
"""Powers p: the larger, the narrower the peak."""

LENGTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24)
"""Lengths of constant profiles, in periods."""

NONE_LOG_ODDS = float(np.log(4.0) + 1.0)
"""Prior log odds of no effect: four to one, and Akaike's penalty of the parameter it saves."""

FAMILY_PRIOR = {"exponential": 0.8, "delayed": 0.1, "constant": 0.1}
"""Prior probability of each family; effects that fade from the start are the rule."""


@dataclass(frozen=True)
class ProfileFamily:
    """Lag profiles by lag group, and their prior probabilities.

    Attributes
    ----------
    profiles : array (S, G)
        Mean over the lags of each group; each profile has a largest value of 1.
    log_prior : array (S,)
    pairs : int array (K, 2)
        Positions of the profiles that may add up: a coarse exponential one with another of these,
        with a delayed or with a constant one.
    """

    profiles: FloatArray
    log_prior: FloatArray
    pairs: IntArray

    @property
    def none_log_prior(self) -> float:
        """Log prior weight of no effect beside the family."""
        return NONE_LOG_ODDS


def profile_family(lags: Lags) -> ProfileFamily:
    """Return all profiles of the family on some lag groups."""
    return _family(lags.groups, lags.longest)


@cache
def _family(groups: LagGroups, longest: int) -> ProfileFamily:
    lag = np.arange(longest, dtype=float)
    shapes = {
        "exponential": [np.exp(-lag / constant) for constant in TIME_CONSTANTS],
        "delayed": [
            ((lag + 1) * np.exp(-(lag + 1) / peak)) ** power
            for peak in PEAKS
            for power in POWERS
            if peak < longest
        ],
        "constant": [(lag < length) * 1.0 for length in LENGTHS if length <= longest],
    }
    profiles, prior = [], []
    for name, members in shapes.items():
        for shape in members:
            by_group = np.array([shape[a - 1 : b].mean() for a, b in groups])
            if by_group.max() <= 0:
                continue  # the groups begin after the end of a constant profile
            profiles.append(by_group / by_group.max())
            prior.append(FAMILY_PRIOR[name] / len(members))
    n_exponential = len(TIME_CONSTANTS)
    coarse = np.arange(0, n_exponential, COARSE_STEP)
    others = np.arange(n_exponential, len(profiles))
    within = coarse[np.stack(np.triu_indices(len(coarse), 1), axis=1)]
    across = np.stack(np.meshgrid(others, coarse, indexing="ij"), axis=-1).reshape(-1, 2)
    pairs = np.concatenate([within, across])
    return ProfileFamily(np.array(profiles), np.log(np.array(prior) / sum(prior)), pairs)
