"""Measures of events in the cases that are easy to get wrong, and what they say of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engagement_ml.engine import Engine
from engagement_ml.errors import ConfigError
from engagement_ml.measures.catalogue import MEASURES, definitions
from engagement_ml.measures.compute import Measured
from engagement_ml.windows import Window
from tests.engines.conftest import PolarsEngine
from tests.measures import oracle_activity as activity
from tests.measures import oracle_trials as trials
from tests.measures.tables import make_config, make_context, measured, moment, values

DAY = dt.timedelta(days=1)
HISTORY = Window(dt.date(2024, 1, 1), dt.date(2024, 5, 1))
Row = dict[str, Any]


def event(who: str, event_type: str, at: str, **columns: Any) -> Row:
    return {"customer_id": who, "event_type": event_type, "timestamp": moment(at), **columns}


def buys(who: str, at: str) -> Row:
    return {"customer_id": who, "timestamp": moment(at), "margin": 1.0}


def result(
    engine: Engine,
    name: str,
    events: Iterable[Row],
    *,
    transactions: Iterable[Row] = (),
    measures: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    **context: Any,
) -> Measured:
    made = make_context(
        engine,
        settings={**(settings or {}), "measures": measures or {}},
        history=context.pop("history", HISTORY),
        events=events,
        transactions=[*transactions, buys("z", "2024-01-01")],
        **context,
    )
    return measured(made, name)[name]


def first(result: Measured) -> Any:
    return result.estimates["all"][""][0]


def test_25_of_40_clients_who_return_are_62_and_a_half_percent(duckdb_engine: Engine) -> None:
    ended = [event(f"c{i}", "project_finished", "2024-01-10") for i in range(40)]
    bought = [buys(f"c{i}", "2024-02-01") for i in range(25)]
    # A purchase before the end of the project, and one after the time, do not count.
    bought += [buys("c30", "2024-01-09"), buys("c31", "2024-04-11")]

    found = result(
        duckdb_engine,
        "repeat_service",
        ended,
        transactions=bought,
        measures={"repeat_service": {"within_days": 90}},
    )

    assert first(found).value == 62.5
    assert (first(found).numerator, first(found).denominator) == (25, 40)
    assert first(found).low == pytest.approx(47.03, abs=0.01)


def test_trials_whose_time_is_not_over_are_left_out_and_counted(duckdb_engine: Engine) -> None:
    events = [
        event("a", "trial", "2024-04-15"),
        event("b", "trial", "2024-04-16"),  # a goal on the day after the history would count
        event("b", "paid", "2024-04-18"),  # converted, but early converters alone would mislead
        event("c", "trial", "2024-03-01"),
    ]
    own = {"trial_to_paid": {"kind": "conversion", "start": "trial", "goal": "paid",
                             "within_days": 15}}  # fmt: skip

    found = result(duckdb_engine, "trial_to_paid", events, measures=own)

    assert values(found) == [None, None, 0.0, 0.0]
    assert found.estimates["all"][""][3].denominator == 1
    assert found.notes == ("one trial left out: the time for the goal is not over yet",)


def test_a_goal_at_the_moment_of_the_start_counts_and_one_before_does_not(engine: Engine) -> None:
    events = [
        event("a", "page_view", "2024-01-05 10:00"),
        event("a", "signup", "2024-01-05 10:00"),
        event("b", "page_view", "2024-01-05 10:00"),
        event("b", "signup", "2024-01-05 09:59"),
    ]
    own = {"conversion": {"start": "page_view", "goal": "signup"}}

    assert first(result(engine, "conversion", events, measures=own)).value == 50.0


def test_carts_of_a_ref_count_once_and_without_one_they_are_days(duckdb_engine: Engine) -> None:
    linked = [
        event("a", "add_to_cart", "2024-01-05 10:00", ref="k1"),
        event("a", "add_to_cart", "2024-01-06 10:00", ref="k1"),
        event("a", "purchase", "2024-01-05 11:00", ref="k1"),
        event("a", "purchase", "2024-01-05 11:00", ref="other"),
        event("a", "add_to_cart", "2024-01-07 10:00", ref="k2"),
        event("a", "add_to_cart", "2024-01-07 10:00"),
    ]
    plain = [
        event("a", "add_to_cart", "2024-01-05 10:00"),
        event("a", "add_to_cart", "2024-01-05 11:00"),
        event("a", "purchase", "2024-01-05 12:00"),
        event("a", "purchase", "2024-01-05 13:00"),
        event("a", "add_to_cart", "2024-01-08 10:00"),
    ]

    by_ref = result(duckdb_engine, "cart_abandonment", linked)
    by_day = result(duckdb_engine, "cart_abandonment", plain)

    assert (first(by_ref).numerator, first(by_ref).denominator) == (1, 2)
    assert by_ref.notes == ("one cart without a ref left out",)
    assert (first(by_day).numerator, first(by_day).denominator) == (1, 2)
    assert by_day.notes == ("without a ref or session_id, a cart is a customer's day (UTC)",)


def test_a_cart_with_a_ref_is_matched_with_transactions_by_time(duckdb_engine: Engine) -> None:
    carts = [event(who, "add_to_cart", "2024-01-05 10:00", ref=f"k{who}") for who in "ab"]

    found = result(
        duckdb_engine, "cart_abandonment", carts, transactions=[buys("a", "2024-01-05 12:00")]
    )

    assert first(found).value == 50.0
    assert found.notes == ("a cart is matched with transactions by customer and time",)


def test_an_explicit_link_that_the_goal_lacks_is_named(duckdb_engine: Engine) -> None:
    events = [
        event("a", "page_view", "2024-01-05", session_id="s", ref=None),
        event("a", "signup", "2024-01-05"),
    ]
    own = {"conversion": {"start": "page_view", "goal": "signup", "by": "session"}}

    found = result(duckdb_engine, "conversion", events, measures=own)

    assert found.absent == "a session_id of events of type signup"


def test_many_opens_of_a_message_count_once_and_opens_of_others_do_not(engine: Engine) -> None:
    events = [
        *(event("a", "email_opened", f"2024-01-0{day}", ref="m1") for day in (3, 4, 5)),
        event("a", "email_sent", "2024-01-02", ref="m1"),
        event("b", "email_sent", "2024-01-02", ref="m1"),
        event("b", "email_opened", "2024-01-12", ref="m1"),  # too late
        event("c", "email_sent", "2024-01-02", ref="m1"),
        event("c", "email_opened", "2024-01-03", ref="m2"),
    ]

    found = result(engine, "open_rate", events)

    assert (first(found).numerator, first(found).denominator) == (1, 3)


@pytest.mark.parametrize("days", [3, 7, 10])
def test_influence_is_0_where_contacts_change_nothing(duckdb_engine: Engine, days: int) -> None:
    events, bought = [], []
    for i in range(20):
        # They buy every Monday, whether or not they were contacted.
        bought += [buys(f"c{i}", str(dt.date(2024, 1, 1) + 7 * k * DAY)) for k in range(17)]
        sent = dt.date(2024, 2, 12) + (i % 7) * DAY
        events.append(event(f"c{i}", "email_sent", str(sent), direction="outbound"))
    own = {name: {"within_days": days} for name in ("influence", "influence_raw")}

    found = result(duckdb_engine, "influence", events, transactions=bought, measures=own)
    raw = result(duckdb_engine, "influence_raw", events, transactions=bought, measures=own)

    assert values(found)[1] == 0.0
    assert (values(raw)[1] or 0.0) > 30.0


def test_influence_is_the_whole_rate_where_only_contacts_lead_to_purchases(
    duckdb_engine: Engine,
) -> None:
    events, bought = [], []
    for i in range(10):
        for start in ("2024-02-05", "2024-03-20"):
            events.append(event(f"c{i}", "email_sent", start, direction="outbound"))
            bought += [buys(f"c{i}", f"{start} 08:00")] if i < 6 else []
        events.append(event(f"c{i}", "visit", "2024-01-02"))

    found = result(duckdb_engine, "influence", events, transactions=bought)

    assert values(found)[1:3] == [60.0, 60.0]


def test_a_contact_without_a_clear_week_is_left_out_and_counted(duckdb_engine: Engine) -> None:
    daily = [
        event("a", "email_sent", str(dt.date(2024, 1, 1) + i * DAY), direction="outbound")
        for i in range(120)
    ]

    found = result(duckdb_engine, "influence", daily)

    assert values(found) == [None] * 4
    assert found.notes == (
        "five contacts left out: the days of the response are not over yet",
        "115 contacts without a matched day without a contact",
    )


def test_a_customer_is_active_once_whatever_the_touchpoints(engine: Engine) -> None:
    events = [
        event("a", "visit", "2024-01-05 10:00", channel="web"),
        event("a", "visit", "2024-01-05 11:00", channel="app"),
        event("a", "email_sent", "2024-01-06", channel="email", direction="Outbound"),
        event("b", "visit", "2024-01-20", channel=None),
    ]

    found = result(engine, "dau", events)

    assert values(found)[0] == pytest.approx(2 / 31)
    assert values(found, "touchpoint", "web")[0] == pytest.approx(1 / 31)
    assert "email" not in found.estimates["touchpoint"]


def test_monthly_actives_of_a_week_are_those_of_28_days(duckdb_engine: Engine) -> None:
    events = [event("a", "visit", "2024-01-08"), event("b", "visit", "2024-02-04")]

    mau = result(duckdb_engine, "mau", events, every="week")
    labels = [str(day) for day in ("2024-01-22", "2024-01-29", "2024-02-05")]
    by_week = dict(zip((p.isoformat() for p in _mondays()), values(mau), strict=True))

    # The 28 days of the first weeks begin before the history.
    assert by_week["2024-01-15"] in (None, 0.0)
    assert [by_week[label] for label in labels] == [1.0, 2.0, 1.0]


def _mondays() -> list[dt.date]:
    return [dt.date(2024, 1, 1) + 7 * i * DAY for i in range(17)]


def test_low_adoption_among_many_active_customers_is_a_warning(duckdb_engine: Engine) -> None:
    events = [event(f"c{i}", "visit", "2024-04-05") for i in range(60)]
    events += [event(f"c{i}", "feature_used", "2024-04-05") for i in range(3)]

    found = result(duckdb_engine, "adoption", events)
    met = result(duckdb_engine, "adoption", events, measures={"adoption": {"target": "5%"}})

    assert values(found)[3] == 5.0
    assert found.notes == (
        "60 customers are active, and only 3 use it: activity does not show that the feature is "
        "used",
    )
    assert met.notes == ()


def test_the_share_of_sessions_of_one_event_is_told(duckdb_engine: Engine) -> None:
    events = [
        event("a", "page_view", "2024-01-05 10:00", session_id="s"),
        event("a", "page_view", "2024-01-05 10:10", session_id="s"),
        *(event("b", "page_view", f"2024-01-0{d}", session_id="s") for d in (2, 3, 4)),
    ]

    found = result(duckdb_engine, "session_minutes", events)

    assert first(found).value == 2.5
    assert found.notes == ("75% of the sessions have one event, and count 0 minutes",)


def test_sessions_need_a_definition(duckdb_engine: Engine) -> None:
    events = [event("a", "page_view", "2024-01-05")]

    without = result(duckdb_engine, "bounce_rate", events)
    configured = result(
        duckdb_engine, "bounce_rate", events, settings={"features": {"sessions": True}}
    )

    assert without.absent is not None
    assert "features: {sessions: true}" in without.absent
    assert first(configured).value == 100.0


def test_requests_without_an_answer_are_open_not_dropped(duckdb_engine: Engine) -> None:
    events = [
        event("a", "ticket_opened", "2024-01-05 10:00", ref="1"),
        event("a", "ticket_answered", "2024-01-05 12:00", ref="1"),
        event("b", "ticket_opened", "2024-01-05 10:00", ref="1"),
        event("c", "ticket_opened", "2024-01-05 10:00", ref="1"),
    ]

    median = result(duckdb_engine, "response_hours", events)
    within = result(duckdb_engine, "response_within", events)

    assert first(median).value is None
    assert "1 of 3 requests" in first(median).note
    assert first(within).value == pytest.approx(100 / 3)


def test_a_subscriber_before_the_history_counts_at_the_start(engine: Engine) -> None:
    events = [
        event("old", "unsubscribed", "2024-02-10"),
        event("new", "subscribed", "2024-01-10"),
        event("new", "subscribed", "2024-02-10"),
        event("late", "subscribed", "2024-02-12"),
    ]

    found = result(engine, "subscriber_growth", events)

    # January: +1 of 1; February: +1 −1 of 2; March: 0 of 2.
    assert values(found)[:3] == [100.0, 0.0, 0.0]


def test_a_moved_appointment_is_due_once_and_a_provider_cancels_in_time(engine: Engine) -> None:
    booked = moment("2024-01-20 10:00")
    events = [
        event("a", "appointment_booked", "2024-01-02", ref="1", due=booked),
        event("a", "appointment_moved", "2024-01-19", ref="1", due=moment("2024-02-05")),
        event("a", "appointment_attended", "2024-02-05", ref="1"),
        event("b", "appointment_booked", "2024-01-02", ref="1", due=booked),
        event("b", "appointment_cancelled_by_provider", "2024-01-15", ref="1"),
        event("c", "appointment_booked", "2024-01-02", ref="1", due=booked),
        event("c", "appointment_cancelled_by_provider", "2024-01-20 11:00", ref="1"),
        event("d", "appointment_booked", "2024-01-02", ref="1", due=moment("2024-04-30 12:00")),
        event("e", "appointment_booked", "2024-01-02", ref="1", due=None),
    ]

    found = result(engine, "appointment_adherence", events)

    assert values(found)[:2] == [0.0, 100.0]
    assert [e.denominator for e in found.estimates["all"][""][:2]] == [1, 1]
    assert found.notes == (
        "one appointment not over yet, left out",
        "one appointment cancelled by the provider in time, left out",
        "one appointment without a ref or a due time, left out",
    )


def test_overlapping_supply_shifts_forward_and_is_at_most_all_days(engine: Engine) -> None:
    history = Window(dt.date(2024, 1, 1), dt.date(2024, 3, 1))
    events = [
        event("a", "refill", "2024-01-01", value=30.0),
        event("a", "refill", "2024-01-11", value=30.0),  # covers 31 January to 29 February
        event("b", "refill", "2024-01-02", value=15.0),
        event("b", "refill", "2024-01-03", value=None),
    ]

    days = result(engine, "medication_adherence", events, history=history)
    people = result(engine, "medication_adherent", events, history=history)

    assert values(days) == pytest.approx([100 * (31 + 15) / (31 + 30), 50.0])
    assert values(people) == [50.0, 50.0]
    assert days.notes == ("one refill without days of supply ('value') left out",)


def test_event_types_that_the_data_lacks_are_named(duckdb_engine: Engine) -> None:
    events = [event("a", "page_view", "2024-01-05"), event("a", "paid", "2024-01-05")]
    own = {
        "one": {"kind": "conversion", "start": "page_view", "goal": ["paid", "piad"]},
        "none": {"kind": "conversion", "start": "page_vew", "goal": "paid"},
    }

    some = result(duckdb_engine, "one", events, measures=own)
    nothing = result(duckdb_engine, "none", events, measures=own)

    assert some.notes[0] == "no event of type piad (setting 'goal')"
    assert first(some).value == 100.0
    assert nothing.absent is not None
    assert nothing.absent.startswith("events of type page_vew")
    assert "page_view" in nothing.absent
    assert nothing.absent.endswith("(setting 'start')")


def test_a_time_in_days_takes_the_place_of_the_default_in_hours(duckdb_engine: Engine) -> None:
    events = [event("a", "add_to_cart", "2024-01-05"), event("a", "purchase", "2024-01-07")]
    own = {"cart_abandonment": {"within_days": 3}}

    found = result(duckdb_engine, "cart_abandonment", events, measures=own)

    assert first(found).value == 0.0
    with pytest.raises(ConfigError, match="within_hours"):
        make_config({"measures": {"conversion": {"within_days": 3, "within_hours": 3}}})


def test_a_key_that_a_measure_does_not_read_is_refused() -> None:
    config = make_config({"measures": {"dau": {"within_days": 3}}})

    with pytest.raises(ConfigError, match=r"measures\.dau\.within_days"):
        definitions(config)


def test_every_measure_says_what_it_needs_of_tables_without_events_of_it(
    duckdb_engine: Engine,
) -> None:
    context = make_context(
        duckdb_engine,
        history=HISTORY,
        events=[event("a", "other", "2024-01-05")],
        transactions=[buys("a", "2024-01-06")],
    )
    found = measured(context)
    types = {m.name for m in MEASURES if {"event", "start"} & set(m.defaults)}

    for name in types:
        assert found[name].absent, name


MOMENTS = st.integers(0, 24 * 40).map(lambda h: dt.datetime(2024, 1, 1) + h * dt.timedelta(hours=1))
WHO = st.sampled_from(["a", "b"])


def rows_of(*types: str, **columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
    row = {"customer_id": WHO, "timestamp": MOMENTS, "event_type": st.sampled_from(types)}
    return st.lists(st.fixed_dictionaries({**row, **columns}), min_size=1, max_size=14)


SHORT = Window(dt.date(2024, 1, 1), dt.date(2024, 2, 12))
PERIODS = [(dt.date(2024, 1, 1) + 7 * i * DAY, dt.date(2024, 1, 8) + 7 * i * DAY) for i in range(6)]


@pytest.fixture(scope="module")
def polars_engine() -> Iterator[Engine]:
    """Many small tables take less time on Polars."""
    with PolarsEngine() as polars:
        yield polars


FEW = hypothesis_settings(max_examples=12, deadline=None)


@FEW
@given(rows_of("start", "goal"), st.sampled_from([2, 30, 72]))
def test_conversion_of_any_rows(polars_engine: Engine, rows: list[Row], hours: int) -> None:
    rows = [*rows, event("c", "start", "2024-01-01"), event("c", "goal", "2024-01-01")]
    own = {"conversion": {"start": "start", "goal": "goal", "within_hours": hours}}
    starts, goals = trials.of_type(rows, "start"), trials.of_type(rows, "goal")
    limit = dt.timedelta(hours=hours)

    found = result(polars_engine, "conversion", rows, measures=own, history=SHORT, every="week")

    expected = trials.per_person(starts, goals, PERIODS, SHORT.end, limit)
    assert values(found) == [None if v is None else pytest.approx(v) for v in expected]


@FEW
@given(rows_of("refill", value=st.sampled_from([None, 0.0, 1.0, 4.0, 9.0, 40.0])))
def test_supply_of_any_rows(polars_engine: Engine, rows: list[Row]) -> None:
    rows = [row | {"object": None} for row in rows]

    found = result(polars_engine, "medication_adherence", rows, history=SHORT, every="week")

    expected, _ = activity.supply(rows, {}, PERIODS, SHORT.end)
    assert values(found) == [None if v is None else pytest.approx(v) for v in expected]


@FEW
@given(rows_of("subscribed", "unsubscribed"))
def test_growth_of_any_rows(polars_engine: Engine, rows: list[Row]) -> None:
    rows = [*rows, event("c", "subscribed", "2024-01-01"), event("d", "unsubscribed", "2024-02-11")]

    found = result(polars_engine, "subscriber_growth", rows, history=SHORT, every="week")

    expected = activity.subscriber_growth(rows, PERIODS)
    assert values(found) == [None if v is None else pytest.approx(v) for v in expected]
