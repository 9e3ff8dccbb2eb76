"""Groups of customers: every customer is in one, rare values are together, measures add up."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from engagement_ml.engine import Engine
from engagement_ml.errors import ConfigError
from engagement_ml.features.stratified_sample import Sample, sample_of
from engagement_ml.measures.context import MeasureContext
from engagement_ml.measures.kinds.kind import Estimate
from engagement_ml.scorecard.segments import groups_of
from engagement_ml.scorecard.segments.acquisition import acquisition
from tests.measures.tables import make_context, measured, moment

START = moment("2024-01-01")
MEASURES = ("margin_per_customer", "average_order_value", "retention", "repeat_purchase")


def rows_of(engine: Engine, frame: Any) -> dict[str, tuple[Any, ...]]:
    rows = engine.rows(frame, source="groups")
    assert len({row["customer_id"] for row in rows}) == len(rows)
    return {row["customer_id"]: tuple(list(row.values())[1:]) for row in rows}


def shop(engine: Engine, **settings: Any) -> MeasureContext:
    """60 customers on two plans, three of them on a rare one, one without a row of its own."""
    plans = ["basic"] * 30 + ["plus"] * 25 + ["gold"] * 3 + [None]
    customers = [{"customer_id": f"c{i}", "a.plan": plan} for i, plan in enumerate(plans)]
    rng = np.random.default_rng(5)
    transactions = [
        {
            "customer_id": f"c{rng.integers(60)}",
            "timestamp": START + dt.timedelta(hours=int(rng.integers(91 * 24))),
            "margin": float(rng.integers(-3, 20)),
            "revenue": float(rng.integers(10, 40)),
            "order_id": f"o{i // 2}",
        }
        for i in range(400)
    ]
    events = [
        {"customer_id": f"c{i}", "timestamp": START + dt.timedelta(days=i), "event_type": "visit"}
        for i in range(60)
    ]
    return make_context(
        engine,
        settings={"segments": ["a.plan"], **settings},
        transactions=transactions,
        events=events,
        customers=customers,
        surveys=[{"customer_id": "only asked", "timestamp": START, "survey": "nps", "score": 9}],
    )


def test_every_customer_has_a_group(engine: Engine) -> None:
    context = shop(engine)

    groups = groups_of(context.tables, context.config)

    assert groups is not None
    assert groups.names == {"group_0": "a.plan"}
    found = rows_of(engine, groups.frame)
    assert len(found) == 61
    assert {found[f"c{i}"] for i in range(30)} == {("basic",)}
    assert {found[f"c{i}"] for i in (55, 56, 57)} == {("other",)}
    assert {found[c] for c in ("c58", "c59", "only asked")} == {("unknown",)}
    (note,) = groups.notes
    assert "'a.plan': 3 customers with values of fewer than 10 customers" in note


def test_a_segments_measure_is_that_of_its_customers_alone(engine: Engine) -> None:
    context = shop(engine)
    groups = groups_of(context.tables, context.config)
    assert groups is not None
    split = MeasureContext(context.tables, context.config, context.periods, groups.frame)
    members = rows_of(engine, groups.frame)

    whole = measured(split, *MEASURES)

    for group in ("basic", "other"):
        ids = [c for c, (plan,) in members.items() if plan == group]
        alone = measured(_only(context, ids), *MEASURES)
        for name, result in whole.items():
            by_segment = groups.named(result.estimates)["a.plan"][group]
            expected = alone[name].estimates["all"][""]
            assert any(each.value is not None for each in expected)
            for one, two in zip(by_segment, expected, strict=True):
                assert _numbers(one) == pytest.approx(_numbers(two), nan_ok=True), (name, group)


def test_people_and_margin_of_groups_add_up(engine: Engine) -> None:
    context = shop(engine)
    groups = groups_of(context.tables, context.config)
    assert groups is not None
    split = MeasureContext(context.tables, context.config, context.periods, groups.frame)

    (result,) = measured(split, "margin_per_customer").values()

    for period, total in enumerate(result.estimates["all"][""]):
        parts = [series[period] for series in result.estimates["group_0"].values()]
        assert sum(p.n for p in parts) == total.n
        for field in ("numerator", "denominator"):
            assert sum(getattr(p, field) or 0.0 for p in parts) == pytest.approx(
                getattr(total, field)
            )


def test_the_first_campaign_brought_the_customer(engine: Engine) -> None:
    def event(customer: str, day: int, campaign: str | None) -> dict[str, Any]:
        when = START + dt.timedelta(days=day)
        return {
            "customer_id": customer, "timestamp": when, "event_type": "visit", "campaign": campaign,
        }  # fmt: skip

    events = [
        event("a", 3, "spring"), event("a", 1, None), event("a", 9, "autumn"),
        event("b", 2, "mail"), event("b", 2, "advert"), event("c", 1, None),
    ]  # fmt: skip
    context = make_context(
        engine,
        settings={"scorecard": {"smallest_group": 1}},
        events=events,
        transactions=[{"customer_id": "d", "timestamp": START, "margin": 1.0}],
        history=None,
        every="week",
    )

    groups = groups_of(context.tables, context.config)

    assert groups is not None
    assert groups.named({groups.campaign or "": 1}) == {"campaign of acquisition": 1}
    assert rows_of(engine, groups.frame) == {
        "a": ("spring",), "b": ("advert",), "c": ("unknown",), "d": ("unknown",),
    }  # fmt: skip


def test_a_column_of_the_customers_may_name_the_campaign(engine: Engine) -> None:
    context = shop(engine, scorecard={"acquired_by": "a.plan"})

    found = acquisition(context.tables, context.config)

    assert found is not None
    assert rows_of(engine, found)["c31"] == ("plus",)
    wrong = shop(engine, scorecard={"acquired_by": "a.plam"})
    with pytest.raises(ConfigError, match=r"acquired_by.*no column 'a.plam'.*a\.plan"):
        acquisition(wrong.tables, wrong.config)


def test_a_campaign_needs_the_customers_table(engine: Engine) -> None:
    context = make_context(
        engine,
        settings={"scorecard": {"acquired_by": "source"}},
        every="week",
        transactions=[
            {"customer_id": "d", "timestamp": START + dt.timedelta(days=d), "margin": 1.0}
            for d in (0, 20)
        ],
    )

    with pytest.raises(ConfigError, match="customers table, which is missing"):
        acquisition(context.tables, context.config)
    plain = context.config.model_copy(update={"scorecard": shop(engine).config.scorecard})
    assert groups_of(context.tables, plain) is None


def _numbers(estimate: Estimate) -> list[float]:
    fields = (estimate.value, estimate.low, estimate.high, estimate.numerator, estimate.denominator)
    return [float("nan") if field is None else field for field in (*fields, estimate.n)]


def _only(context: MeasureContext, ids: list[str]) -> MeasureContext:
    """Return the context of some customers alone, with the same periods."""
    tables = sample_of(context.tables, Sample(np.array(ids), len(ids), (), 1, f"only {ids}"))
    return MeasureContext(tables, context.config, context.periods)
