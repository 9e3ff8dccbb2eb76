"""Measures of events equal the oracles, on tables of all kinds of events, on every engine."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from engagement_ml.engine import Engine, open_duckdb
from engagement_ml.measures.compute import Measured
from engagement_ml.measures.rows import sessions as session_rows
from engagement_ml.windows import Window
from tests.engines.conftest import PolarsEngine
from tests.measures import oracle_activity as activity
from tests.measures import oracle_durations as durations
from tests.measures import oracle_trials as trials
from tests.measures.event_rows import (
    HISTORY,
    random_customers,
    random_events,
    random_transactions,
)
from tests.measures.oracle_trials import DAY, Period, Row, by_ref, of_type
from tests.measures.tables import make_context, measured, values

HOUR = dt.timedelta(hours=1)
SETTINGS = {
    "churn": {"kind": "event", "event_type": "churned"},
    "measures": {
        "conversion": {"start": "page_view", "goal": "transaction", "within_days": 14},
        "to_cart": {"kind": "conversion", "start": "page_view", "goal": "add_to_cart",
                    "within_hours": 5},
        "by_session": {"kind": "conversion", "start": "page_view", "goal": "login",
                       "by": "session", "within_days": 3},
        "cart_days": {"kind": "cart_abandonment", "by": "customer", "goal": "transaction",
                      "within_hours": 60},
        "reports": {"kind": "adoption", "event": "feature_used", "object": "reports"},
        "engaged": {"kind": "bounce_rate", "engaged_seconds": 600, "goal": "login"},
        "repeat_service": {"within_days": 20},
    },
}  # fmt: skip
Oracle = Callable[["World"], list[float | None]]


@dataclass(frozen=True)
class World:
    """Rows of one data set, its periods, and what the package computes from them."""

    events: list[Row]
    transactions: list[Row]
    customers: list[Row]
    periods: list[Period]
    results: dict[str, Measured]

    @property
    def end(self) -> dt.date:
        return HISTORY[1]

    def events_of(self, *types: str) -> list[Row]:
        return of_type(self.events, *types)

    def entries(self) -> dict[str, dt.datetime]:
        """When each customer came: the sign-up or, without one, the first row."""
        first: dict[str, dt.datetime] = {}
        for row in [*self.events, *self.transactions]:
            who, moment = row["customer_id"], row["timestamp"]
            first[who] = min(first.get(who, moment), moment)
        signups = {r["customer_id"]: r["signup"] for r in self.customers if r["signup"]}
        return first | signups

    def exits(self) -> dict[str, dt.datetime]:
        first: dict[str, dt.datetime] = {}
        for row in self.events_of("churned"):
            first.setdefault(row["customer_id"], row["timestamp"])
        return first


def world_of(engine: Engine, seed: int, every: str = "month") -> World:
    events, transactions = random_events(seed), random_transactions(seed)
    customers = random_customers(seed)
    # Few leave, and late: what happens after a churn event is rare in real tables.
    churned = [r for r in events if r["event_type"] == "churned"]
    events = [r for r in events if r["event_type"] != "churned"] + churned[:3]
    shuffled = random.Random(seed).sample(events, len(events))
    context = make_context(
        engine,
        settings=SETTINGS,
        every=every,  # type: ignore[arg-type]
        history=Window(*HISTORY),
        events=shuffled,
        transactions=transactions,
        customers=customers,
    )
    periods = [(p.start, p.end) for p in context.periods.each]
    return World(events, transactions, customers, periods, measured(context))


@pytest.fixture(scope="module", params=["duckdb", "polars"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world on DuckDB, then on Polars."""
    with open_duckdb(threads=1) if request.param == "duckdb" else PolarsEngine() as engine:
        yield world_of(engine, seed=3)


def _person(starts: str, goals: str | None, limit: dt.timedelta, channel: Any = None) -> Oracle:
    def oracle(world: World) -> list[float | None]:
        goal = world.transactions if goals is None else world.events_of(goals)
        start = world.events_of(starts)
        return trials.per_person(start, goal, world.periods, world.end, limit, channel)

    return oracle


def _per_ref(starts: str, goals: str, limit: dt.timedelta, channel: Any = None) -> Oracle:
    def oracle(world: World) -> list[float | None]:
        return trials.per_trial(
            world.events_of(starts), world.events_of(goals), world.periods, world.end, limit,
            by_ref, by_ref, channel,
        )  # fmt: skip

    return oracle


def _complement(oracle: Oracle) -> Oracle:
    return lambda world: [None if v is None else 100 - v for v in oracle(world)]


def _sessions_converted(world: World) -> list[float | None]:
    def key(row: Row) -> Any:
        return (row["customer_id"], row["session_id"]) if row["session_id"] else None

    return trials.per_trial(
        world.events_of("page_view"), world.events_of("login"), world.periods, world.end, 3 * DAY,
        key, key,
    )  # fmt: skip


def _cart_days(world: World) -> list[float | None]:
    return trials.per_trial(
        world.events_of("add_to_cart"), world.transactions, world.periods, world.end, 60 * HOUR,
        lambda r: (r["customer_id"], r["timestamp"].date()), lambda r: r["customer_id"],
    )  # fmt: skip


def _booked(world: World) -> list[float | None]:
    signups = [r | {"timestamp": r["signup"]} for r in world.customers if r["signup"]]
    return trials.per_person(
        signups, world.events_of("call_booked"), world.periods, world.end, 7 * DAY
    )


def _influence(which: int) -> Oracle:
    return lambda world: trials.influence(
        world.events_of("email_delivered"), world.transactions, world.entries(), world.exits(),
        world.periods, world.end, 7,
    )[which]  # fmt: skip


def _per_active(event_type: str) -> Oracle:
    def oracle(world: World) -> list[float | None]:
        found = []
        for first, after in world.periods:
            inside = [r for r in world.events if first <= r["timestamp"].date() < after]
            active = {r["customer_id"] for r in activity.active_rows(inside)}
            n = len(of_type(inside, event_type))
            found.append(trials.ratio(n, len(active), 1000.0))
        return found

    return oracle


def _users(condition: Callable[[Row], bool]) -> Oracle:
    def oracle(world: World) -> list[float | None]:
        found = []
        for first, after in world.periods:
            inside = [r for r in world.events if first <= r["timestamp"].date() < after]
            active = {r["customer_id"] for r in activity.active_rows(inside)}
            users = {r["customer_id"] for r in inside if condition(r)}
            found.append(trials.ratio(len(users), len(active)))
        return found

    return oracle


def _referrers(world: World) -> list[float | None]:
    found = []
    for first, after in world.periods:
        there = {
            who
            for who, entry in world.entries().items()
            if entry.date() < after
            and (who not in world.exits() or world.exits()[who].date() >= first)
        }
        referred = {
            r["customer_id"]
            for r in world.events_of("referral")
            if first <= r["timestamp"].date() < after
        }
        found.append(trials.ratio(len(referred & there), len(there)))
    return found


def _breadth(world: World) -> list[float | None]:
    found = []
    for first, after in world.periods:
        inside = [r for r in world.events if first <= r["timestamp"].date() < after]
        active = {r["customer_id"] for r in activity.active_rows(inside)}
        used = {
            (r["customer_id"], r["object"]) for r in of_type(inside, "feature_used") if r["object"]
        }
        found.append(trials.ratio(len(used), 2 * len(active)))
    return found


def _active(span: str, channel: str | None = None) -> Oracle:
    def oracle(world: World) -> list[float | None]:
        spans = {
            "day": [activity.days_in(p) for p in world.periods],
            "week": [activity.weeks_in(p, HISTORY[0]) for p in world.periods],
            "month": [[p] for p in world.periods],
        }[span]
        return activity.mean_active(activity.active_rows(world.events, channel), spans)

    return oracle


def _stickiness(world: World) -> list[float | None]:
    pairs = zip(_active("day")(world), _active("month")(world), strict=True)
    return [None if not month else 100 * (day or 0.0) / month for day, month in pairs]


def _session_ratio(
    above: Callable[[Row], float], scale: float = 1.0, **entry: str | None
) -> Oracle:
    def oracle(world: World) -> list[float | None]:
        every = activity.sessions(world.events)
        chosen = [s for s in every if all(s[k] == v for k, v in entry.items())]
        return [
            trials.ratio(sum(above(s) for s in inside), len(inside), scale)
            for first, after in world.periods
            for inside in [[s for s in chosen if first <= s["day"] < after]]
        ]

    return oracle


def _watched(world: World) -> list[float | None]:
    found = []
    for first, after in world.periods:
        inside = [
            r
            for r in world.events_of("watch")
            if first <= r["timestamp"].date() < after and r["duration_seconds"] is not None
        ]
        viewers = {r["customer_id"] for r in inside}
        found.append(trials.ratio(sum(r["duration_seconds"] for r in inside), len(viewers), 1 / 60))
    return found


def _completed(world: World) -> list[float | None]:
    found = []
    for first, after in world.periods:
        inside = [
            r
            for r in world.events_of("watch")
            if first <= r["timestamp"].date() < after and r["duration_seconds"] and r["value"]
        ]
        seconds = sum(min(r["duration_seconds"], r["value"]) for r in inside)
        found.append(trials.ratio(seconds, sum(r["value"] for r in inside)))
    return found


def _requests(world: World) -> list[list[tuple[int, bool]]]:
    starts, goals = world.events_of("ticket_opened"), world.events_of("ticket_answered")
    return [trials.requests(starts, goals, world.end, period) for period in world.periods]


def _median_hours(world: World) -> list[float | None]:
    medians = [durations.median([(-(-t // 60), a) for t, a in r]) for r in _requests(world)]
    return [None if m is None else m / 60 for m in medians]


def _in_time(world: World) -> list[float | None]:
    shares: list[Fraction | None] = [
        durations.within(each, 24 * 3600) if each else None for each in _requests(world)
    ]
    return [None if s is None else 100 * float(s) for s in shares]


ORACLES: dict[str, Oracle] = {
    "conversion": _person("page_view", None, 14 * DAY),
    "to_cart": _person("page_view", "add_to_cart", 5 * HOUR),
    "by_session": _sessions_converted,
    "repeat_service": _person("project_finished", None, 20 * DAY),
    "booking_rate": _booked,
    "cart_abandonment": _complement(_per_ref("add_to_cart", "checkout_completed", 24 * HOUR)),
    "cart_days": _complement(_cart_days),
    "open_rate": _per_ref("email_delivered", "email_opened", 7 * DAY),
    "click_rate": _per_ref("email_delivered", "email_clicked", 7 * DAY),
    "click_to_open": _per_ref("email_opened", "email_clicked", 7 * DAY),
    "influence": _influence(0),
    "influence_raw": _influence(1),
    "share_rate": _per_active("share"),
    "mentions": _per_active("mention"),
    "complaints": _per_active("complaint"),
    "referral_rate": _referrers,
    "adoption": _users(lambda r: r["event_type"] == "feature_used"),
    "reports": _users(lambda r: r["event_type"] == "feature_used" and r["object"] == "reports"),
    "adoption_breadth": _breadth,
    "dau": _active("day"),
    "wau": _active("week"),
    "mau": _active("month"),
    "stickiness": _stickiness,
    "login_frequency": lambda w: activity.login_weeks(
        w.events_of("login"), w.entries(), w.exits(), w.periods, HISTORY[0]
    ),
    "session_minutes": _session_ratio(lambda s: s["seconds"] / 60),
    "pages_per_session": _session_ratio(lambda s: s["pages"]),
    "bounce_rate": _session_ratio(lambda s: s["events"] == 1, 100.0),
    "engaged": _session_ratio(
        lambda s: s["seconds"] <= 600 and s["pages"] < 2 and not s["goals"], 100.0
    ),
    "watch_minutes": _watched,
    "watch_completion": _completed,
    "subscriber_growth": lambda w: activity.subscriber_growth(w.events, w.periods),
    "response_hours": _median_hours,
    "response_within": _in_time,
    "appointment_adherence": lambda w: activity.appointments(w.events, w.periods, w.end),
    "medication_adherence": lambda w: activity.supply(w.events, w.exits(), w.periods, w.end)[0],
    "medication_adherent": lambda w: activity.supply(w.events, w.exits(), w.periods, w.end)[1],
}
SPLITS: dict[tuple[str, str, str], Oracle] = {
    ("conversion", "touchpoint", "app"): _person("page_view", None, 14 * DAY, "app"),
    ("open_rate", "touchpoint", "web"): _per_ref("email_delivered", "email_opened", 7 * DAY, "web"),
    ("dau", "touchpoint", "app"): _active("day", "app"),
    ("mau", "touchpoint", "web"): _active("month", "web"),
    ("session_minutes", "touchpoint", "app"): _session_ratio(
        lambda s: s["seconds"] / 60, channel="app"
    ),
    ("bounce_rate", "entry_section", "blog"): _session_ratio(
        lambda s: s["events"] == 1, 100.0, section="blog"
    ),
}


def assert_same(found: list[float | None], expected: list[float | None]) -> None:
    assert [v is None for v in found] == [v is None for v in expected]
    numbers = [v for v in expected if v is not None]
    # Shares of matched moments are kept in millionths.
    assert [v for v in found if v is not None] == pytest.approx(numbers, rel=1e-8, abs=1e-4)


@pytest.mark.parametrize("name", ORACLES)
def test_a_measure_equals_its_oracle(world: World, name: str) -> None:
    expected = ORACLES[name](world)

    assert_same(values(world.results[name]), expected)
    assert any(value is not None for value in expected), "the data must say something"


@pytest.mark.parametrize(("name", "dimension", "group"), SPLITS)
def test_a_part_equals_its_oracle(world: World, name: str, dimension: str, group: str) -> None:
    expected = SPLITS[name, dimension, group](world)

    found = values(world.results[name], dimension, group)

    assert_same(found, expected)
    assert any(value is not None for value in expected)


def test_values_and_intervals_stay_in_bounds(world: World) -> None:
    for result in world.results.values():
        for groups in result.estimates.values():
            for estimate in (each for series in groups.values() for each in series):
                if estimate.value is None:
                    continue
                if result.definition.unit == "percent" and result.name != "subscriber_growth":
                    assert 0 <= estimate.value <= 100
                if estimate.low is not None and estimate.high is not None:
                    assert estimate.low <= estimate.value + 1e-9
                    assert estimate.value <= estimate.high + 1e-9


def test_sessions_are_the_same_with_more_touchpoints_than_are_numbered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_rows, "CODES", 1)
    rows = random_events(3, n=300)
    with PolarsEngine() as engine:
        context = make_context(engine, settings=SETTINGS, history=Window(*HISTORY), events=rows,
                               transactions=random_transactions(3))  # fmt: skip
        found = measured(context, "session_minutes", "bounce_rate")

    every = activity.sessions(rows)
    for (first, after), minutes, bounced in zip(
        ((p.start, p.end) for p in context.periods.each),
        values(found["session_minutes"], "touchpoint", "app"),
        values(found["bounce_rate"], "entry_section", "blog"),
        strict=True,
    ):
        inside = [s for s in every if first <= s["day"] < after]
        app = [s["seconds"] / 60 for s in inside if s["channel"] == "app"]
        blog = [s["events"] == 1 for s in inside if s["section"] == "blog"]
        assert minutes == pytest.approx(sum(app) / len(app))
        assert bounced == pytest.approx(100 * sum(blog) / len(blog))
