"""A stricter look at behaviours that answer to purchases: given past purchases, and beside leads.

Where purchases cause the behaviour, its coefficient in the main model is biased; given past
purchases that bias is small in a long panel, though what conditioning takes from the effect itself
is lost. A hidden wave of interest that raises both shows before the behaviour as after it. So such
a behaviour is credited only if, given past purchases, more margin follows it than precedes it.

Each is fitted apart: what follows a purchase at once tells of the margin that it should explain, so
neither its leads nor its count of the same period may stand beside another behaviour.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.design import lagged_sums
from engagement_ml.drivers.effects import estimate_lag_effects
from engagement_ml.drivers.profiles import LagEffects, side_by_side
from engagement_ml.drivers.response import PURCHASE_LAGS, lagged_purchases
from engagement_ml.drivers.windowed import Spans
from engagement_ml.features.periods import Periods

_AHEAD = 4


def conditioned_effects(
    periods: Periods,
    spans: Spans,
    responding: tuple[str, ...],
    others: tuple[str, ...],
    *,
    group: npt.NDArray[np.int64] | None = None,
) -> tuple[LagEffects, dict[str, tuple[float, float]]]:
    """Estimate the responding behaviours' effects given past purchases, with their leads.

    Parameters
    ----------
    periods : Periods
    spans : Spans
    responding : tuple of str
        Estimated one at a time, the others of them adjusted for by their past alone.
    others : tuple of str
        Adjusted for by their counts at once, in the first four and the further periods.
    group : int array (n,), optional
        Entities of a group share period effects.

    Returns
    -------
    LagEffects
        Without the leads.
    dict of behaviour to (z, z)
        Of what goes with margin in the periods after the behaviour, less and plus what goes with it
        in as many before: to be credited, it must outdo the latter whichever sign that has.
    """
    purchases = lagged_purchases(periods, PURCHASE_LAGS)
    past = ((1, _AHEAD), (_AHEAD + 1, max(spans.observation, _AHEAD + 1)))
    beside = _sums(periods, others, ((0, 0), *past))
    fits, following = [], {}
    for name in responding:
        rest = _sums(periods, tuple(b for b in responding if b != name), past)
        fit = estimate_lag_effects(
            periods,
            (name,),
            spans.lags,
            burn_in=spans.burn_in,
            controls=np.concatenate([purchases, beside, rest], axis=2),
            leads=_AHEAD,
            group=group,
        )
        fits.append(fit)
        following[name] = after_against_before(fit, 0)
    return side_by_side(fits, spans.lags), following


def _sums(
    periods: Periods, behaviours: tuple[str, ...], groups: tuple[tuple[int, int], ...]
) -> npt.NDArray[np.float32]:
    columns = [periods.behaviours.index(b) for b in behaviours]
    sums = lagged_sums(periods.counts[..., columns], groups, periods.entry)
    return sums.reshape(*sums.shape[:2], len(columns) * len(groups))


def lead_contrasts(
    periods: Periods,
    spans: Spans,
    behaviours: tuple[str, ...],
    *,
    group: npt.NDArray[np.int64] | None = None,
) -> dict[str, tuple[float, float]]:
    """Ask of behaviours that do not answer to purchases whether margin comes before them, too.

    A hidden wave of interest raises both, and then shows before a behaviour as after it.

    Returns
    -------
    dict of behaviour to (z, z)
        As for `conditioned_effects`.
    """
    fit = estimate_lag_effects(
        periods, behaviours, spans.lags, burn_in=spans.burn_in, leads=_AHEAD, group=group
    )
    return {name: after_against_before(fit, b) for b, name in enumerate(behaviours)}


def after_against_before(fit: LagEffects, b: int) -> tuple[float, float]:
    """Return z of the mean effect in the first four periods less, and plus, that of the leads."""
    groups = fit.lags.groups
    near = [g for g, (_, last) in enumerate(groups) if last <= _AHEAD] or [0]
    width = np.array([b - a + 1 for a, b in groups], dtype=float)[near]
    after, before = np.zeros((2, fit.coef.shape[1]))
    after[[1 + g for g in near]] = width / width.sum()
    before[0] = 1.0
    covariance = fit.covariance(b)
    zs = []
    for contrast in (after - before, after + before):
        error = float(np.sqrt(contrast @ covariance @ contrast))
        zs.append(float(contrast @ fit.coef[b]) / error if error > 0 else 0.0)
    return zs[0], zs[1]
