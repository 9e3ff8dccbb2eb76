"""Cohorts by age equal a slow oracle, on every engine."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engagement_ml.engine import Engine
from engagement_ml.measures.context import MeasureContext
from engagement_ml.scorecard.cohorts import cohort_tables
from engagement_ml.scorecard.segments import groups_of
from engagement_ml.windows import Window
from tests.engines.conftest import PolarsEngine
from tests.measures.tables import make_context, moment
from tests.scorecard import oracle_cohorts as oracle

FEW = settings(
    max_examples=15, derandomize=True, suppress_health_check=list(HealthCheck), deadline=None
)
HISTORY = Window(dt.date(2024, 1, 20), dt.date(2024, 6, 10))
MONTHS = oracle.months(HISTORY.start, HISTORY.end)
IDS = [f"c{i}" for i in range(8)]
WHEN = st.integers(0, HISTORY.days * 24 - 1).map(
    lambda hours: moment("2024-01-20") + dt.timedelta(hours=hours)
)
ROWS = st.lists(
    st.tuples(st.sampled_from(IDS), WHEN, st.integers(-3, 9), st.booleans()),
    min_size=8,
    max_size=40,
)
SIGNUPS = st.lists(st.one_of(st.none(), WHEN), min_size=len(IDS), max_size=len(IDS))


def shop(
    engine: Engine, rows: list[Any], signups: list[Any], churn: str = "no_transaction"
) -> tuple[MeasureContext, dict[str, Any]]:
    """Return a context with scores, and its plain rows."""
    events, transactions = [], []
    for place, (customer, when, margin, bought) in enumerate(rows):
        row = {"customer_id": customer, "timestamp": when}
        if bought:
            transactions.append({**row, "margin": float(margin)})
        else:
            kind = "cancelled" if margin > 7 else "visit"
            campaign = ["spring", "autumn", None][place % 3]
            events.append({**row, "event_type": kind, "campaign": campaign})
    customers = [
        {"customer_id": customer, "signup": signup}
        for customer, signup in zip(IDS, signups, strict=True)
    ]
    kind = {"kind": churn, **({"event_type": "cancelled"} if churn == "event" else {})}
    context = make_context(
        engine,
        settings={"churn": kind, "scorecard": {"smallest_group": 1}},
        events=events,
        transactions=transactions,
        customers=customers,
        history=HISTORY,
    )
    scores = {(c, m): float(i * 7 % 100) + m[1] for i, c in enumerate(IDS[:6]) for m in MONTHS[1:]}
    days = [dt.date(*oracle.later(m, 1), 1) - dt.timedelta(days=1) for _, m in scores]
    frame = engine.small(
        {"customer_id": [c for c, _ in scores], "day": days, "score": list(scores.values())}
    )
    plain = {"events": events, "transactions": transactions, "customers": customers}
    return replace(context, scores=frame), {**plain, "scores": scores}


def check(context: MeasureContext, plain: dict[str, Any]) -> None:
    groups = groups_of(context.tables, context.config)
    tables, _ = cohort_tables(context, groups)
    entries = oracle.entries(plain["events"], plain["transactions"], plain["customers"])
    entered = {c: oracle.month_of(when) for c, when in entries.items()}
    exits: dict[str, dt.datetime] | None = None
    if context.config.churn.event_type is not None:
        exits = {}
        for row in sorted(plain["events"], key=lambda row: row["timestamp"], reverse=True):
            if row["event_type"] == "cancelled":
                exits[row["customer_id"]] = row["timestamp"]
    members: dict[str, dict[str, list[str]]] = {"entry": {}, "campaign": {}}
    for customer, month in entered.items():
        if month in MONTHS:
            members["entry"].setdefault(f"{month[0]}-{month[1]:02}", []).append(customer)
            name = campaign_of(customer, plain["events"])
            members["campaign"].setdefault(name, []).append(customer)
    for table in tables:
        shown = {c for c, size in zip(table.cohorts, table.sizes, strict=True) if size}
        assert shown == set(members[table.by])
        for place, cohort in enumerate(table.cohorts):
            who = members[table.by].get(cohort, [])
            assert table.sizes[place] == len(who)
            for age, value in enumerate(table.cells[place]):
                parts = [
                    oracle.cell(
                        table.quantity,
                        [c for c in who if entered[c] == month],
                        oracle.later(month, age),
                        plain["transactions"],
                        exits,
                        plain["scores"],
                    )
                    for month in MONTHS
                    if oracle.later(month, age) in MONTHS
                ]
                total, n = (sum(column) for column in zip(*parts, strict=True)) if parts else (0, 0)
                assert table.counts[place][age] == n
                expected = total / n if n else None
                assert value == (None if expected is None else pytest.approx(expected))


def campaign_of(customer: str, events: list[dict[str, Any]]) -> str:
    known = [
        (row["timestamp"], row["campaign"])
        for row in events
        if row["customer_id"] == customer and row["campaign"] is not None
    ]
    return min(known)[1] if known else "unknown"


@FEW
@given(rows=ROWS, signups=SIGNUPS, churn=st.sampled_from(["no_transaction", "event"]))
def test_cohorts_equal_the_oracle(rows: list[Any], signups: list[Any], churn: str) -> None:
    with PolarsEngine() as engine:
        check(*shop(engine, rows, signups, churn))


def test_who_left_before_the_first_period_is_not_retained(engine: Engine) -> None:
    """The churn event comes before the sign-up, in the days before the first period."""
    rows = [("c0", moment("2024-01-20"), place, False) for place in (0, 0, 0, 8)]
    signups = [moment("2024-02-01"), *[None] * (len(IDS) - 1)]
    check(*shop(engine, rows, signups, "event"))


def spread(n: int) -> list[Any]:
    start = moment("2024-01-20")
    return [
        (IDS[i % 7], start + dt.timedelta(hours=(i * 131) % (HISTORY.days * 24)), i % 10, i % 3 > 0)
        for i in range(n)
    ]


@pytest.mark.parametrize("churn", ["no_transaction", "event"])
def test_a_full_history_equals_the_oracle(engine: Engine, churn: str) -> None:
    signups = [moment(f"2024-0{2 + i % 3}-11") if i % 2 else None for i in range(len(IDS))]
    context, plain = shop(engine, spread(120), signups, churn)

    check(context, plain)

    tables, _ = cohort_tables(context, groups_of(context.tables, context.config))
    assert [(t.by, t.quantity) for t in tables] == [
        (by, quantity)
        for by in ("entry", "campaign")
        for quantity in ("retention", "margin", "score")
    ]


def test_ages_not_reached_are_empty_and_small_cohorts_are_hidden(engine: Engine) -> None:
    transactions = [
        {"customer_id": f"{month}-{i}", "timestamp": moment(f"2024-0{month}-05"), "margin": 2.0}
        for month, n in ((1, 12), (2, 3), (3, 10))
        for i in range(n)
    ]
    history = Window(dt.date(2024, 1, 1), dt.date(2024, 4, 1))
    context = make_context(engine, transactions=transactions, history=history)

    tables, notes = cohort_tables(context)

    retention = {t.quantity: t for t in tables}["retention"]
    assert retention.cohorts == ("2024-01", "2024-02", "2024-03")
    assert retention.sizes == (12, 3, 10)
    assert retention.cells == ((100.0, 0.0, 0.0), (None,) * 3, (100.0, None, None))
    assert any("Without sign-up dates" in note for note in notes)
    assert "Not shown: 1 cohort of fewer than 10 customers." in notes


def test_customers_who_entered_before_the_history_are_stated(engine: Engine) -> None:
    transactions = [
        {"customer_id": f"c{i}", "timestamp": moment(f"2024-02-{i + 1:02}"), "margin": 2.0}
        for i in range(12)
    ]
    customers = [{"customer_id": f"c{i}", "signup": moment("2019-05-01")} for i in range(5)]
    history = Window(dt.date(2024, 2, 1), dt.date(2024, 4, 1))
    context = make_context(
        engine,
        settings={"scorecard": {"smallest_group": 1}},
        transactions=transactions,
        customers=customers,
        history=history,
    )

    tables, notes = cohort_tables(context)

    assert tables[0].sizes == (7, 0)
    assert notes[0].startswith("In no cohort: 5 customers who entered before 1 February 2024;")


def test_no_complete_period_is_stated(engine: Engine) -> None:
    context = make_context(
        engine,
        settings={"scorecard": {"cohort": "quarter"}},
        transactions=[{"customer_id": "a", "timestamp": moment("2024-02-05"), "margin": 2.0}],
        history=Window(dt.date(2024, 2, 1), dt.date(2024, 4, 1)),
    )

    assert cohort_tables(context) == (
        (),
        ("Cohorts are left out: the history has no complete quarter.",),
    )
