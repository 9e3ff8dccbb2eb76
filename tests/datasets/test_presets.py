"""Data sets of the presets: their tables, their known truth, and what links their events."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engagement_ml.datasets import Preset, make_preset, preset_names
from engagement_ml.errors import ConfigError, NotEnoughDataError


@pytest.fixture(scope="module", params=preset_names)
def preset(request: pytest.FixtureRequest) -> Preset:
    return make_preset(request.param, n_customers=150, n_weeks=40)


@pytest.fixture(scope="module")
def saas() -> Preset:
    return make_preset("saas", n_customers=600)


def of_type(preset: Preset, event_type: str) -> pd.DataFrame:
    return preset.events[preset.events["event_type"] == event_type]


def test_tables_are_in_the_history_and_their_ids_are_unique(preset):
    end = pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=40)
    for table in (preset.events, preset.transactions, preset.surveys):
        assert table["timestamp"].between("2024-01-01", end, inclusive="left").all()
        assert table["customer_id"].isin(preset.customers["customer_id"]).all()
        assert table["timestamp"].is_monotonic_increasing
    assert preset.events["event_id"].is_unique
    assert preset.transactions["transaction_id"].is_unique
    assert preset.customers["customer_id"].is_unique


def test_no_customer_does_anything_before_the_signup(preset):
    signup = preset.customers.set_index("customer_id")["signup"]
    for table in (preset.events, preset.transactions):
        assert (table["timestamp"] >= table["customer_id"].map(signup)).all()


def test_a_subscriber_does_nothing_after_leaving(saas):
    closed = of_type(saas, "account_closed").set_index("customer_id")["timestamp"]
    left = saas.events["customer_id"].map(closed)
    assert not (saas.events["timestamp"] > left).any()
    payments = saas.transactions[saas.transactions["revenue"] > 0]
    assert not (payments["timestamp"] > payments["customer_id"].map(closed)).any()
    assert closed.index.is_unique


def test_a_subscriber_pays_once_a_month_while_on_board(saas):
    payments = saas.transactions[saas.transactions["revenue"] > 0]
    month = payments["timestamp"].dt.to_period("M")
    assert not payments.assign(month=month).duplicated(["customer_id", "month"]).any()
    closed = set(of_type(saas, "account_closed")["customer_id"])
    old = saas.customers[saas.customers["signup"] < "2024-01-01"]["customer_id"]
    stayed = payments[payments["customer_id"].isin(set(old) - closed)]
    assert (stayed.groupby("customer_id").size() == 18).all()


def test_a_subscription_begins_a_week_after_its_trial(saas):
    trial = of_type(saas, "trial_started").set_index("customer_id")["timestamp"]
    paid = of_type(saas, "subscribed").set_index("customer_id")["timestamp"]
    assert ((paid - trial.reindex(paid.index)) == pd.Timedelta(weeks=1)).all()
    assert 0.5 < len(paid) / len(trial) < 0.95


@pytest.mark.parametrize(
    ("name", "first", "then"),
    [
        ("saas", "ticket_opened", "ticket_answered"),
        ("saas", "mail_sent", "mail_opened"),
        ("saas", "mail_opened", "mail_clicked"),
        ("e-commerce", "cart_filled", "checkout_started"),
        ("e-commerce", "checkout_started", "checkout_done"),
        ("professional-services", "draft_delivered", "draft_reviewed"),
        ("professional-services", "project_started", "project_finished"),
    ],
)
def test_what_follows_has_the_ref_of_what_it_follows_and_is_later(name, first, then):
    preset = make_preset(name, n_customers=150, n_weeks=40)
    before, after = of_type(preset, first), of_type(preset, then)
    assert before["ref"].is_unique
    assert after["ref"].is_unique
    joined = after.merge(before, on="ref", suffixes=("", "_before"))
    # What began before the history has no first event on record.
    assert 0.8 * len(after) < len(joined) <= len(before)
    assert (joined["timestamp"] >= joined["timestamp_before"]).all()
    assert (joined["customer_id"] == joined["customer_id_before"]).all()


def test_an_appointment_is_attended_when_it_is_due_and_never_after_a_cancellation():
    preset = make_preset("healthcare", n_customers=300, n_weeks=40)
    booked = of_type(preset, "appointment_booked").set_index("ref")["due"]
    moved = of_type(preset, "appointment_moved").set_index("ref")["due"]
    due = moved.reindex(booked.index).fillna(booked)
    attended = of_type(preset, "appointment_attended").set_index("ref")["timestamp"]
    known = attended[attended.index.isin(due.index)]
    assert (known == due.reindex(known.index)).all()
    cancelled = set(of_type(preset, "appointment_cancelled_by_provider")["ref"])
    assert cancelled
    assert not cancelled & set(attended.index)
    assert (of_type(preset, "medication_refill")["value"] == 30).all()


def test_answers_are_on_their_scale_and_after_they_were_asked_for(preset):
    surveys = preset.surveys
    answered = surveys[surveys["score"].notna()]
    assert 0.2 < len(answered) / len(surveys) < 0.9
    assert (answered["timestamp"] >= answered["sent"]).all()
    ends = answered["scale"].str.split("-", expand=True).astype(int)
    assert answered["score"].between(ends[0], ends[1]).all()
    assert surveys.groupby("survey")["scale"].nunique().eq(1).all()
    assert surveys[surveys["score"].isna()]["comment"].isna().all()


def test_customers_with_a_high_affinity_do_more_of_vanity_and_bring_more_margin(preset):
    world = preset.truth.world
    margin = preset.transactions["revenue"] - preset.transactions["cost"]
    total = margin.groupby(preset.transactions["customer_id"]).sum()
    total = total.reindex(preset.customers["customer_id"], fill_value=0.0).to_numpy()
    old = world.entry == 0
    assert np.corrcoef(world.affinity[old], total[old])[0, 1] > 0.2
    vanity = [name for name, role in preset.truth.roles.items() if role == "vanity"]
    assert len(vanity) >= 2
    for name in vanity:
        counts = world.counts(name).sum(axis=1)
        assert np.corrcoef(world.affinity[old], counts[old])[0, 1] > 0.3
        assert preset.truth.effect_per_event(name) == 0.0


def test_true_effects_have_the_sign_of_their_role(preset):
    for name, role in preset.truth.roles.items():
        effect = preset.truth.effect_per_event(name)
        assert (effect > 0) == (role == "driver")
        assert (effect < 0) == (role == "harmful")


@pytest.mark.parametrize("name", ["e-commerce", "media"])
def test_a_true_effect_is_that_of_an_event_put_into_the_equations(name):
    """The slow way: for each customer in turn, the equations with one more event."""
    preset = make_preset(name, n_customers=6, n_weeks=24)
    truth, world = preset.truth, preset.truth.world
    behaviour = truth.drivers[0]
    effects = {b.name: b.effect for b in world.description.behaviours if b.effect is not None}
    economy, first = world.description.economy, 16 + 12
    subscription = hasattr(economy, "hazard")

    def margin(i: int, extra_week: int | None) -> float:
        memories, total, staying = dict.fromkeys(effects, 0.0), 0.0, 1.0
        for week in range(world.weeks):
            response = {
                b: e.saturation * (1 - np.exp(-memories[b] / e.saturation))
                for b, e in effects.items()
            }
            log_effect = sum(effects[b].strength * r for b, r in response.items())
            discount = sum(effects[b].discount * r for b, r in response.items())
            if first <= week < first + 12:
                if subscription:
                    rate = economy.hazard * np.exp(-economy.affinity * world.affinity[i])
                    staying *= 1 - min(rate * np.exp(-log_effect), 0.5)
                    fee = list(economy.plans.values())[world.plan[i]]
                    kept = fee * (1 - economy.refund_share)
                    cost = fee * economy.cost_share * (1 - 0.6 * economy.refund_share)
                    total += staying * (kept - cost) / 4.348
                elif world.active[i, week]:
                    log_rate = economy.affinity * world.affinity[i] + world.level[i] + log_effect
                    revenue = economy.amount * (1 - discount) * (1 - economy.refund_share)
                    full_cost = economy.amount * economy.cost_share + economy.fixed_cost
                    cost = full_cost * (1 - 0.6 * economy.refund_share)
                    total += economy.per_week * np.exp(log_rate) * (revenue - cost)
            for b, effect in effects.items():
                on_board = 1 if subscription else world.active[i, week]
                count = world.potential[b][i, week] * on_board
                count += b == behaviour and week == extra_week
                memories[b] = effect.kept_weekly * memories[b] + count
        return total

    rows = []
    for i in range(world.n):
        weeks = [w for w in range(first - 12, first) if world.entry[i] <= w]
        if weeks and world.entry[i] < first < world.leave[i]:
            rows.append(np.mean([margin(i, w) - margin(i, None) for w in weeks]))
    assert rows
    assert truth.effect_per_event(behaviour) == pytest.approx(np.mean(rows), rel=1e-6)


def test_the_same_seed_gives_the_same_tables():
    one, same, other = (make_preset("media", 40, 20, seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(one.events, same.events)
    pd.testing.assert_frame_equal(one.surveys, same.surveys)
    assert len(one.events) != len(other.events)


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (2, 5)])
def test_a_tiny_preset_has_tables_with_all_columns(size):
    preset = make_preset("e-commerce", *size)
    assert {"customer_id", "timestamp", "event_type"} <= set(preset.events)
    assert {"revenue", "cost"} <= set(preset.transactions)


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match=r"'sass' is unknown \(did you mean 'saas'\?\)"):
        make_preset("sass")
    with pytest.raises(ConfigError, match="at least one customer"):
        make_preset("saas", n_customers=0)
    with pytest.raises(ConfigError, match="from 0 on"):
        make_preset("saas", seed=-1)
    truth = make_preset("saas", 20, 10).truth
    with pytest.raises(NotEnoughDataError, match="10 weeks"):
        truth.effect_per_event("automation_run")
    with pytest.raises(ConfigError, match="no behaviour"):
        truth.effect_per_event("automation")
