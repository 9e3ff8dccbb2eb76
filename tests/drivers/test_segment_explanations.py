"""Sentences about segments: the money each way, and opposite signs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engagement_ml.drivers.segment_evidence import HeterogeneityRow, SegmentRow
from engagement_ml.drivers.segment_explanations import difference, explain_segments
from engagement_ml.formatting import Money

EUR = Money("EUR")
TEST = HeterogeneityRow("plan", "call", 30.0, 1, 0.0001, 0.9, 3.0, True)


def rows(*effects: float, error: float = 1.0) -> list[SegmentRow]:
    return [
        SegmentRow(
            "plan", f"p{i}", "call", e, e - 2 * error, e + 2 * error, 500, False, e, None, None
        )
        for i, e in enumerate(effects)
    ]


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        (
            (12.3, 6.8),
            "earns 1.8 times as much for plan p0 as for plan p1: €12.30 against €6.80 per event",
        ),
        (
            (4.0, 8.0),
            "earns about twice as much for plan p1 as for plan p0: €8.00 against €4.00 per event",
        ),
        (
            (-15.1, -7.1),
            "costs about twice as much for plan p0 as for plan p1: €15.10 against €7.10 per event",
        ),
        (
            (9.0, 0.5),
            "earns €9.00 per event for plan p0, and an effect for plan p1 is not shown "
            "(−€1.50 to €2.50)",
        ),
    ],
)
def test_the_difference_has_the_money_each_way(effects, expected) -> None:
    assert difference(rows(*effects), TEST, EUR) == expected


def test_amounts_are_the_pooled_ones() -> None:
    shrunken = [replace(r, pooled_effect=r.effect * 0.9) for r in rows(12.0, 6.0)]
    assert "€10.80 against €5.40" in difference(shrunken, TEST, EUR)


def test_a_verdict_names_segments_with_the_opposite_sign() -> None:
    test = replace(TEST, opposite=("p1",))
    reasons = {"call": "later margin is higher", "mail": "inconclusive"}
    explained = explain_segments(reasons, rows(8.0, -3.0, 0.1), [test], EUR)
    assert explained == {
        "call": "later margin is higher; it raises margin for plan p0 (€8.00 per event) and lowers "
        "it for plan p1 (−€3.00 per event)",
        "mail": "inconclusive",
    }


def test_behaviours_for_information_and_equal_effects_add_nothing() -> None:
    reasons = {"call": "later margin is higher"}
    informative = replace(TEST, opposite=("p1",), informative_only=True)
    for test in (TEST, informative):
        assert explain_segments(reasons, rows(8.0, -3.0), [test], EUR) == reasons
