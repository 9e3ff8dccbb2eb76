"""Totals in the engine: who was there, groups, small groups, scores and predictions."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engagement_ml.engine import Engine
from engagement_ml.measures.engaged import CELLS, engaged_cells
from engagement_ml.measures.families.purchases import FAMILY
from engagement_ml.measures.kinds.kind import Totals
from engagement_ml.measures.periods import Periods
from engagement_ml.scorecard.engaged import engaged_buying
from engagement_ml.windows import Window
from tests.measures.tables import make_context, measured, moment, values

START = moment("2024-01-01")


def sale(customer: str, day: str, margin: float, channel: str | None = None) -> dict[str, Any]:
    return {
        "customer_id": customer, "timestamp": moment(day), "margin": margin, "channel": channel,
    }  # fmt: skip


def visit(customer: str, day: str, event_type: str = "visit") -> dict[str, Any]:
    return {"customer_id": customer, "timestamp": moment(day), "event_type": event_type}


def test_those_who_left_count_with_their_margin_only(engine: Engine) -> None:
    """A refund after the contract ended lowers margin; its customer is not on board."""
    context = make_context(
        engine,
        settings={"churn": {"kind": "event", "event_type": "cancel"}},
        events=[
            visit("a", "2024-01-01"),
            visit("a", "2024-01-20", "cancel"),
            visit("b", "2024-01-05"),
        ],
        transactions=[
            sale("a", "2024-01-03", 50),
            sale("a", "2024-02-10", -20),
            sale("b", "2024-03-31", 9),
        ],
    )
    result = measured(context, "margin_per_customer", "retention", "churn_rate")

    margin = result["margin_per_customer"].estimates["all"][""]
    assert [(e.value, e.denominator, e.n) for e in margin] == [(25, 2, 2), (-20, 1, 2), (9, 1, 1)]
    # Neither was on board when January began.
    assert values(result["churn_rate"]) == [None, 0, 0]
    assert values(result["retention"]) == [None, 100, 100]


def test_sign_up_brings_customers_on_board_without_any_event(engine: Engine) -> None:
    context = make_context(
        engine,
        customers=[{"customer_id": c, "signup": moment("2024-01-15")} for c in "abcd"],
        transactions=[sale("a", "2024-01-20", 8), sale("a", "2024-03-05", 4)],
        history=Window(dt.date(2024, 1, 1), dt.date(2024, 4, 1)),
    )
    margin = measured(context, "margin_per_customer")["margin_per_customer"]

    # No order in February is an average of 0, not "no data": four customers were there.
    assert values(margin) == [2, 0, 1]


def test_channels_add_up_to_the_whole(engine: Engine) -> None:
    sales = [
        sale("a", "2024-01-02", 3, "web"), sale("b", "2024-01-09", 6, "shop"),
        sale("c", "2024-01-31", -3, "web"), sale("d", "2024-02-29", 1, None),
    ]  # fmt: skip
    context = make_context(engine, events=[visit("a", "2024-01-01")], transactions=sales)
    margin = measured(context, "margin_per_customer")["margin_per_customer"].estimates

    assert [e.denominator for e in margin["touchpoint"]["web"]] == [3, 4]
    parts = [series[0].value for series in margin["touchpoint"].values()]
    assert sum(parts) == pytest.approx(margin["all"][""][0].value) == pytest.approx(2)


def test_small_and_large_groups_have_the_interval_of_their_rows(engine: Engine) -> None:
    """Sums of products in the engine tell the same as each customer's own numbers."""
    rng = np.random.default_rng(5)
    people = {f"c{i}": "few" if i < 12 else "many" for i in range(60)}
    sales = [
        sale(c, "2024-01-10", round(float(m), 2))
        for c in people if rng.random() < 0.7 for m in rng.lognormal(2, 1, 1 + rng.poisson(1))
    ]  # fmt: skip
    context = make_context(
        engine,
        events=[visit(c, "2024-01-01") for c in people],
        transactions=[*sales, sale("c0", "2024-01-31", 1.0)],
        groups=[{"customer_id": c, "size": size} for c, size in people.items()],
    )
    groups = measured(context, "margin_per_customer")["margin_per_customer"].estimates["size"]

    kind = next(each for each in FAMILY if each.name == "margin_per_customer").kind
    for size, (estimate,) in groups.items():
        spent = dict.fromkeys([c for c, group in people.items() if group == size], 0.0)
        for row in [*sales, sale("c0", "2024-01-31", 1.0)]:
            if row["customer_id"] in spent:
                spent[row["customer_id"]] += round(1e6 * row["margin"])
        rows = np.column_stack([list(spent.values()), np.ones(len(spent))])
        rows = rows[np.lexsort(rows.T[::-1])]
        cubes = np.einsum("ni,nj,nk->ijk", rows, rows, rows)
        small = rows if size == "few" else None
        expected = kind.estimate(Totals(len(rows), rows.sum(0), rows.T @ rows, small, cubes))
        assert (estimate.low, estimate.value, estimate.high) == pytest.approx(
            (expected.low, expected.value, expected.high), rel=1e-6
        )
        assert ("bootstrap" in estimate.note) == (size == "few")


def test_engaged_and_buying_in_people_and_margin(engine: Engine) -> None:
    context = make_context(
        engine,
        events=[visit("a", "2024-01-01")],
        transactions=[
            sale("a", "2024-01-05", 10), sale("a", "2024-01-06", 5), sale("c", "2024-01-07", 3),
            sale("e", "2024-01-08", 1), sale("b", "2024-01-31", -2), sale("a", "2024-02-29", 7),
        ],
    )  # fmt: skip
    scores = {
        "customer_id": ["a", "b", "c", "d"], "day": [dt.date(2024, 1, 31)] * 4,
        "score": [90.0, 80.0, 10.0, 0.0], "engaged": [True, True, False, False],
    }  # fmt: skip
    scored = replace(context, scores=engine.small(scores))

    january, february = engaged_cells(scored)

    # b only returned; e bought without a score; February has no scores.
    assert january == {
        "engaged bought": {"customers": 1, "margin": 15},
        "engaged not bought": {"customers": 1, "margin": -2},
        "other bought": {"customers": 2, "margin": 4},
        "other not bought": {"customers": 1, "margin": 0},
    }
    assert february == {}
    result = measured(scored, "engaged_buying")["engaged_buying"]
    assert values(result) == [50, None]
    [shown] = engaged_buying(context.periods, (january, february), 60.0)
    assert (shown.period, shown.limit, list(shown.cells)) == ("2024-01", 60, list(CELLS.values()))
    assert measured(context, "engaged_buying")["engaged_buying"].absent == "a trained run"


def test_predicted_lifetime_value_is_a_mean_over_customers(engine: Engine) -> None:
    context = make_context(
        engine, events=[visit("a", "2024-01-01")], transactions=[sale("a", "2024-01-31", 1)]
    )
    predicted = {
        "customer_id": ["a", "b", "c"], "day": [dt.date(2024, 1, 31)] * 3,
        "value": [10.0, 0.0, -1.0],
    }  # fmt: skip
    with_run = replace(context, predicted=engine.small(predicted))

    assert values(measured(with_run, "clv_predicted")["clv_predicted"]) == [3]
    assert measured(context, "clv_predicted")["clv_predicted"].absent == "a trained run"


def test_the_days_before_may_reach_over_several_periods(engine: Engine) -> None:
    context = make_context(
        engine,
        settings={"measures": {"retention": {"within_days": 60}}},
        events=[visit("a", "2024-01-01")],
        transactions=[
            sale("a", "2024-01-02", 1), sale("b", "2024-01-30", 1), sale("b", "2024-03-09", 1),
            sale("c", "2024-03-20", 1), sale("c", "2024-04-30", 1),
        ],
    )  # fmt: skip
    retention = measured(context, "retention")["retention"]

    # March: a and b bought in the 60 days from 1 January. April: b and c from 1 February.
    assert values(retention) == [None, None, 50, 50]
    assert retention.notes == (
        "no data in 2024-01, 2024-02: the orders before are not all in the history",
    )


def test_average_order_value_names_the_column_it_lacks(engine: Engine) -> None:
    context = make_context(
        engine, events=[visit("a", "2024-01-01")], transactions=[sale("a", "2024-01-31", 1)]
    )
    result = measured(context, "average_order_value", "purchase_frequency")

    assert result["average_order_value"].absent == "column revenue of transactions"
    assert "no order_id" in result["purchase_frequency"].notes[0]


def test_periods_are_whole() -> None:
    span = Window(dt.date(2023, 12, 31), dt.date(2024, 4, 15))

    labels = {
        every: [p.label for p in Periods.within(span, every, 99).each]
        for every in ("month", "quarter", "week")
    }
    assert labels["month"] == ["2024-01", "2024-02", "2024-03"]
    assert labels["quarter"] == ["2024-Q1"]
    assert (labels["week"][0], labels["week"][-1], len(labels["week"])) == (
        "2024-01-01", "2024-04-08", 15,
    )  # fmt: skip
