"""Estimates on halves of the customers agree with the estimate on all customers."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.window_effect import estimate_window_effect
from engagement_ml.drivers.selection.sample_splitting import estimate_on, first_half


def test_estimates_on_halves_of_the_customers_agree_with_the_whole(two_acting_effects) -> None:
    in_first = first_half(3000, 0)
    assert in_first.sum() == 1500
    for b in range(2):
        whole = estimate_window_effect(two_acting_effects, b)
        halves = [estimate_on(two_acting_effects, b, half) for half in (in_first, ~in_first)]
        for estimate in halves:
            assert estimate.effect == pytest.approx(whole.effect, rel=0.25)
        assert sum(estimate.z for estimate in halves) / np.sqrt(2) == pytest.approx(
            whole.z, rel=0.1
        )
