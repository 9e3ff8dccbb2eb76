"""Whether an effect lasts: the same in the later half of the history as in the earlier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.design import lagged_sums
from engagement_ml.drivers.effects import (
    LagEffects,
    WithinEffect,
    tenure_steps,
    usable_cells,
    winsorise,
)
from engagement_ml.drivers.poisson import fit_poisson
from engagement_ml.drivers.shapes import bend, single
from engagement_ml.features.periods import Periods

Floats = npt.NDArray[np.float64]

LEAST_LEFT = 1 / 3
"""Where the later effect is certainly less than this share of the whole's, it has ended."""

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Halves:
    """A behaviour's effect in the two halves of the history, in currency per event.

    Attributes
    ----------
    behaviour : str
    early, late : (float, float, float)
        Effect with a 95% interval.
    ended : bool
        The later effect is certainly less than a third of that over all.
    """

    behaviour: str
    early: tuple[float, float, float]
    late: tuple[float, float, float]
    ended: bool


def compare_halves(
    periods: Periods,
    main: LagEffects,
    effects: dict[str, WithinEffect],
    acting: Sequence[str],
    *,
    burn_in: int,
    group: npt.NDArray[np.int64] | None = None,
) -> dict[str, Halves]:
    """Estimate how much of each effect there is in either half of the periods.

    The bent response as estimated over all, ``f(x'c; κ)``, is put into the Poisson model with
    entity and period effects twice: in the earlier periods and in the later. Its coefficients are
    the shares of the whole's effect.

    Parameters
    ----------
    periods : Periods
    main : LagEffects
        With the responses of the acting behaviours.
    effects : dict of behaviour to WithinEffect
    acting : sequence of str
        Behaviours to compare; those without a bent response are left out.
    burn_in : int
    group : int array (n,), optional
        Entities of a group share period effects.
    """
    known = [b for b in acting if b in main.bends and np.any(main.bends[b].index)]
    cells = usable_cells(periods, burn_in)
    if not known or not cells.any():
        return {}
    columns = [periods.behaviours.index(b) for b in known]
    sums = lagged_sums(periods.counts[..., columns], ((0, 0), *main.lags.groups), periods.entry)
    later = _later(cells)
    parts = []
    for i, b in enumerate(known):
        u = sums[:, :, i, 1:] @ single(main.bends[b].index)
        response = bend(u, main.bends[b].curvature)[0]
        parts += [response * ~later, response * later]
    design = np.stack(parts, axis=2)
    beside = np.concatenate([sums[..., 0], tenure_steps(periods)], axis=2)
    fit = fit_poisson(
        winsorise(np.where(cells, periods.gain, 0.0)),
        np.concatenate([design, beside], axis=2),
        cells,
        group,
    )
    error = np.sqrt(np.diag(fit.covariance))
    found = {}
    for i, b in enumerate(known):
        bounds = []
        for k in (2 * i, 2 * i + 1):
            reach = _NORMAL_95 * float(error[k])
            bounds.append(
                (float(fit.coef[k]), float(fit.coef[k]) - reach, float(fit.coef[k]) + reach)
            )
        size = effects[b].effect
        early, late = (_scaled(size, share) for share in bounds)
        ended = bounds[1][2] < LEAST_LEFT and error[2 * i + 1] > 0
        found[b] = Halves(b, early, late, bool(ended))
    return found


def _scaled(size: float, share: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return size × share with its bounds in order."""
    value, *bounds = (size * s for s in share)
    return value, min(bounds), max(bounds)


def _later(cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mark the periods after which half of the usable cells lie."""
    cumulated = np.cumsum(cells.sum(axis=0))
    return np.asarray(cumulated > cumulated[-1] / 2, dtype=np.bool_)[None, :]
