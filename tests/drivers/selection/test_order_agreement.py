"""Agreement of two orders of the drivers, compared with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from engagement_ml.drivers.notes import order_note
from engagement_ml.drivers.selection.order_agreement import compare_orders

NAMES = ("a", "b", "c", "d", "e")


@pytest.mark.parametrize("seed", range(5))
def test_tau_agrees_with_scipy(seed) -> None:
    shap = np.random.default_rng(seed).random(5)
    agreement = compare_orders(NAMES, dict(zip(NAMES, shap, strict=True)), 3)
    assert agreement.tau == pytest.approx(kendalltau([5, 4, 3, 2, 1], shap).statistic)


def test_the_same_order_needs_no_note() -> None:
    agreement = compare_orders(NAMES, dict(zip(NAMES, (5, 4, 3, 2, 1), strict=True)), 3)
    assert agreement.agrees
    assert order_note(agreement, str.upper) == []
    assert compare_orders(("a",), {"a": 0.0}, 3).agrees


def test_another_selection_is_reported() -> None:
    agreement = compare_orders(NAMES, dict(zip(NAMES, (5, 4, 2, 3, 1), strict=True)), 3)
    (note,) = order_note(agreement, str.upper)
    assert note.startswith(
        "SHAP orders the drivers otherwise (Kendall's tau 0.80 with effect × standard deviation; "
        "by SHAP, A, B and D would be selected)."
    )


def test_a_reversed_order_is_reported_without_another_selection() -> None:
    agreement = compare_orders(("a", "b", "c"), {"a": 1.0, "b": 2.0, "c": 3.0}, 3)
    (note,) = order_note(agreement, str.upper)
    assert "(Kendall's tau −1.00 with effect × standard deviation)." in note
