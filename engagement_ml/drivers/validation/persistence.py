"""Whether an effect lasts: the same late in the history as early."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, Int64Array
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import estimation_sample, tenure_dummies, winsorise
from engagement_ml.drivers.estimation.response_functions import as_float32, saturating_response
from engagement_ml.drivers.estimation.window_effect import NORMAL_95, WindowEffect
from engagement_ml.features.period_panel import Periods

LEAST_LEFT = 1 / 3
"""Where the later effect is certainly less than this share of the whole's, it has ended."""

_QUARTERS = 4
_TURNS = (2, 3)
"""Quarters of the history after which an effect may have ended."""

_CERTAIN = 2.241403  # 95% in both looks together


@dataclass(frozen=True)
class Lasting:
    """A behaviour's effect before and after a day, in currency per event.

    Attributes
    ----------
    behaviour : str
    turn : date
        The first day of the later part: half of the history lies after it or, where the effect
        ended later than that, a quarter.
    early, late : (float, float, float)
        Effect with a 95% interval.
    ended : bool
        The later effect is certainly less than a third of that over all.
    """

    behaviour: str
    turn: dt.date
    early: tuple[float, float, float]
    late: tuple[float, float, float]
    ended: bool


def compare_in_time(
    periods: Periods,
    main: LagEffects,
    effects: dict[str, WindowEffect],
    acting: Sequence[str],
    *,
    burn_in: int,
    group: Int64Array | None = None,
) -> dict[str, Lasting]:
    """Estimate how much of each effect there is early in the history, and late.

    The bent response as estimated over all, ``f(x'c; κ)``, is put into the Poisson model with
    entity and period effects once for each quarter of the history. Its coefficients are the shares
    of the whole's effect; those of the quarters on either side of a day are put together by their
    precision.

    Parameters
    ----------
    periods : Periods
    main : LagEffects
        With the responses of the acting behaviours.
    effects : dict of behaviour to WindowEffect
    acting : sequence of str
        Behaviours to compare; those without a bent response are left out.
    burn_in : int
    group : int array (n,), optional
        Entities of a group share period effects.
    """
    known = [
        b
        for b in acting
        if b in main.response_functions and np.any(main.response_functions[b].index_coef)
    ]
    cells = estimation_sample(periods, burn_in)
    if not known or not cells.any():
        return {}
    columns = [periods.behaviours.index(b) for b in known]
    sums = lagged_sums(periods.counts[..., columns], ((0, 0), *main.lags.groups), periods.entry)
    quarter = _quarters(cells)
    parts = []
    for i, b in enumerate(known):
        u = sums[:, :, i, 1:] @ as_float32(main.response_functions[b].index_coef)
        response = saturating_response(u, main.response_functions[b].curvature)[0]
        parts += [response * (quarter == k)[None, :] for k in range(_QUARTERS)]
    design = np.stack(parts, axis=2)
    beside = np.concatenate([sums[..., 0], tenure_dummies(periods)], axis=2)
    fit = fit_poisson(
        winsorise(np.where(cells, periods.gain, 0.0)),
        np.concatenate([design, beside], axis=2),
        cells,
        group,
    )
    found = {}
    for i, b in enumerate(known):
        own = slice(_QUARTERS * i, _QUARTERS * (i + 1))
        shares = _Shares(fit.coef[own], fit.covariance[own, own])
        turn, ended = next(((t, True) for t in _TURNS if shares.ended(t)), (_TURNS[0], False))
        day = periods.start + dt.timedelta(
            days=int(np.argmax(quarter >= turn)) * periods.period_days
        )
        size = effects[b].effect
        early, late = (_scaled(size, *shares.over(part)) for part in _sides(turn))
        found[b] = Lasting(b, day, early, late, ended)
    return found


@dataclass(frozen=True)
class _Shares:
    """The shares of an effect in the quarters, and their covariance."""

    coef: FloatArray
    covariance: FloatArray

    def over(self, part: slice) -> tuple[float, float]:
        """Return the share in some quarters together, and its standard error."""
        variance = np.diag(self.covariance)[part]
        told = variance > 0
        if not told.any():
            return 0.0, np.inf
        weight = np.where(told, 1.0 / np.where(told, variance, 1.0), 0.0)
        weight /= weight.sum()
        return float(weight @ self.coef[part]), float(
            np.sqrt(weight @ self.covariance[part, part] @ weight)
        )

    def ended(self, turn: int) -> bool:
        share, error = self.over(_sides(turn)[1])
        return bool(share + _CERTAIN * error < LEAST_LEFT)


def _sides(turn: int) -> tuple[slice, slice]:
    return slice(0, turn), slice(turn, _QUARTERS)


def _scaled(size: float, share: float, error: float) -> tuple[float, float, float]:
    """Return size × share with its 95% interval, bounds in order."""
    bounds = (size * (share + sign * NORMAL_95 * error) for sign in (-1.0, 1.0))
    low, high = sorted(bounds)
    return size * share, low, high


def _quarters(cells: BoolArray) -> Int64Array:
    """Return each period's quarter, 0 to 3: as many usable cells lie in either."""
    there = cells.sum(axis=0)
    middle = np.cumsum(there) - there / 2
    quarter = (_QUARTERS * middle / max(int(there.sum()), 1)).astype(np.int64)
    return np.asarray(np.minimum(quarter, _QUARTERS - 1))
