"""Effects of behaviours that respond to purchases, given past purchases, with a lead test.

Behaviours that respond to purchases need a strict lead test. Purchases cause them, so their
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
from engagement_ml.drivers.estimation.event_study import HORIZONS, LeadTest, lead_test
from engagement_ml.drivers.estimation.lag_effects import LagEffects, concatenate_effects
from engagement_ml.drivers.estimation.lag_model import estimate_lag_effects
from engagement_ml.drivers.estimation.reverse_causality import PURCHASE_LAGS, lagged_purchases
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods

NEAR = HORIZONS[0]
"""Number of periods after a behaviour that are compared with as many before it."""


def purchase_adjusted_effects(
    periods: Periods,
    spans: Spans,
    responding: tuple[str, ...],
    others: tuple[str, ...],
    *,
    group: Int64Array | None = None,
) -> tuple[LagEffects, dict[str, LeadTest]]:
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
    dict of behaviour to LeadTest
        A cause must exceed its leads whichever sign they have.
    """
    purchases = lagged_purchases(periods, PURCHASE_LAGS)
    past = ((1, NEAR), (NEAR + 1, max(spans.observation, NEAR + 1)))
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
            leads=(NEAR,),
            group=group,
        )
        fits.append(fit)
        contrasts[name] = lead_test(
            fit.coef[0], fit.covariance(0), ((-NEAR, -1), *spans.lags.groups), (NEAR,)
        )
    return concatenate_effects(fits, spans.lags), contrasts


def _flat_lagged_sums(
    periods: Periods, behaviours: tuple[str, ...], groups: LagGroups
) -> Float32Array:
    """Return lagged sums of behaviours as controls, shape (n, T, B · G)."""
    columns = [periods.behaviours.index(b) for b in behaviours]
    sums = lagged_sums(periods.counts[..., columns], groups, periods.entry)
    return sums.reshape(*sums.shape[:2], len(columns) * len(groups))
