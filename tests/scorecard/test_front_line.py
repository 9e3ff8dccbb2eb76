"""What owners can act on, and what a director reads."""

import dataclasses

from engagement_ml.scorecard import front_line
from engagement_ml.scorecard.card import EngagedBuying, GoalCard, Link, ScoreCard, Trend, Value
from engagement_ml.scorecard.executive import LIMIT, facts_of
from engagement_ml.scorecard.links import Verdicts
from engagement_ml.scorecard.score import margin_of_change, score_card
from tests.scorecard.examples import around, card, row, verdicts


def test_missed_targets_go_to_their_owner_and_vanity_is_said():
    cards = [
        card("a", {"2024-06": 50.0}, target=80.0, status="missed", owner="Ann", period="2024-06"),
        card("b", {"2024-06": 79.5}, target=80.0, status="warning", period="2024-06",
             link=Link("vanity", {}, "b is vanity.")),
        card("c", {"2024-06": 90.0}, target=80.0, status="met"),
    ]  # fmt: skip
    first, second = front_line.missed(cards, "EUR")
    assert (first.owner, first.measure) == ("Ann", "a")
    assert "50.0% (49.0 to 51.0) in 2024-06: the target of 80.0% is missed." in first.sentence
    assert second.owner == front_line.NO_OWNER
    assert "may be chance" in second.sentence
    assert "not worth much effort" in second.sentence


def test_stop_what_harms_what_costs_for_nothing_and_targets_of_vanity():
    of = Verdicts(
        {
            "coupon": row("coupon", "harmful", -10.0),
            "mail": row("mail", "vanity", cost_per_event=0.5),
            "like": row("like", "vanity"),
            "call": row("call", "driver", 5.0, cost_per_event=2.0),
        }
    )
    vain = card("like", target=5.0, status="met", link=Link("vanity", {}, "like is vanity."))
    found = front_line.stop(
        [vain], of, {"purchase": "Bob"}, {"coupon": "purchase"}, {"coupon": 30.0, "mail": 100.0}
    )
    assert [(each.title, each.owner) for each in found] == [
        ("coupon", "Bob"), ("mail", "no owner"), ("Like", "no owner"),
    ]  # fmt: skip
    assert "€300 of margin" in found[0].sentence
    assert "for €50" in found[1].sentence
    assert "Its target is met, and margin does not follow." in found[2].sentence
    # What did not happen needs no stopping.
    assert not front_line.stop([], of, {}, {}, {})


def test_customers_are_cut_and_empty_lists_are_no_action():
    rows = [
        {"customer_id": i, "behaviour": "call", "count": 1, "usual_count": 4.2,
         "margin_at_stake": 10.0} for i in range(30)
    ]  # fmt: skip
    (action,) = front_line.falling(rows, "Ann", "customer", "EUR")
    assert action.title == "30 customers below their own usual"
    assert "€300" in action.sentence
    assert len(action.customers) == 20
    assert action.customers[0]["reason"] == "call: 1 in the last window, usually 4.2"
    assert front_line.falling([], "Ann", "customer", "EUR") == []


def test_actions_are_ordered_by_owner_and_those_without_one_come_last():
    ann = front_line.missed([card("a", status="missed", owner="Ann", target=1.0)], "EUR")
    none = front_line.missed([card("b", status="missed", target=1.0)], "EUR")
    stop = [dataclasses.replace(ann[0], kind="stop")]
    ordered = front_line.by_owner([*none, *stop, *ann])
    assert [(each.owner, each.kind) for each in ordered] == [
        ("Ann", "missed"), ("Ann", "stop"), ("no owner", "missed"),
    ]  # fmt: skip


def test_margin_of_a_change_is_effect_times_change():
    effects = {"call": row("call", "driver", 4.0), "view": row("view", "driver", 1.0)}
    before, after = {"n_0": 1.0, "n_1": 2.0, "n": 90}, {"n_0": 1.5, "n_1": 1.0, "n": 100}
    margin = margin_of_change("driver", ["call", "view"], effects, before, after)
    assert margin.value == 4.0 * 0.5 - 1.0
    # Half-widths of 1 per event: 0.5 and 1.0.
    assert round(margin.high - margin.value, 6) == round((0.5**2 + 1.0**2) ** 0.5, 6)
    assert margin_of_change("indicator", ["call"], effects, before, after).value is None
    assert margin_of_change("driver", ["gone"], effects, before, after).value is None


def test_score_has_data_only_for_periods_that_were_scored():
    summary = {"2024-05": {"n": 100, "mean": 20.0, "variance": 25.0, "n_0": 1.0}}
    made = score_card("shop", "driver", {"call": 100.0}, {}, summary, ["2024-04", "2024-05"])
    assert list(made.series) == ["2024-05"]
    assert made.margin.value is None
    assert made.margin.note == "there is no period to compare with"


SCORE = ScoreCard(
    "shop", "driver", {"call": 100.0}, {"2024-06": around(20.0)},
    Trend(0.5, 0.2, 0.9, 6, "up", good=True), Value(2.0, 1.0, 3.0, 100),
)  # fmt: skip
BUYING = EngagedBuying(
    "2024-06",
    15.0,
    {
        f"{who} {what}": {"customers": 10.0, "margin": 100.0}
        for who in ("engaged", "other")
        for what in ("bought", "not bought")
    },
)


def facts(score=SCORE, goals=(), buying=BUYING, cards=(), actions=(), of=None):
    of = verdicts(call="driver") if of is None else of
    return {f["title"]: f for f in facts_of(score, goals, buying, cards, actions, of, "customer")}


def test_at_most_seven_facts_each_with_a_sentence():
    import datetime as dt

    day = dt.date(2024, 1, 1)
    goal = GoalCard("Grow", "a", 1.0, Value(), Value(), day, day, 0.1, 0.5, "behind", "")
    cards = [
        card("a", {"2024-06": 90.0}, target=80.0, status="met", link=Link("vanity")),
        card("b", {"2024-06": 9.0}, trend=Trend(-1.0, -2.0, -0.1, 6, "down", good=False)),
    ]
    found = facts(goals=[goal], cards=cards)
    assert len(found) == LIMIT
    assert all(each["text"] and each["sentence"].endswith(".") for each in found.values())
    assert found["Margin with the change of the metric"]["text"] == "+€200"
    assert found["Goals reached or on track"]["text"] == "0 of 1"
    assert (
        "A met the target, but margin does not follow: vanity." in found["Targets met"]["sentence"]
    )
    assert found["Engaged, and bought nothing"]["text"] == "10"
    assert found["Risk"]["sentence"].startswith("B goes down")


def test_an_abstaining_metric_says_why_and_asks_for_a_test():
    score = ScoreCard("shop", "driver", reason="nothing passed.")
    found = facts(score, buying=None, of=verdicts(call="unverifiable", like="vanity"))
    assert found["Engagement score"]["sentence"] == "There is no score: nothing passed."
    assert found["Decision"]["text"] == "Test: call"
    assert "Margin with the change of the metric" not in found


def test_what_harms_is_decided_first_and_nothing_known_is_no_decision():
    rows = {
        "coupon": row("coupon", "harmful", -10.0, effect_per_sd=-3.0),
        "call": row("call", "driver", 5.0, effect_per_sd=9.0),
    }
    assert facts(of=Verdicts(rows))["Decision"]["text"] == "Reduce: coupon"
    assert facts(of=Verdicts({"call": rows["call"]}))["Decision"]["text"] == "Raise: call"
    assert "Decision" not in facts(of=verdicts(like="vanity"))
