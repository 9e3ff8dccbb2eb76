"""From tables to credit: what is a touch, what is a conversion, and what is said of the rest."""

from __future__ import annotations

import pandas as pd
import pytest

import engagement_ml as em
from engagement_ml.attribution import AttributionEvidence, touches
from engagement_ml.attribution.touch_periods import build_touch_periods
from engagement_ml.config import parse_config
from engagement_ml.engine import open_engine
from engagement_ml.errors import ConfigError, EngagementError, InputError
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows

START = pd.Timestamp("2024-01-01")
WINDOWS = {"observation_days": 14, "outcome_days": 14}


def at(day: float) -> pd.Timestamp:
    return START + pd.Timedelta(days=day)


def events(*rows: tuple[str, float, str, str | None]) -> pd.DataFrame:
    named = pd.DataFrame(rows, columns=["customer_id", "day", "event_type", "channel"])
    # A customer who never buys keeps the history open to both ends.
    edges = [("z", 0, "visit", None), ("z", 99, "visit", None)]
    frame = pd.concat([named, pd.DataFrame(edges, columns=named.columns)], ignore_index=True)
    return frame.assign(timestamp=frame.pop("day").map(at))


def transactions(*rows: tuple[str, float, float], **more: list) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "margin"]).assign(**more)
    edges = pd.DataFrame([("z", 99.5, -1.0)], columns=["customer_id", "day", "margin"])
    frame = pd.concat([frame, edges], ignore_index=True)
    return frame.assign(timestamp=frame.pop("day").map(at))


def credit(given: pd.DataFrame, bought: pd.DataFrame, **settings: object) -> AttributionEvidence:
    return em.attribution(given, bought, windows=WINDOWS, attribution=settings)


def by_touchpoint(found, rule: str) -> dict[str, float]:
    return {row.touchpoint: getattr(row, rule) for row in found.rows}


def test_shares_of_conversions_and_of_margin():
    found = credit(
        events(("a", 1, "visit", "email"), ("a", 2, "visit", "ad"), ("b", 1, "visit", "ad")),
        transactions(("a", 3, 30.0), ("b", 3, 10.0), ("c", 3, 5.0)),
    )
    assert (found.n_conversions, found.n_without_touch, found.n_paths) == (3, 1, 2)
    assert found.margin == 40.0
    assert by_touchpoint(found, "shapley") == {"ad": 0.75, "email": 0.25}
    assert by_touchpoint(found, "shapley_margin") == {"ad": 25 / 40, "email": 15 / 40}
    assert by_touchpoint(found, "first") == {"ad": 0.5, "email": 0.5}
    assert by_touchpoint(found, "last_margin") == {"ad": 1.0, "email": 0.0}
    frame = found.to_frame()
    assert frame["touchpoint"].tolist() == ["ad", "email"]
    assert frame["effect"].isna().all()


def test_rows_of_one_order_or_moment_are_one_conversion():
    given = events(("a", 1, "visit", "ad"), ("a", 4, "visit", "email"))
    bought = transactions(
        ("a", 3, 30.0), ("a", 3.5, 10.0), ("a", 5, 2.0), ("a", 5, 3.0),
        order_id=["1", "1", None, None],
    )  # fmt: skip
    found = credit(given, bought)
    assert found.n_conversions == 2
    assert by_touchpoint(found, "last_margin") == {"ad": 40 / 45, "email": 5 / 45}


def test_returns_are_no_conversions():
    given = events(("a", 1, "visit", "ad"))
    found = credit(given, transactions(("a", 2, -30.0), ("a", 3, 8.0)))
    assert (found.n_conversions, found.margin) == (1, 8.0)


def test_a_sale_at_a_loss_counts_and_shares_of_its_margin_are_not_given():
    given = events(("a", 1, "visit", "ad"))
    bought = transactions(("a", 3, -8.0)).assign(revenue=[100.0, 0.0])
    found = credit(given, bought)
    assert (found.n_conversions, found.margin) == (1, -8.0)
    assert by_touchpoint(found, "first") == {"ad": 1.0}
    assert by_touchpoint(found, "first_margin") == {"ad": None}
    assert any("no positive margin" in note for note in found.notes)


def test_conversions_can_be_events_and_consequences_are_no_touchpoints():
    given = events(("a", 1, "visit", "ad"), ("a", 2, "sign_up", "web"), ("a", 1.5, "track", "app"))
    found = em.attribution(
        given,
        transactions(("a", 3, 30.0)),
        windows=WINDOWS,
        behaviours={"track": {"role": "consequence"}},
        attribution={"conversion": "sign_up"},
    )
    assert found.conversion == "sign_up"
    assert (found.n_conversions, found.margin) == (1, None)
    assert by_touchpoint(found, "shapley") == {"ad": 1.0}


def test_what_is_left_out_is_said():
    given = events(("a", 1, "visit", "ad"), ("a", 1, "visit", "web"), ("b", 98, "visit", "ad"))
    found = credit(given, transactions(("c", 0.5, 30.0)))
    assert by_touchpoint(found, "markov") == {"ad": None, "web": None}
    said = " ".join(found.notes)
    assert "2 events (40.0%) without a channel left out" in said
    assert "50% of the paths count as paths without a conversion though the history ends" in said
    assert "33% of the touches have the same moment" in said
    assert "no conversion had a touchpoint in the 30 days before it" in said


def test_touches_from_before_transactions_are_left_out():
    given = events(("a", 1, "visit", "ad"), ("a", 40, "visit", "web"))
    found = credit(given, transactions(("a", 60, 30.0)), lookback_days=25)
    assert by_touchpoint(found, "shapley") == {"web": 1.0}
    assert any("2 events before 5 February 2024 left out" in note for note in found.notes)


def test_rare_touchpoints_are_one(monkeypatch):
    monkeypatch.setattr(touches, "MOST_TOUCHPOINTS", 1)
    given = events(
        ("a", 1, "visit", "ad"), ("b", 1, "visit", "ad"), ("a", 2, "visit", "x"),
        ("b", 2, "visit", "y"),
    )  # fmt: skip
    found = credit(given, transactions(("a", 3, 1.0), ("b", 3, 1.0)))
    assert by_touchpoint(found, "last") == {"(all others)": 1.0, "ad": 0.0}
    assert any("2 touchpoints beyond the" in note for note in found.notes)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"touchpoint": "campaign"}, "column 'campaign', which key 'attribution.touchpoint' asks"),
        ({"conversion": "sign_upp"}, "key 'attribution.conversion': .*no event of type 'sign_upp'"),
        ({"event_types": ["vist"]}, "key 'attribution.event_types.0': .*did you mean 'visit'"),
        ({"conversion": "visit"}, "no event type is left that could be a touchpoint"),
    ],
)
def test_what_cannot_be_used_is_one_line(settings, said):
    with pytest.raises(EngagementError, match=said) as raised:
        credit(events(("a", 1, "visit", "ad")), transactions(("a", 3, 1.0)), **settings)
    assert "\n" not in str(raised.value)


def test_an_empty_column_is_refused():
    given = events(("a", 1, "visit", "")).assign(channel="")
    with pytest.raises(InputError, match="is empty in all"):
        credit(given, transactions(("a", 3, 1.0)))


def test_a_conversion_is_no_touchpoint_in_the_configuration():
    with pytest.raises(ConfigError, match="is the conversion, and is among event_types too"):
        parse_config({"name": "x", "attribution": {"conversion": "a", "event_types": ["a"]}})


def test_touches_become_behaviours_and_other_events_stay():
    shop = em.make_shop(n_customers=40, n_weeks=30)
    config = parse_config(
        {"name": "x", "windows": {"observation_days": 28, "outcome_days": 28},
         "attribution": {"event_types": ["advisor_call", "page_view"]}}
    )  # fmt: skip
    frames = {"events": shop.events, "transactions": shop.transactions}
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames, extra=True)
        windows = plan_windows(tables.history, config.windows)
        found = build_touch_periods(tables, config, windows, ("phone",), (1,))
    periods = found.periods
    assert found.behaviours == {"phone": "channel: phone"}
    assert "channel: (all others)" in periods.behaviours
    assert "advisor_call" not in periods.behaviours
    inside = shop.events[
        (shop.events["channel"] == "phone")
        & shop.events["event_type"].isin(["advisor_call", "page_view"])
        & (shop.events["timestamp"] >= pd.Timestamp(periods.start))
        & (shop.events["timestamp"] < pd.Timestamp(periods.until))
    ]
    counts = periods.counts[..., periods.behaviours.index("channel: phone")]
    assert counts.sum() == len(inside) > 0
