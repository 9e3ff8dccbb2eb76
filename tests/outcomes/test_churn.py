"""Effects on churn in percentage points, against interventions in simulated data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engagement_ml.config import parse_config
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.drivers.retention.discrete_hazard import logistic
from engagement_ml.outcomes import OutcomeEvidence
from engagement_ml.outcomes.churn import find_churn
from engagement_ml.outcomes.churn.purchases import one_purchase, since_first_purchase
from engagement_ml.windows import History, Windows
from tests.drivers.conftest import START, build
from tests.drivers.retention.test_churn_effects import (
    DRIVES_OFF,
    KEEPS,
    LASTS,
    SPANS,
    subscribers,
)

SETTINGS: dict[str, Any] = {
    "name": "x",
    "sources": {"events": "e", "transactions": "t"},
    "windows": {"observation_days": 56, "outcome_days": 56},
}
BY_EVENT = parse_config(SETTINGS | {"churn": {"kind": "event", "event_type": "left"}})


def row_of(behaviour: str, verdict: str) -> DriverRow:
    return DriverRow(
        behaviour=behaviour,
        verdict=verdict,
        selected=verdict == "driver",
        shap_rank=1,
        mean_abs_shap=1.0,
        effect=2.0,
        effect_low=1.0,
        effect_high=3.0,
        selection_frequency=1.0,
        saturation_point=None,
        reason="some reason",
        effect_per_sd=4.0,
        rule="passed",
    )


@pytest.fixture(scope="module")
def subscribed() -> Any:
    return subscribers(build, KEEPS, DRIVES_OFF, 0.6, seed=2)


@pytest.fixture(scope="module")
def found(subscribed: Any) -> OutcomeEvidence:
    periods = subscribed[0]
    windows = Windows(56, 56, 0, (), (), periods.until, History(START, periods.until, None))
    verdicts = {"keeps": "driver", "drives_off": "harmful", "v1": "driver"}
    rows = [row_of(b, verdicts.get(b, "unverifiable")) for b in periods.behaviours]
    return find_churn(periods, None, windows, BY_EVENT, rows)


def true_change(subscribed: Any, strength: float) -> float:
    """Intervene: one more event in the last week before each week at risk."""
    periods, log_odds = subscribed
    changes = []
    for c in range(SPANS.burn_in + 1, log_odds.shape[1] - SPANS.outcome, 2):
        present = (periods.entry < c) & (periods.exit > c)
        ahead = log_odds[present, c : c + SPANS.outcome]
        felt = np.arange(SPANS.outcome) < LASTS
        usual = 1 - np.prod(1 - logistic(ahead), axis=1)
        more = 1 - np.prod(1 - logistic(ahead - strength * felt), axis=1)
        changes.append(more - usual)
    return 100.0 * float(np.concatenate(changes).mean())


def test_effects_on_churn_by_an_event_are_those_of_an_intervention(
    subscribed: Any, found: OutcomeEvidence
) -> None:
    rows = {row.behaviour: row for row in found.drivers}
    for name, strength in (("keeps", KEEPS), ("drives_off", DRIVES_OFF)):
        assert rows[name].effect == pytest.approx(true_change(subscribed, strength), rel=0.15)
    assert rows["keeps"].verdict == "driver"
    assert rows["keeps"].effect_high < 0 < rows["drives_off"].effect_low
    assert "less likely" in rows["keeps"].reason
    assert {(row.outcome, row.unit) for row in found.drivers} == {("churn", "percentage points")}


def test_a_verdict_whose_effect_on_churn_may_be_none_is_not_kept(found: OutcomeEvidence) -> None:
    row = next(r for r in found.drivers if r.behaviour == "v1")
    assert row.verdict == "unverifiable"
    assert "may be none" in row.reason


def test_effects_that_are_not_identified_are_not_printed(subscribed: Any) -> None:
    periods = subscribed[0]
    windows = Windows(56, 56, 0, (), (), periods.until, History(START, periods.until, None))
    none_leaves = replace(
        periods, exit=np.full_like(periods.exit, periods.gain.shape[1]), entry=periods.entry
    )
    found = find_churn(none_leaves, None, windows, BY_EVENT, [row_of("keeps", "driver")])
    assert found.drivers == ()
    assert found.reason is not None
    assert "churned" in found.reason


def test_one_purchase_gives_the_change_of_the_chance_of_none() -> None:
    """Customers differ in how often they buy; an effect of 2% on that is made by hand."""
    rng = np.random.default_rng(4)
    n, n_periods = 6000, 40
    rate = rng.gamma(1.5, 0.05, (n, 1)) + 0.005

    def bought(factor: float) -> np.ndarray:
        return np.random.default_rng(5).random((n, n_periods)) < -np.expm1(-rate * factor)

    periods = build({"x": np.zeros((n, n_periods))}, bought(1.0).astype(float))
    spans = Spans(7, 8, 8, 0)
    share, per_period = one_purchase(periods.gain > 0, spans, periods)
    # of customers at risk: with a purchase in the window before, made the same in both
    before = (1 - np.exp(-rate * 8)).ravel()
    none = [(before * np.exp(-rate * f * 8).ravel()).sum() / before.sum() for f in (1.0, 1.02)]
    more = 8 * (np.exp(-rate) * rate * 0.02).mean()
    assert per_period * more == pytest.approx(none[0] - none[1], rel=0.1)
    assert 0.0 < share < 1.0


def test_weeks_up_to_the_first_purchase_are_no_evidence_on_churn() -> None:
    gain = np.zeros((3, 6))
    gain[0, 2] = gain[0, 4] = gain[1, 5] = 1.0
    periods = build({"x": np.zeros((3, 6))}, gain, entry=np.array([1, 0, 2]))
    found = since_first_purchase(periods)
    # the second bought in the last week, the third never
    assert found.entities.tolist() == ["c00000"]
    assert found.entry.tolist() == [3]
    assert found.orders.tolist() == [[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
