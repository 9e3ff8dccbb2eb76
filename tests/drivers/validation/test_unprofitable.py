"""Profile of unprofitable engaged customers, on a small example."""

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


def example(n_losing: int = 12) -> WindowRows:
    """Build 100 customers ranked by visits; of the top 25, `n_losing` lose 5 each."""
    visits = np.arange(100.0)
    margin = np.full(100, 10.0)
    margin[99 : 99 - n_losing : -1] = -5.0
    returns = np.where(margin < 0, 6.0, 2.0)
    counts = np.column_stack([visits, returns])
    earlier = np.column_stack([visits[::-1], returns])
    return WindowRows(
        entity=np.tile(np.arange(100), 2),
        cutoff=np.repeat([4, 8], 100),
        counts=np.concatenate([earlier, counts]),
        margin=np.concatenate([np.full(100, -99.0), margin]),
        past_margin=np.zeros(200),
    )


def test_profile_of_the_example() -> None:
    profile = unprofitable_engaged(example(), ("visit", "return"), (CHOICE,), CURVES, LABELS)
    assert profile is not None
    assert (profile.n_engaged, profile.n_unprofitable) == (25, 12)
    assert profile.share == pytest.approx(12 / 25)
    assert profile.margin_lost == pytest.approx(60.0)
    top = profile.behaviours[0]
    assert top.behaviour == "return"
    assert top.label == "Returns sent in"
    assert top.ratio == pytest.approx(3.0)
    assert (top.mean_unprofitable, top.mean_profitable) == (6.0, 2.0)


def test_few_unprofitable_customers_have_no_profile() -> None:
    profile = unprofitable_engaged(example(5), ("visit", "return"), (CHOICE,), CURVES, LABELS)
    assert profile is not None
    assert profile.n_unprofitable == 5
    assert profile.behaviours == ()


def test_without_scores_there_is_no_profile() -> None:
    assert unprofitable_engaged(example(), ("visit", "return"), (), CURVES, LABELS) is None
    without_visits = example()
    without_visits.counts[:, 0] = 0.0
    assert (
        unprofitable_engaged(without_visits, ("visit", "return"), (CHOICE,), CURVES, LABELS) is None
    )
