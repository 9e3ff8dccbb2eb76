"""The response to contacts on small companies whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.contact import ContactEvidence
from engagement_ml.contact.find import TooMuch, find_contact
from engagement_ml.workflow.further.contact import contacts_csv
from tests.contact.companies import company, config

Found = tuple[ContactEvidence, tuple[TooMuch, ...]]


def _best(at: float) -> object:
    return lambda load, plus: np.exp(0.5 * (2 * load / at - (load / at) ** 2))


def _find(response: object, **changes: object) -> Found:
    after = changes.pop("after_orders", 0.0)
    periods, data, windows = company(response, after_orders=after)  # type: ignore[arg-type]
    return find_contact(data, periods, None, windows, config(**changes))


@pytest.fixture(scope="module")
def turning() -> Found:
    return _find(_best(5.0))


def test_the_optimum_is_found_and_holds_for_segments_that_do_not_differ(turning: Found) -> None:
    evidence, _ = turning
    overall = evidence.overall
    assert overall is not None
    assert overall.verdict == "turns"
    assert overall.optimum == pytest.approx(15.0, rel=0.15)
    assert overall.optimum_low < 15.0 < overall.optimum_high
    assert overall.memory_days == 28
    # 12 weeks of even contacts fill the four weeks' load for two weeks of the outcome window.
    affinity = np.exp(0.4**2 / 2)
    best = 2 * 20.0 * 0.9 * affinity * (np.exp(0.5) - 1)
    assert max(effect for _, effect, *_ in evidence.curves["all"]) == pytest.approx(best, rel=0.25)
    assert "a week" in overall.reason
    others = evidence.rows[1:]
    assert {row.value for row in others} == {"basic", "plus"}
    assert all(row.pooled and row.optimum == overall.optimum for row in others)
    assert evidence.budget_by is None
    assert set(evidence.curves) == {"all"}


def test_customers_above_the_optimum_are_listed_with_what_it_costs(turning: Found) -> None:
    evidence, too_much = turning
    overall = evidence.overall
    _, data, _ = company(_best(5.0))  # type: ignore[arg-type]
    above = data.contacts > overall.optimum_high
    assert overall.n_above == above.sum() == len(too_much) > 0
    assert {each.customer for each in too_much} == set(data.customers[above])
    assert all(each.above_by == each.contacts - overall.optimum for each in too_much)
    assert sum(each.margin_lost for each in too_much) == pytest.approx(overall.cost_above)
    assert all(each.margin_lost >= 0 for each in too_much)
    by_segment = sum(row.n_above for row in evidence.rows[1:])
    assert by_segment == overall.n_above
    lines = contacts_csv(too_much).splitlines()
    assert lines[0] == "customer_id,segment,contacts,optimum,above_by,margin_lost"
    assert len(lines) == 1 + len(too_much)


def test_a_cost_lowers_the_optimum_and_the_curve(turning: Found) -> None:
    free, _ = turning
    dear, _ = _find(_best(5.0), contact={"cost_per_contact": 2.0})
    assert dear.overall.optimum < free.overall.optimum
    assert dear.overall.effect == pytest.approx(free.overall.effect - 2.0)
    for (x, effect, *_), (_, less, *_) in zip(free.curves["all"], dear.curves["all"], strict=True):
        assert less == pytest.approx(effect - 2.0 * x)


@pytest.mark.seldom
def test_optima_that_differ_are_those_of_each_segment() -> None:
    def response(load: np.ndarray, plus: np.ndarray) -> np.ndarray:
        at = np.where(plus, 8.0, 4.0)
        return np.exp(0.5 * (2 * load / at - (load / at) ** 2))

    evidence, too_much = _find(response)
    rows = {row.value: row for row in evidence.rows}
    assert rows["basic"].optimum == pytest.approx(12.0, rel=0.2)
    assert rows["plus"].optimum == pytest.approx(24.0, rel=0.2)
    assert not rows["basic"].pooled
    assert evidence.budget_by == "plan"
    assert {each.segment for each in too_much} <= {"plan: basic", "plan: plus"}
    limits = {each.segment: each.optimum for each in too_much}
    assert limits["plan: basic"] == rows["basic"].optimum


@pytest.mark.seldom
def test_opposite_responses_do_not_cancel_out() -> None:
    evidence, _ = _find(lambda load, plus: np.exp(np.where(plus, 0.06, -0.06) * load))
    verdicts = {row.value: row.verdict for row in evidence.rows}
    assert verdicts["plus"] == "driver"
    assert verdicts["basic"] == "harmful"
    rows = {row.value: row for row in evidence.rows}
    assert rows["basic"].limit == 0.0
    assert rows["plus"].limit is None


def test_contacts_that_follow_orders_are_not_told_from_an_effect() -> None:
    evidence, too_much = _find(lambda load, plus: np.ones_like(load), after_orders=0.4)
    overall = evidence.overall
    assert overall.verdict == "unverifiable"
    assert overall.optimum is None is overall.limit
    assert "purchases decide who is contacted" in overall.reason
    assert "randomised test" in overall.reason
    assert all(row.pooled and row.verdict == "unverifiable" for row in evidence.rows[1:])
    assert too_much == ()
    assert not evidence.curves


def test_a_short_history_says_what_is_missing() -> None:
    periods, data, windows = company(lambda load, plus: np.ones_like(load), n=120, weeks=9)
    evidence, _ = find_contact(data, periods, None, windows, config())
    assert evidence.overall.verdict == "unverifiable"
    assert evidence.overall.effect is None
    assert "of history" in evidence.overall.reason
    small = [row for row in evidence.rows if row.n_entities < 100]
    assert all(row.pooled for row in small)
