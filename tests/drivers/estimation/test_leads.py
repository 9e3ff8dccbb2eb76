"""Behaviours that answer to purchases: credited only where more follows them than precedes."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.leads import purchase_adjusted_effects
from engagement_ml.drivers.estimation.spans import spans_from_config

SPANS = spans_from_config(WindowsConfig(observation_days=56, outcome_days=56))


@pytest.fixture(scope="module")
def following(make_periods):
    """Orders that feed back on the behaviour that raises them, that a receipt follows, and that a
    hidden wave of interest moves together with a browsing behaviour."""
    rng = np.random.default_rng(5)
    n, n_periods = 1500, 44
    liking = rng.standard_normal((n, 1))
    interest = np.zeros((n, n_periods))
    for t in range(1, n_periods):
        interest[:, t] = 0.9 * interest[:, t - 1] + 0.25 * rng.standard_normal(n)
    orders, coached = np.zeros((2, n, n_periods))
    for t in range(n_periods):
        before = orders[:, t - 1] if t else 0.0
        coached[:, t] = rng.poisson(0.3 * np.exp(0.3 * liking[:, 0]) + 0.25 * before)
        stock = coached[:, max(t - 4, 0) : t].sum(axis=1)
        rate = 0.35 * np.exp(0.4 * liking[:, 0] + interest[:, t]) * (1 + 0.25 * stock)
        orders[:, t] = rng.poisson(rate)
    receipt = rng.poisson(0.8 * np.pad(orders, ((0, 0), (1, 0)))[:, :-1])
    browsing = rng.poisson(np.exp(0.5 * liking + 1.2 * interest))
    counts = {"coached": coached, "receipt": receipt, "browsing": browsing}
    periods = make_periods(counts, 10.0 * orders, orders=orders)
    effects, leads = purchase_adjusted_effects(periods, SPANS, periods.behaviours, ())
    return effects, leads


def test_what_drives_outdoes_what_precedes_it(following) -> None:
    _, leads = following
    assert min(leads["coached"]) > 3


@pytest.mark.parametrize("behaviour", ["receipt", "browsing"])
def test_what_follows_or_shares_a_hidden_cause_does_not(following, behaviour: str) -> None:
    _, leads = following
    assert min(leads[behaviour]) < 3


def test_effects_come_without_the_leads(following) -> None:
    effects, _ = following
    assert effects.behaviours == ("coached", "receipt", "browsing")
    assert effects.coef.shape == (3, len(SPANS.lags.groups))
    assert effects.influence.shape[1:] == effects.coef.shape
