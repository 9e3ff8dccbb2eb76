"""Engaged entities that lose money, and what they do, on a case counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.evidence import Choice
from engagement_ml.drivers.selection.response_curves import Curve
from engagement_ml.drivers.selection.window_rows import WindowRows
from engagement_ml.drivers.validation.unprofitable import unprofitable_engaged

CHOICE = Choice("visit", 100.0, 100.0, 100.0, "linear", None, None, 120.0)
CURVES = {"visit": Curve("linear", None, 1.0, 1.0, 1.0)}
LABELS = {"visit": "Visits", "return": "Returns sent in"}


def case(n_losing: int = 12) -> WindowRows:
    """100 customers at the last cutoff; visits rank them; of the top 25 some lose 5 each."""
    visits = np.arange(100.0)
    margin = np.full(100, 10.0)
    margin[99 : 99 - n_losing : -1] = -5.0
    returns = np.where(margin < 0, 6.0, 2.0)
    counts = np.column_stack([visits, returns])
    old = np.column_stack([visits[::-1], returns])
    return WindowRows(
        entity=np.tile(np.arange(100), 2),
        cutoff=np.repeat([4, 8], 100),
        counts=np.concatenate([old, counts]),
        margin=np.concatenate([np.full(100, -99.0), margin]),
        past_margin=np.zeros(200),
    )


def test_counted_by_hand() -> None:
    found = unprofitable_engaged(case(), ("visit", "return"), (CHOICE,), CURVES, LABELS)
    assert found is not None
    assert (found.n_engaged, found.n_unprofitable) == (25, 12)
    assert found.share == pytest.approx(12 / 25)
    assert found.margin_lost == pytest.approx(60.0)
    first = found.behaviours[0]
    assert first.behaviour == "return"
    assert first.label == "Returns sent in"
    assert first.ratio == pytest.approx(3.0)
    assert (first.mean_unprofitable, first.mean_profitable) == (6.0, 2.0)


def test_too_few_that_lose_have_nothing_in_common() -> None:
    found = unprofitable_engaged(case(5), ("visit", "return"), (CHOICE,), CURVES, LABELS)
    assert found is not None
    assert found.n_unprofitable == 5
    assert found.behaviours == ()


def test_without_a_score_nobody_is_engaged() -> None:
    assert unprofitable_engaged(case(), ("visit", "return"), (), CURVES, LABELS) is None
    idle = case()
    idle.counts[:, 0] = 0.0
    assert unprofitable_engaged(idle, ("visit", "return"), (CHOICE,), CURVES, LABELS) is None
