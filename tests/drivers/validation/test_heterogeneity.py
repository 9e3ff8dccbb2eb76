"""Effect heterogeneity: segments agree if effects are equal and disagree if one differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.estimation.rolling_counts import RollingCounts
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.validation.heterogeneity import effects_by_segment

SPANS = spans_from_config(WindowsConfig())


def by_value(periods, effect: float) -> dict[str, dict]:
    rolling = RollingCounts.from_periods(periods, SPANS, periods.behaviours)
    segment_rows = effects_by_segment(periods, rolling, {"driver": effect})
    return {row.value: row for row in segment_rows}


def labels(n: int) -> np.ndarray:
    return np.array(["north", "south"], dtype=object)[np.arange(n) % 2]


def test_equal_effects_agree_in_all_segments(simulate_shop) -> None:
    periods = simulate_shop(1, effect=0.15)
    periods = replace(periods, segments={"region": labels(1500)})
    rows = by_value(periods, 0.5)
    assert set(rows) == {"north", "south"}
    for row in rows.values():
        assert row.agrees
        assert row.n == 750
        assert row.low <= row.effect <= row.high
        assert row.effect == pytest.approx(0.5, rel=0.5)


def test_a_segment_without_the_effect_disagrees(simulate_shop, make_periods) -> None:
    """Half of the customers come from a shop with the effect, half from one without."""
    with_effect, without_effect = (simulate_shop(2, effect=e, n=1000) for e in (0.25, 0.0))
    half = np.arange(1000) % 2 == 0
    parts = ("counts", "gain", "loss", "orders")
    mixed = {
        name: np.where(
            half.reshape(-1, *[1] * (getattr(with_effect, name).ndim - 1)),
            getattr(with_effect, name),
            getattr(without_effect, name),
        )
        for name in parts
    }
    periods = replace(with_effect, **mixed, segments={"region": labels(1000)})
    rows = by_value(periods, 0.5)
    assert rows["north"].agrees
    assert not rows["south"].agrees
    assert rows["north"].effect > 0.6
    assert rows["south"].high < 0.5


def test_small_and_unknown_segments_are_omitted(simulate_shop) -> None:
    periods = simulate_shop(1, effect=0.15, n=400, n_periods=30)
    values = np.array(["large"] * 350 + ["tiny"] * 40 + [""] * 10, dtype=object)
    rows = by_value(replace(periods, segments={"plan": values}), 0.5)
    assert set(rows) == {"large"}


def test_without_segments_or_effects_there_are_no_rows(simulate_shop) -> None:
    periods = simulate_shop(1, n=100, n_periods=30)
    rolling = RollingCounts.from_periods(periods, SPANS, periods.behaviours)
    assert effects_by_segment(periods, rolling, {"driver": 1.0}) == ()
    segmented = replace(periods, segments={"plan": labels(100)})
    assert effects_by_segment(segmented, rolling, {}) == ()
