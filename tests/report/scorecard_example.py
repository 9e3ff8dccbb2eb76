"""Scorecards by hand: one with every field, and one of a company with hardly any data."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from engagement_ml.scorecard.card import (
    Action,
    Benchmark,
    Change,
    CohortTable,
    EngagedBuying,
    GoalCard,
    Link,
    MeasureCard,
    ScoreCard,
    Scorecard,
    SegmentCard,
    StageCard,
    SurveyCard,
    Trend,
    Value,
)

PERIODS = tuple(
    f"{name} {year}"
    for year, names in ((2023, "Dec"), (2024, "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"))
    for name in names.split()
)
TOUCHPOINTS = ("web", "app", "mail", "shop")
_KINDS = {
    "linked": "driver", "harmful": "harmful", "vanity": "vanity", "consequence": "consequence",
    "no effect": "inert", "unverifiable": "unverifiable",
}  # fmt: skip
# name, title, unit, better, level, slope, target, status, link, stage, owner, behaviours
_MEASURES = [
    ("margin_per_customer", "Margin per customer", "currency", "more", 21.4, 0.22, 22.0, "warning",
     "none", "purchase", "Sales", ()),
    ("conversion", "Trial to paid", "percent", "more", 31.5, 0.4, 30.0, "met", "linked",
     "onboarding", "Growth", ("tutorial_done",)),
    ("cart_abandonment", "Cart abandonment", "percent", "less", 68.2, -0.15, 60.0, "missed",
     "unverifiable", "purchase", "Sales", ("checkout_start",)),
    ("page_views", "Page views per visitor", "count", "more", 41.0, 1.3, 40.0, "met", "vanity",
     "awareness", "Growth", ("page_view",)),
    ("likes", "Likes", "rate", "more", 210.0, 6.1, None, "no target", "vanity", "awareness",
     "Growth", ("social_like",)),
    ("coupon_use", "Coupons used", "rate", "more", 88.0, 2.0, None, "no target", "harmful",
     "purchase", "Sales", ("coupon_use",)),
    ("nps", "Net promoter score", "points", "more", 32.0, -0.9, 40.0, "missed", "unverifiable",
     "advocacy", "Service", ("nps",)),
    ("response_hours", "Hours to the first answer", "hours", "less", 19.3, 0.2, 24.0, "met",
     "no effect", "onboarding", "Service", ("first_answer",)),
    ("session_minutes", "Minutes per session", "minutes", "more", 7.4, 0.05, None, "no target",
     "consequence", "awareness", "Growth", ("page_view", "order_tracking")),
    ("ces", "Customer effort", "score", "less", 2.6, 0.01, 2.0, "no data", "none", "renewal",
     None, ()),
    ("seats", "Seats in use", "seats", None, 1234.0, 3.0, None, "no target", "none", None, None,
     ()),
]  # fmt: skip


def value(level: float, width: float | None = None, n: int = 1480) -> Value:
    """Return a value with an interval of `width` percent of it to both sides."""
    half = abs(level) * (0.06 if width is None else width)
    return Value(
        round(level, 4), round(level - half, 4), round(level + half, 4), n, level * n / 100, n
    )


def _series(level: float, slope: float, gap: int | None) -> dict[str, Value]:
    return {
        period: Value(note="no customer was there")
        if place == gap
        else value(level + slope * (place - 12) + 0.03 * level * math.sin(2.0 * place))
        for place, period in enumerate(PERIODS)
    }


def _measure(row: tuple[Any, ...], place: int) -> MeasureCard:
    (name, title, unit, better, level, slope, target, status, link, stage, owner, behaviours) = row
    series = _series(level, slope, 5 if place % 3 == 0 else None)
    latest = series[PERIODS[-1]]
    if status == "no data":
        latest = Value(note="fewer than 10 answers", n=4)
        series = {**series, PERIODS[-1]: latest}
    up = slope > 0
    return MeasureCard(
        name=name, title=title, unit=unit, better=better, stage=stage, owner=owner,
        formula=f"{title.lower()} / customers on board",
        period=PERIODS[-1],
        latest=latest,
        series=series,
        touchpoints={t: value(level * (0.8 + 0.1 * k), n=300) for k, t in enumerate(TOUCHPOINTS)}
        if stage in ("awareness", "purchase") else {},
        segments={
            "plan": {"basic": value(level * 0.9, n=980), "pro": value(level * 1.2, n=490),
                     "enterprise": Value(n=7, note="fewer than 10 customers")},
            "region": {f"region {k}": value(level * (1 + k / 40)) for k in range(9)},
        } if place < 7 else {},
        target=target,
        warning=None,
        target_source="preset e-commerce" if name == "cart_abandonment" else "",
        status=status,
        trend=Trend(slope, slope - 0.1, slope + 0.1, 13, "up" if up else "down",
                    None if better is None else up == (better == "more"))
        if abs(slope) > 0.1 else Trend(slope, -0.2, 0.3, 13, "flat"),
        link=Link(link, {b: _KINDS.get(link, "vanity") for b in behaviours},
                  f"{title} is made of {', '.join(behaviours)}" if behaviours else ""),
        benchmarks=(Benchmark(70.2, "Baymard Institute, mean of 49 studies", dt.date(2023, 7, 1)),)
        if name == "cart_abandonment" else (),
        notes=("12 carts were not mature yet and are left out.",)
        if name == "cart_abandonment" else (),
    )  # fmt: skip


def _survey() -> SurveyCard:
    def evidence(form: str, verdict: str, effect: float, reason: str) -> Mapping[str, Any]:
        return {
            "form": form, "verdict": verdict, "effect": effect, "low": effect - 2.1,
            "high": effect + 2.3, "reason": reason, "more_answers": 640,
            "adds": {"points": 0.4, "low": -0.2, "high": 1.1, "note": ""},
        }  # fmt: skip

    return SurveyCard(
        survey="nps", answers=812, people=540,
        evidence=(
            evidence("last", "unverifiable", 0.4, "the interval is too wide"),
            evidence("detractor", "harmful", -3.2, "margin falls after a customer turns detractor"),
        ),
        response={
            "of": "asked", "people": 1731, "answered": 540, "rate": 31.2, "low": 29.0,
            "high": 33.5, "note": "",
            "weighted": {"value": 27.4, "low": 20.1, "high": 34.2, "raw": 32.0},
            "differences": {
                "margin": {"answered": 31.2, "others": 22.8, "difference": 0.24, "low": 0.14,
                           "high": 0.34},
                "tutorial_done": {"answered": 4.1, "others": 2.7, "difference": 0.2, "low": 0.1,
                                  "high": 0.3},
            },
        },
        before_detraction=(
            {"behaviour": "support_call", "ratio": 2.3, "low": 1.4, "high": 3.8, "weeks": 4,
             "customers": 61, "stayed": 1.1, "stayed_low": 0.9, "stayed_high": 1.3, "apart": True},
            {"behaviour": "tutorial_done", "ratio": 0.6, "low": 0.4, "high": 0.9, "weeks": 4,
             "customers": 61, "stayed": 0.9, "stayed_low": 0.8, "stayed_high": 1.1, "apart": False},
        ),
        comments={
            "plan pro": (
                {"customer_id": "c17", "date": dt.date(2024, 12, 28), "score": 2,
                 "comment": "The export fails every Monday, and no one answers."},
                {"customer_id": "c88", "date": dt.date(2024, 12, 11), "score": 9,
                 "comment": "Great advisor."},
            ),
            "plan basic": (
                {"customer_id": "c5", "date": dt.date(2024, 12, 2), "score": 6, "comment": "ok"},
            ),
        },
        notes=("Answers of the same customer within one day are one answer.",),
    )  # fmt: skip


def _goals(measures: Mapping[str, MeasureCard]) -> tuple[GoalCard, ...]:
    def goal(name: str, measure: str, target: float, done: float | None, status: str) -> GoalCard:
        series = measures[measure].series
        return GoalCard(
            name=name, measure=measure, target=target, first=series[PERIODS[6]],
            latest=measures[measure].latest, start=dt.date(2024, 7, 1), end=dt.date(2025, 6, 30),
            done=done, time_gone=0.504, status=status, owner="Growth",
            sentence="At this pace: reached in April 2025" if done else "The month has no value",
            campaign="spring-mail" if measure == "conversion" else None,
        )  # fmt: skip

    return (
        goal("A third of trials pay", "conversion", 33.0, 0.62, "on track"),
        goal("Fewer lost carts", "cart_abandonment", 60.0, 0.12, "behind"),
        goal("Effortless service", "ces", 2.0, None, "no data"),
    )


def _stages() -> tuple[StageCard, ...]:
    names = ("awareness", "onboarding", "purchase", "renewal", "advocacy")
    measures = {row[0]: row for row in _MEASURES}
    return tuple(
        StageCard(
            name, name.title(), tuple(n for n, row in measures.items() if row[9] == name),
            ("Few bookings", "slow answers") if name == "onboarding" else (),
            "Growth" if place < 2 else "Service", names[(place + 1) % len(names)],
            {
                n: {t: value(row[4] * (0.8 + 0.1 * k), n=300) for k, t in enumerate(TOUCHPOINTS)}
                for n, row in measures.items()
                if row[9] == name and name in ("awareness", "purchase")
            },
        )
        for place, name in enumerate(names)
    )  # fmt: skip


def _cohort(by: str, quantity: str, names: tuple[str, ...], top: float) -> CohortTable:
    ages = tuple(range(0, 8))
    cells = tuple(
        tuple(
            None if age > 7 - place else round(top * 0.8**age + (place % 3) - 2.0 * (age == 4), 2)
            for age in ages
        )
        for place in range(len(names))
    )
    return CohortTable(
        by, quantity, names, tuple(120 + 9 * k for k in range(len(names))), ages, cells
    )


def _actions() -> tuple[Action, ...]:
    customers = tuple(
        {"customer_id": f"c{100 + k}", "reason": "score fell by 18; no advisor call in 6 weeks",
         "margin": 182.5 - 9 * k, "last_seen": dt.date(2024, 12, 30 - k)}
        for k in range(12)
    )  # fmt: skip
    return (
        Action("Growth", "stop", "Posts that ask for likes",
               "Likes are vanity: margin does not follow. They cost €0.40 each, €3,180 in December",
               "likes"),
        Action("Sales", "missed", "Cart abandonment", "68.2% of carts are left, the target is 60%",
               "cart_abandonment"),
        Action("Sales", "customers", "Engaged, bought nothing in December",
               "Call these first: they are worth most", None, customers),
        Action("Sales", "stop", "Coupons", "Margin falls by €3.05 with each coupon", "coupon_use"),
        Action("Service", "missed", "Net promoter score", "32.0, the target is 40", "nps"),
        Action("Service", "customers", "Turned detractor", "", None, customers[:2]),
        Action("", "missed", "Customer effort", "December has too few answers", "ces"),
    )  # fmt: skip


def full_card() -> Scorecard:
    """Return a scorecard that has every field."""
    measures = tuple(_measure(row, place) for place, row in enumerate(_MEASURES))
    by_name = {each.name: each for each in measures}
    absent = tuple(
        MeasureCard(name, title, "percent", absent=needs)
        for name, title, needs in (
            ("csat", "Customer satisfaction", "table surveys with survey 'csat'"),
            ("open_rate", "Open rate", "column ref of events"),
        )
    )
    return Scorecard(
        name="shop-engagement", entity="customer", currency="EUR", as_of=dt.date(2025, 1, 1),
        periods=PERIODS, measures=(*measures, *absent),
        score=ScoreCard(
            "shop-engagement", "driver",
            {"Tutorial finished": 46.3, "Advisor call": 31.2, "Wish list": 22.5},
            _series(41.0, 0.5, None), Trend(0.5, 0.2, 0.8, 13, "up", True),
            Value(1.84, 0.9, 2.7, 1480),
        ),
        engaged_buying=EngagedBuying(
            "Dec 2024", 42.0,
            {"engaged bought": {"customers": 412, "margin": 18234.5},
             "engaged not bought": {"customers": 233, "margin": -120.0},
             "other bought": {"customers": 301, "margin": 7120.0},
             "other not bought": {"customers": 534, "margin": 0.0}},
        ),
        facts=(
            {"title": "Engagement score", "text": "41.0 (40.1 to 41.9)",
             "sentence": "It rises by 0.5 points a month", "tone": "good"},
            {"title": "Margin with the change of the metric", "text": "€1.84 per customer",
             "sentence": "If the effects are causal; 95% interval €0.90 to €2.70", "tone": "good"},
            {"title": "Goals", "text": "1 of 3 on track",
             "sentence": "Fewer lost carts is behind", "tone": "bad"},
            {"title": "Engaged, not buying", "text": "233 customers",
             "sentence": "36% of the engaged bought nothing in December", "tone": "plain"},
            {"title": "Risk", "text": "NPS falls by 0.9 points a month",
             "sentence": "Support calls double in the weeks before a customer turns detractor",
             "tone": "bad"},
            {"title": "Decision", "text": "Move the budget for likes to advisor calls",
             "sentence": "Likes are vanity; one more advisor call is worth €5.87", "tone": "plain"},
        ),
        goals=_goals(by_name),
        stages=_stages(),
        since=dt.date(2024, 10, 1),
        changes=(
            Change("page_views", value(37.0), value(41.0), 4.0, -0.3, 8.4, False, None,
                   "Not distinguishable from noise."),
            Change("conversion", value(29.1), value(31.5), 2.4, 0.8, 4.0, True, True,
                   "Trial to paid rose by 2.4 points."),
            Change("nps", value(36.0), value(32.0), -4.0, -7.1, -0.9, True, False,
                   "The net promoter score fell by 4 points."),
        ),
        surveys=(_survey(),),
        segments=SegmentCard(
            0.87,
            (
                {"name": "many advisor calls", "customers": 402, "share": 0.272,
                 "margin": value(31.0), "score": value(61.0),
                 "apart": {"advisor_call": 3.2, "coupon_use": 0.4}},
                {"name": "coupon hunters", "customers": 1078, "share": 0.728,
                 "margin": value(9.0), "score": value(22.0), "apart": {"coupon_use": 2.8}},
            ),
        ),
        cohorts=(
            _cohort("entry", "retention", PERIODS[4:12], 88.0),
            _cohort("entry", "margin", PERIODS[4:12], 1.4),
            _cohort("campaign", "score", ("spring-mail", "search", "partner"), 40.0),
        ),
        actions=_actions(),
        contestants=(
            {"name": "shop-engagement", "predicts": Value(0.31, 0.29, 0.33),
             "moves": Value(0.21, 0.19, 0.23), "verdict": "moves with margin"},
            {"name": "health score by hand", "predicts": Value(0.46, 0.44, 0.48),
             "moves": Value(0.01, -0.01, 0.03), "verdict": "vanity"},
        ),
        notes=("Orders are customer × timestamp, as the transactions have no order_id",),
        version="0.1.0",
    )  # fmt: skip


def bare_card() -> Scorecard:
    """Return a scorecard of a run that abstained, whose measures have no data."""
    return Scorecard(
        name="shop", entity="company", currency="CHF", as_of=dt.date(2024, 3, 1),
        periods=("Jan 2024", "Feb 2024"),
        measures=(
            MeasureCard("margin_per_customer", "Margin per company", "currency", target=3.0,
                        series={"Jan 2024": Value(note="no company was there")}, status="no data",
                        latest=Value(note="no company was there")),
            MeasureCard("nps", "Net promoter score", "points", absent="table surveys"),
        ),
        score=ScoreCard("shop", "driver", reason="no behaviour could be shown to move margin"),
        segments=SegmentCard(reason="no stable segments: resampling disagrees"),
        since=dt.date(2024, 2, 1),
    )  # fmt: skip
