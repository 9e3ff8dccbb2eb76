"""Lead (pre-trend) tests: compare margin after a behaviour with margin before it.

A hidden cause, such as a spell of interest in the brand, raises both a behaviour and margin. Margin
is then high before the behaviour as well as after it. The test compares the mean lag coefficient
with the mean lead coefficient, as in an event study.

Behaviours that respond to purchases need a stricter test. Purchases cause them, so their
coefficient in the main model is biased. Given past purchases this bias is small in a long panel,
though conditioning also takes away part of the effect itself. Such a behaviour counts as a cause
only if, given past purchases, more margin follows it than precedes it. Each is fitted apart: a
behaviour that follows a purchase at once predicts the very margin that the model explains, so
neither its leads nor its count in the same period may control for another behaviour.
"""

from __future__ import annotations

import numpy as np

from engagement_ml._typing import Float32Array, Int64Array, LagGroups
from engagement_ml.drivers.estimation.distributed_lags import lagged_sums
from engagement_ml.drivers.estimation.lag_effects import LagEffects, concatenate_effects
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.reverse_causality import PURCHASE_LAGS, lagged_purchases
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods

HORIZONS = (4, 8)
"""Numbers of periods after a behaviour that are compared with as many before it."""


def purchase_adjusted_effects(
    periods: Periods,
    spans: Spans,
    responding: tuple[str, ...],
    others: tuple[str, ...],
    *,
    group: Int64Array | None = None,
) -> tuple[LagEffects, dict[str, tuple[float, float]]]:
    """Estimate effects of behaviours that respond to purchases, given past purchases, with leads.

    Parameters
    ----------
    periods : Periods
    spans : Spans
    responding : tuple of str
        Behaviours to estimate, one at a time. The others of them are controlled for by their past
        only.
    others : tuple of str
        Behaviours controlled for by their counts in the same period, in the first four periods
        before and in the earlier ones.
    group : int array (n,), optional
        Entities of a group share period effects.

    Returns
    -------
    LagEffects
        Without the leads.
    dict of behaviour to (z, z)
        `lag_lead_contrast` of each. A cause must exceed its leads whichever sign they have.
    """
    purchases = lagged_purchases(periods, PURCHASE_LAGS)
    near = HORIZONS[0]
    past = ((1, near), (near + 1, max(spans.observation, near + 1)))
    other_controls = _flat_lagged_sums(periods, others, ((0, 0), *past))
    fits, contrasts = [], {}
    for name in responding:
        remaining = tuple(b for b in responding if b != name)
        remaining_controls = _flat_lagged_sums(periods, remaining, past)
        fit = estimate_lag_effects(
            periods,
            (name,),
            spans.lags,
            burn_in=spans.burn_in,
            controls=np.concatenate([purchases, other_controls, remaining_controls], axis=2),
            leads=HORIZONS[:1],
            group=group,
        )
        fits.append(fit)
        contrasts[name] = lag_lead_contrast(fit, 0, HORIZONS[:1])
    return concatenate_effects(fits, spans.lags), contrasts


def _flat_lagged_sums(
    periods: Periods, behaviours: tuple[str, ...], groups: LagGroups
) -> Float32Array:
    """Return lagged sums of behaviours as controls, shape (n, T, B · G)."""
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
    """Test behaviours that do not respond to purchases for margin that precedes them.

    Long-lived effects need a longer horizon to be seen, short-lived ones a shorter.

    Returns
    -------
    dict of behaviour to (z, z)
        `lag_lead_contrast` over all `HORIZONS`.
    """
    fit = estimate_lag_effects(
        periods, behaviours, spans.lags, burn_in=spans.burn_in, leads=HORIZONS, group=group
    )
    return {name: lag_lead_contrast(fit, b, HORIZONS) for b, name in enumerate(behaviours)}


def lag_lead_contrast(fit: LagEffects, b: int, horizons: tuple[int, ...]) -> tuple[float, float]:
    """Return z of the mean lag coefficient less, and plus, the mean lead coefficient.

    Parameters
    ----------
    fit : LagEffects
        Its first groups are leads that end with each of `horizons`, the nearest first.
    b : int
        Position of the behaviour.
    horizons : tuple of int
        Numbers of periods on either side; the one with the largest difference counts.
    """
    contrasts = [_contrast_z(fit, b, horizons, k) for k in range(1, len(horizons) + 1)]
    return max(contrasts, key=lambda z: abs(z[0]))


def _contrast_z(fit: LagEffects, b: int, horizons: tuple[int, ...], k: int) -> tuple[float, float]:
    """Return z of lags less leads and of lags plus leads, over the first k horizons."""
    groups = fit.lags.groups
    near = [g for g, (_, last) in enumerate(groups) if last <= horizons[k - 1]] or [0]
    lag_width = np.array([b - a + 1 for a, b in groups], dtype=float)[near]
    lead_width = np.diff((0, *horizons[:k])).astype(float)
    # Weights of the mean per period: leads are the first groups, lags follow.
    after, before = np.zeros((2, fit.coef.shape[1]))
    after[[len(horizons) + g for g in near]] = lag_width / lag_width.sum()
    before[:k] = lead_width / lead_width.sum()
    covariance = fit.covariance(b)
    z_values = []
    for contrast in (after - before, after + before):
        error = float(np.sqrt(contrast @ covariance @ contrast))
        z_values.append(float(contrast @ fit.coef[b]) / error if error > 0 else 0.0)
    return z_values[0], z_values[1]
