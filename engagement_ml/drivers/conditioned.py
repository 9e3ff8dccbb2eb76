"""A stricter look at behaviours that answer to purchases: given past purchases, and beside leads.

Where purchases cause the behaviour, its coefficient in the main model is biased; given past
purchases that bias is small in a long panel, though what conditioning takes from the effect itself
is lost. A hidden wave of interest that raises both shows before the behaviour as after it. So such
a behaviour is credited only if, given past purchases, more margin follows it than precedes it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engagement_ml.drivers.design import lagged_sums
from engagement_ml.drivers.effects import LagEffects, estimate_lag_effects, winsorise
from engagement_ml.drivers.response import PURCHASE_LAGS
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
        Estimated together.
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
    orders = winsorise(periods.orders.astype(np.float64))[..., None]
    past = lagged_sums(orders, PURCHASE_LAGS, periods.entry)[:, :, 0, :]
    columns = [periods.behaviours.index(b) for b in others]
    coarse = ((0, 0), (1, _AHEAD), (_AHEAD + 1, max(spans.observation, _AHEAD + 1)))
    beside = lagged_sums(periods.counts[..., columns], coarse, periods.entry)
    controls = np.concatenate([past, beside.reshape(*past.shape[:2], -1)], axis=2)
    both = estimate_lag_effects(
        periods,
        responding,
        spans.lags,
        burn_in=spans.burn_in,
        controls=controls,
        leads=_AHEAD,
        group=group,
    )
    near = [g for g, (_, last) in enumerate(spans.lags.groups) if last <= _AHEAD] or [0]
    width = np.array([b - a + 1 for a, b in spans.lags.groups], dtype=float)[near]
    after = np.zeros(both.coef.shape[1])
    after[[1 + g for g in near]] = width / width.sum()
    before = np.eye(both.coef.shape[1])[0]
    following = {}
    for b, name in enumerate(responding):
        covariance = both.covariance(b)
        zs = []
        for contrast in (after - before, after + before):
            error = float(np.sqrt(contrast @ covariance @ contrast))
            zs.append(float(contrast @ both.coef[b]) / error if error > 0 else 0.0)
        following[name] = (zs[0], zs[1])
    effects = LagEffects(
        responding, spans.lags, both.coef[:, 1:], both.influence[..., 1:], both.same_period
    )
    return effects, following
