"""Persistence of effects over the history: the later part compared with the earlier."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, Int64Array
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.estimation.lag_effects import LagEffects
from engagement_ml.drivers.estimation.lag_model import estimation_sample, tenure_dummies, winsorise
from engagement_ml.drivers.estimation.response_functions import as_float32, saturating_response
from engagement_ml.drivers.estimation.window_effect import NORMAL_95, WindowEffect
from engagement_ml.drivers.finding import Veto
from engagement_ml.drivers.thresholds import THRESHOLDS
from engagement_ml.drivers.validation.check import CheckContext, CheckResult
from engagement_ml.drivers.verdicts import passes_tests
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import day, listed, number

_QUARTERS = 4
TURNS = (2, 3)
"""Quarters of the history after which an effect may have ended."""

Z_BOTH_TURNS = 2.241403
"""Normal quantile at 95% for both turns together (Bonferroni)."""

NAME = "later compared with earlier"


@dataclass(frozen=True)
class Persistence:
    """A behaviour's effect before and after a day, in currency per event.

    Attributes
    ----------
    behaviour : str
    turn : date
        First day of the later part: half of the history lies after it or, if the effect ended
        later than that, a quarter.
    early, late : (float, float, float)
        Effect with a 95% interval.
    ended : bool
        Whether the later effect is certainly less than a third of the overall one.
    """

    behaviour: str
    turn: dt.date
    early: tuple[float, float, float]
    late: tuple[float, float, float]
    ended: bool


@dataclass(frozen=True)
class EffectPersistence:
    """Compares effects late in the history with those early; vetoes those that ended."""

    name: str = NAME
    before_verdicts: bool = True

    def question(self, context: CheckContext) -> str:
        """Return what the check asks."""
        return "Do the effects last over the history?"

    def applies(self, context: CheckContext) -> bool:
        """Return whether effects come from margin per period."""
        return context.within_periods and context.estimates.main is not None

    def run(self, context: CheckContext) -> CheckResult:
        """Compare the effects that pass the tests."""
        study, main = context.study, context.estimates.main
        assert main is not None
        acting = [b for b in main.behaviours if passes_tests(context.findings[b], study.thresholds)]
        compared = compare_in_time(
            study.periods,
            main,
            context.estimates.within,
            acting,
            burn_in=study.spans.burn_in,
            group=study.groups,
            min_share=study.thresholds.min_share_left,
        )
        shown = {b: each for b, each in compared.items() if b not in context.tested}
        return CheckResult(
            value=_value(context, shown),
            passed=not any(each.ended for each in shown.values()),
            vetoes={
                b: Veto(NAME, f"that held before {day(each.turn)} and has ended since")
                for b, each in compared.items()
                if each.ended
            },
        )


def _value(context: CheckContext, compared: Mapping[str, Persistence]) -> str | None:
    if not compared:
        return None
    ratios = [each.late[0] / each.early[0] for each in compared.values() if each.early[0]]
    if not ratios:
        value = "no early effect to compare with"
    elif len(ratios) == 1:
        value = f"late in the history the effect is {number(ratios[0], 2)} times the early one"
    else:
        low, high = number(min(ratios), 2), number(max(ratios), 2)
        value = f"late in the history effects are {low} to {high} times the early ones"
    config = context.study.config
    ended = [f"{config.label(b)} since {day(e.turn)}" for b, e in compared.items() if e.ended]
    return value + (f"; ended: {listed(ended)}, so not called a driver" if ended else "")


def compare_in_time(
    periods: Periods,
    main: LagEffects,
    effects: Mapping[str, WindowEffect],
    acting: Sequence[str],
    *,
    burn_in: int,
    group: Int64Array | None = None,
    min_share: float = THRESHOLDS.min_share_left,
) -> dict[str, Persistence]:
    """Estimate how much of each effect there is early and late in the history.

    The saturating response as estimated over the whole history, ``f(x'c; κ)``, enters the
    fixed-effects Poisson model once for each quarter of it. The coefficients are shares of the
    overall effect; those of the quarters on either side of a day are averaged by their precision.

    Parameters
    ----------
    periods : Periods
    main : LagEffects
        With the responses of the acting behaviours.
    effects : mapping of behaviour to WindowEffect
    acting : sequence of str
        Behaviours to compare; those without a response function are left out.
    burn_in : int
    group : int array (n,), optional
        Customers of a group share period effects.
    min_share : float
        An effect has ended if its later size is certainly below this share of the overall one.
    """
    names = [
        b
        for b in acting
        if b in main.response_functions and np.any(main.response_functions[b].index_coef)
    ]
    cells = estimation_sample(periods, burn_in)
    if not names or not cells.any():
        return {}
    columns = [periods.behaviours.index(b) for b in names]
    sums = lagged_sums(periods.counts[..., columns], ((0, 0), *main.lags.groups), periods.entry)
    quarter = _quarters(cells)
    parts = []
    for i, b in enumerate(names):
        u = sums[:, :, i, 1:] @ as_float32(main.response_functions[b].index_coef)
        response = saturating_response(u, main.response_functions[b].curvature)[0]
        parts += [response * (quarter == k)[None, :] for k in range(_QUARTERS)]
    design = np.stack(parts, axis=2)
    controls = np.concatenate([sums[..., 0], tenure_dummies(periods)], axis=2)
    fit = fit_poisson(
        winsorise(np.where(cells, periods.gain, 0.0)),
        np.concatenate([design, controls], axis=2),
        cells,
        group,
        periods.clusters,
    ).require_convergence()
    compared = {}
    for i, b in enumerate(names):
        of_behaviour = slice(_QUARTERS * i, _QUARTERS * (i + 1))
        shares = _Shares(
            fit.coef[of_behaviour], fit.covariance[of_behaviour, of_behaviour], min_share
        )
        turn, ended = next(((t, True) for t in TURNS if shares.ended(t)), (TURNS[0], False))
        first_day = periods.start + dt.timedelta(
            days=int(np.argmax(quarter >= turn)) * periods.period_days
        )
        size = effects[b].effect
        early, late = (_scaled(size, *shares.over(part)) for part in _sides(turn))
        compared[b] = Persistence(b, first_day, early, late, ended)
    return compared


@dataclass(frozen=True)
class _Shares:
    """The shares of an effect in the quarters, and their covariance."""

    coef: FloatArray
    covariance: FloatArray
    min_share: float

    def over(self, part: slice) -> tuple[float, float]:
        """Return the precision-weighted share in some quarters, and its standard error."""
        variance = np.diag(self.covariance)[part]
        identified = variance > 0
        if not identified.any():
            return 0.0, np.inf
        weight = np.where(identified, 1.0 / np.where(identified, variance, 1.0), 0.0)
        weight /= weight.sum()
        return float(weight @ self.coef[part]), float(
            np.sqrt(weight @ self.covariance[part, part] @ weight)
        )

    def ended(self, turn: int) -> bool:
        """Return whether the share after a turn is certainly below `min_share`."""
        share, error = self.over(_sides(turn)[1])
        return bool(share + Z_BOTH_TURNS * error < self.min_share)


def _sides(turn: int) -> tuple[slice, slice]:
    return slice(0, turn), slice(turn, _QUARTERS)


def _scaled(size: float, share: float, error: float) -> tuple[float, float, float]:
    """Return size × share with its 95% interval, bounds in order."""
    bounds = (size * (share + sign * NORMAL_95 * error) for sign in (-1.0, 1.0))
    low, high = sorted(bounds)
    return size * share, low, high


def _quarters(cells: BoolArray) -> Int64Array:
    """Return each period's quarter, 0 to 3, with about as many usable cells in each."""
    n_cells = cells.sum(axis=0)
    middle = np.cumsum(n_cells) - n_cells / 2
    quarter = (_QUARTERS * middle / max(int(n_cells.sum()), 1)).astype(np.int64)
    return np.asarray(np.minimum(quarter, _QUARTERS - 1))
