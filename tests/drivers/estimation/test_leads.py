"""Lead tests of behaviours that respond to purchases."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.leads import purchase_adjusted_effects
from engagement_ml.drivers.estimation.spans import spans_from_config

SPANS = spans_from_config(WindowsConfig(observation_days=56, outcome_days=56))


@pytest.fixture(scope="module")
def adjusted(make_periods):
    """Simulate orders with feedback on their cause, a receipt after them, and a hidden cause.

    A hidden interest moves orders together with browsing.
    """
    rng = np.random.default_rng(5)
    n, n_periods = 1500, 44
    affinity = rng.standard_normal((n, 1))
    interest = np.zeros((n, n_periods))
    for t in range(1, n_periods):
        interest[:, t] = 0.9 * interest[:, t - 1] + 0.25 * rng.standard_normal(n)
    orders, coached = np.zeros((2, n, n_periods))
    for t in range(n_periods):
        before = orders[:, t - 1] if t else 0.0
        coached[:, t] = rng.poisson(0.3 * np.exp(0.3 * affinity[:, 0]) + 0.25 * before)
        stock = coached[:, max(t - 4, 0) : t].sum(axis=1)
        rate = 0.35 * np.exp(0.4 * affinity[:, 0] + interest[:, t]) * (1 + 0.25 * stock)
        orders[:, t] = rng.poisson(rate)
    receipt = rng.poisson(0.8 * np.pad(orders, ((0, 0), (1, 0)))[:, :-1])
    browsing = rng.poisson(np.exp(0.5 * affinity + 1.2 * interest))
    counts = {"coached": coached, "receipt": receipt, "browsing": browsing}
    periods = make_periods(counts, 10.0 * orders, orders=orders)
    effects, leads = purchase_adjusted_effects(periods, SPANS, periods.behaviours, ())
    return effects, leads


def test_margin_after_a_cause_exceeds_margin_before_it(adjusted) -> None:
    _, leads = adjusted
    assert min(leads["coached"].z_difference, leads["coached"].z_sum) > 3


@pytest.mark.parametrize("behaviour", ["receipt", "browsing"])
def test_a_consequence_and_a_hidden_cause_fail_the_lead_test(adjusted, behaviour: str) -> None:
    _, leads = adjusted
    assert min(leads[behaviour].z_difference, leads[behaviour].z_sum) < 3


def test_effects_are_returned_without_leads(adjusted) -> None:
    effects, _ = adjusted
    assert effects.behaviours == ("coached", "receipt", "browsing")
    assert effects.coef.shape == (3, len(SPANS.lags.groups))
    assert effects.influence.shape[1:] == effects.coef.shape
