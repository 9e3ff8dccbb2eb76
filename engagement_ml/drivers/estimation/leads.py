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

from engagement_ml._typing import Float32Array, Int64Array
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.lag_effects import LagEffects, concatenate_effects
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.reverse_causality import PURCHASE_LAGS, lagged_purchases
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods

_LOOKS = (4, 8)
"""Periods after a behaviour that are held against as many before."""


def purchase_adjusted_effects(
    periods: Periods,
    spans: Spans,
    responding: tuple[str, ...],
    others: tuple[str, ...],
    *,
    group: Int64Array | None = None,
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
    near = _LOOKS[0]
    past = ((1, near), (near + 1, max(spans.observation, near + 1)))
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
            leads=_LOOKS[:1],
            group=group,
        )
        fits.append(fit)
        following[name] = lag_lead_contrast(fit, 0, _LOOKS[:1])
    return concatenate_effects(fits, spans.lags), following


def _sums(
    periods: Periods, behaviours: tuple[str, ...], groups: tuple[tuple[int, int], ...]
) -> Float32Array:
    columns = [periods.behaviours.index(b) for b in behaviours]
    sums = lagged_sums(periods.counts[..., columns], groups, periods.entry)
    return sums.reshape(*sums.shape[:2], len(columns) * len(groups))


def lead_contrasts(
    periods: Periods,
    spans: Spans,
    behaviours: tuple[str, ...],
    *,
    group: Int64Array | None = None,
) -> dict[str, tuple[float, float]]:
    """Ask of behaviours that do not answer to purchases whether margin comes before them, too.

    A hidden wave of interest raises both, and then shows before a behaviour as after it. Effects
    that last need a longer look to be seen, those that pass soon a shorter.

    Returns
    -------
    dict of behaviour to (z, z)
        As for `purchase_adjusted_effects`; of the looks, the one in which they differ more.
    """
    fit = estimate_lag_effects(
        periods, behaviours, spans.lags, burn_in=spans.burn_in, leads=_LOOKS, group=group
    )
    return {name: lag_lead_contrast(fit, b, _LOOKS) for b, name in enumerate(behaviours)}


def lag_lead_contrast(fit: LagEffects, b: int, looks: tuple[int, ...]) -> tuple[float, float]:
    """Return z of the mean effect in the periods after less, and plus, that in as many before.

    Parameters
    ----------
    fit : LagEffects
        Its first groups are leads that end with each of `looks`, the nearest first.
    b : int
    looks : tuple of int
        Periods to look at; the one in which both sides differ more is told.
    """
    found = [_contrasts(fit, b, looks, k) for k in range(1, len(looks) + 1)]
    return max(found, key=lambda z: abs(z[0]))


def _contrasts(fit: LagEffects, b: int, looks: tuple[int, ...], k: int) -> tuple[float, float]:
    groups = fit.lags.groups
    near = [g for g, (_, last) in enumerate(groups) if last <= looks[k - 1]] or [0]
    width = np.array([b - a + 1 for a, b in groups], dtype=float)[near]
    ahead = np.diff((0, *looks[:k])).astype(float)
    after, before = np.zeros((2, fit.coef.shape[1]))
    after[[len(looks) + g for g in near]] = width / width.sum()
    before[:k] = ahead / ahead.sum()
    covariance = fit.covariance(b)
    zs = []
    for contrast in (after - before, after + before):
        error = float(np.sqrt(contrast @ covariance @ contrast))
        zs.append(float(contrast @ fit.coef[b]) / error if error > 0 else 0.0)
    return zs[0], zs[1]
