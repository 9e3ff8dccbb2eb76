"""Touches that only reach customers who are about to buy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engagement_ml.attribution.harvest import may_harvest
from engagement_ml.drivers.evidence import EventStudy


def study(*effects: float, lags: tuple[int, ...] = (0, 1, 2, 3, 4)) -> EventStudy:
    """Return an event study whose standard errors are 1."""
    return EventStudy(
        lags, effects, tuple(e - 1.959964 for e in effects), tuple(e + 1.959964 for e in effects)
    )


@pytest.mark.parametrize(
    ("effects", "ends"),
    [
        ((5, 9, 0, 0, 0), True),
        ((5, 9, 2.3, 2.3, 2.3), True),
        ((0, 9, 2.5, 0, 0), False),
        ((0, 0, 0, 0, 2.5), False),
        ((0, 9, -5, 0, 0), True),
    ],
)
def test_an_effect_must_go_on_after_the_week_of_the_touch(effects, ends):
    assert may_harvest(study(*effects), 7) is ends


def test_a_week_is_a_week_in_short_periods_too():
    # Of periods of 3 days, the fourth after the touch is the first that is more than a week later.
    lags = (0, 1, 2, 3, 4)
    assert may_harvest(study(5, 9, 9, 9, 0, lags=lags), 3)
    assert not may_harvest(study(5, 9, 9, 9, 9, lags=lags), 3)


def test_without_an_event_study_nothing_shows_that_it_goes_on():
    assert may_harvest(None, 7)
    assert may_harvest(replace(study(5, 9, 9, 9, 9), low=(5, 9, 9, 9, 9), high=(5, 9, 9, 9, 9)), 7)
