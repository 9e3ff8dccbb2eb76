"""Statuses against targets: met, warning, missed, no data, no target."""

import pytest

from engagement_ml.errors import ConfigError
from engagement_ml.scorecard.card import Value
from engagement_ml.scorecard.statuses import check_limits, status_of


@pytest.mark.parametrize(
    ("value", "target", "warning", "better", "status"),
    [
        (Value(80.0, 75.0, 85.0), 80.0, None, "more", "met"),
        (Value(79.9, 75.0, 85.0), 80.0, None, "more", "warning"),
        (Value(79.9, 75.0, 79.95), 80.0, None, "more", "missed"),
        (Value(79.9, None, None), 80.0, None, "more", "missed"),
        (Value(23.0, 20.0, 26.0), 24.0, None, "less", "met"),
        (Value(25.0, 23.0, 27.0), 24.0, None, "less", "warning"),
        (Value(25.0, 24.5, 27.0), 24.0, None, "less", "missed"),
        # A limit of one's own counts, whatever the interval says.
        (Value(79.9, 79.0, 79.95), 80.0, 70.0, "more", "warning"),
        (Value(69.0, 60.0, 85.0), 80.0, 70.0, "more", "missed"),
        (Value(30.0, 10.0, 40.0), 24.0, 28.0, "less", "missed"),
        (Value(0.0, 0.0, 0.0), 0.0, None, "more", "met"),
        (Value(), 80.0, None, "more", "no data"),
        (Value(80.0), None, None, "more", "no target"),
        (Value(), None, None, "more", "no target"),
        (Value(80.0), 80.0, None, None, "no target"),
    ],
)
def test_status(value, target, warning, better, status):
    assert status_of(value, target, warning, better) == status


@pytest.mark.parametrize(
    ("target", "warning", "better", "words"),
    [
        (80.0, None, None, "measures.ces.target': the measure has no direction"),
        (80.0, 90.0, "more", "measures.ces.warning': 90 is above the target of 80"),
        (24.0, 20.0, "less", "measures.ces.warning': 20 is below the target of 24"),
        (None, 20.0, "less", "there is no target"),
    ],
)
def test_limits_that_cannot_be_used(target, warning, better, words):
    with pytest.raises(ConfigError, match=words):
        check_limits("ces", target, warning, better)


def test_limits_that_can_be_used():
    for target, warning, better in ((80, 70, "more"), (24, 48, "less"), (24, 24, "less")):
        check_limits("x", target, warning, better)
    check_limits("x", None, None, None)
