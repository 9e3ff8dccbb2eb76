"""Daily simulated data: truth agrees with repeated simulation, tables with weekly arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.recovery.daily import DAILY_KINDS, DailyWorld, make_daily
from benchmarks.recovery.daily.simulate import limited
from benchmarks.recovery.daily.spec import BURN, WINDOW
from benchmarks.recovery.daily.truth import MIN_EFFECT, changes_per_event, present_at


def poisson(uniform: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Return Poisson counts by inversion, so that equal uniforms give equal draws."""
    out = np.zeros(uniform.shape)
    term = np.exp(-rate)
    total = term.copy()
    for k in range(1, 60):
        out += uniform > total
        term = term * rate / k
        total = total + term
    return out


def link(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, 1 + x, np.exp(x))


def replayed_margin(
    world: DailyWorld, behaviour: int, added: np.ndarray, cutoff: int, seed: int
) -> np.ndarray:
    """Simulate orders and leaving again, with events added; an oracle of explicit formulas.

    Returns the margin (n,) of the outcome window of those present at the cutoff.
    """
    plan = world.history.plan
    o, n = plan.orders, plan.affinity.size
    rng = np.random.default_rng(seed)
    counts = world.history.counts.astype(float)
    for who, moment, code in world.history.followed:
        inside = moment < plan.n_days
        np.add.at(counts, (moment[inside].astype(int), who[inside], code[inside]), 1)
    counts[added[added >= 0], np.flatnonzero(added >= 0), behaviour] += 1
    margin = np.zeros(n)
    ordered = np.zeros((plan.n_days, n))
    decided = np.full(n, 10**6)
    # orders are linear in those before, so that earlier days cancel out unless customers leave
    for day in range(0 if o.hazard else cutoff - WINDOW, cutoff + WINDOW):
        uniform = rng.random((2, n))
        doses = {"orders": 0.0, "basket": 0.0, "ratio": 0.0, "hazard": 0.0}
        turning = np.ones(n)
        for j, b in enumerate(plan.behaviours):
            for act in b.acts:
                age = np.arange(1, min(act.kernel.size, day) + 1)
                stock = act.kernel[age - 1] @ counts[day - age, :, j]
                if act.curvature is None:
                    doses[act.path] = doses[act.path] + act.strength * stock
                else:
                    turning *= np.maximum(1 + act.strength * stock - act.curvature * stock**2, 0.05)
        rate = world.history.base_rate[day] * link(doses["orders"] + np.zeros(n)) * turning
        if o.habit:
            ages = range(1, min(o.habit_kernel.size, day) + 1)
            rate = rate + o.habit * sum(o.habit_kernel[a - 1] * ordered[day - a] for a in ages)
        here = (plan.entry <= day) & (day < decided + world.history.notice + 1)
        if o.hazard:
            hazard = world.history.base_hazard[day] * link(doses["hazard"] + np.zeros(n))
            decided = np.where((uniform[1] < hazard) & (decided == 10**6), day, decided)
        orders = poisson(uniform[0], rate * here)
        ordered[day] = orders
        worth = world.history.size * o.ratio * (1 - o.return_share * o.return_loss)
        worth = worth * link(doses["basket"] + np.zeros(n)) * link(doses["ratio"] + np.zeros(n))
        earned = orders * worth
        if o.fee:
            due = ((day - plan.entry) % 28 == 0) & here
            earned = earned + due * o.fee * o.ratio * world.history.size / o.basket
        if day >= cutoff:
            margin += earned
    return np.where((plan.entry < cutoff) & (decided + world.history.notice + 1 >= cutoff), margin,
                    np.nan)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        ("calm", 1),
        ("segments_differ", 2),
        *(
            pytest.param(kind, seed, marks=pytest.mark.seldom)
            for kind, seed in [("poor_margin", 1), ("turning_high", 4), ("pulled_after", 1),
                               ("habit", 1), ("notice", 1)]
        ),
    ],
)  # fmt: skip
def test_effects_agree_with_repeated_simulation(kind: str, seed: int) -> None:
    world = make_daily(kind, 400, 34, seed)
    plan = world.history.plan
    acting = next(j for j, b in enumerate(plan.behaviours) if b.acts)
    cutoff, changes = BURN + 15 * 7, []
    rng = np.random.default_rng(3)
    for repeat in range(30 if kind == "turning_high" else 6):
        first = np.maximum(cutoff - WINDOW, np.minimum(plan.entry, cutoff - 1))
        added = np.where(plan.entry < cutoff, rng.integers(first, cutoff), -1)
        nothing = np.full(added.size, -1)
        change = replayed_margin(world, acting, added, cutoff, repeat)
        change = change - replayed_margin(world, acting, nothing, cutoff, repeat)
        changes.append(change[~np.isnan(change)])
    here = present_at(world.history, cutoff)
    exact = [changes_per_event(world.history, acting, cutoff, k)[here].mean() for k in range(6)]
    drawn = np.concatenate(changes)
    assert np.mean(exact) != 0
    error = np.hypot(drawn.std() / np.sqrt(drawn.size), np.std(exact) / np.sqrt(6))
    assert drawn.mean() == pytest.approx(np.mean(exact), abs=3.5 * error)
    assert abs(drawn.mean()) > 2 * error, "the comparison has no power"


@pytest.mark.parametrize("kind", DAILY_KINDS)
def test_truth_is_complete_and_null_twins_have_no_effects(kind: str) -> None:
    world = make_daily(kind, 120, 30, 2)
    truth = world.truth
    assert set(truth.verdicts) == set(world.behaviours) == set(truth.effect) == set(truth.accepted)
    assert 8 <= len(world.behaviours) <= 15
    assert truth.mean_margin > 0
    for name, verdict in truth.verdicts.items():
        standardised = truth.standardised_effects[name]
        assert verdict in truth.accepted[name] or name in truth.optional
        if verdict in ("driver", "harmful"):
            assert abs(standardised) >= MIN_EFFECT
            assert (standardised > 0) == (verdict == "driver")
        else:
            assert abs(standardised) < MIN_EFFECT
    if kind.endswith("_null"):
        assert set(truth.effect.values()) == {0.0}
        assert not truth.drivers
        assert not any("driver" in accepted for accepted in truth.accepted.values())
    elif not kind.startswith("turning"):
        assert any(truth.effect.values())


@pytest.mark.parametrize("kind", ["calm", "same_week", "notice", "lossy", "app_release"])
def test_tables_agree_with_the_weekly_arrays(kind: str) -> None:
    world = make_daily(kind, 80, 40, 3)
    weekly = world.weekly()
    events, transactions = world.events, world.transactions
    logged = events[events["event_type"].isin(world.behaviours)]
    week = (logged["timestamp"] - pd.Timestamp("2023-01-02")) // pd.Timedelta(days=7)
    assert week.between(0, 39).all()
    assert events["timestamp"].is_monotonic_increasing
    rendered = np.zeros(weekly.counts.shape)
    column = logged["event_type"].map({b: j for j, b in enumerate(weekly.behaviours)})
    np.add.at(rendered, (logged["customer_id"].str[1:].astype(int), week, column), 1)
    np.testing.assert_array_equal(rendered, weekly.counts)
    margin = transactions["margin"]
    assert margin.clip(lower=0).sum() == pytest.approx(weekly.gain.sum())
    assert -margin.clip(upper=0).sum() == pytest.approx(weekly.loss.sum(), abs=1e-6)
    gone = np.arange(40) >= weekly.exit[:, None]
    assert weekly.counts[gone].sum() == weekly.gain[gone].sum() == 0
    early = np.arange(40) < weekly.entry[:, None] - 1
    assert weekly.counts[early].sum() == weekly.gain[early].sum() == 0


def test_leaving_is_an_event_and_nothing_comes_after_it() -> None:
    world = make_daily("notice", 300, 60, 1)
    events = world.events
    left = events[events["event_type"] == "subscription_cancelled"]
    end = left.set_index("customer_id")["timestamp"]
    assert len(end) > 30
    assert end.index.is_unique
    for table in (events[events["event_type"] != "subscription_cancelled"], world.transactions):
        last = table.groupby("customer_id")["timestamp"].max()
        assert (last.reindex(end.index).dropna() < end[last.reindex(end.index).notna()]).all()


def test_use_fades_in_the_notice_period_but_not_before() -> None:
    history = (world := make_daily("notice", 1500, 60, 1)).history
    left = np.flatnonzero((history.leave < history.plan.n_days) & (history.decided > BURN + 56))
    events = world._logged
    inside = np.isin(events.customer, left)
    moment = events.moment[inside] + BURN - history.decided[events.customer[inside]]
    before = ((moment > -28) & (moment < 0)).sum() / 28 / left.size
    late = (moment > 0) & (moment > history.notice[events.customer[inside]] / 2)
    days = (history.notice[left] / 2).sum() / left.size
    assert late.sum() / days / left.size < 0.35 * before


def test_a_seed_reproduces_its_data_and_a_null_twin_its_hidden_causes() -> None:
    first, again, other = (make_daily("interest", 100, 30, s) for s in (4, 4, 5))
    pd.testing.assert_frame_equal(first.events, again.events)
    pd.testing.assert_frame_equal(first.transactions, again.transactions)
    assert first.truth == again.truth
    assert first.behaviours != other.behaviours
    null = make_daily("interest_null", 100, 30, 4)
    assert null.behaviours == first.behaviours
    np.testing.assert_array_equal(null.history.plan.hidden[0], first.history.plan.hidden[0])
    assert null.history.plan.orders == first.history.plan.orders


def test_hidden_interest_comes_before_orders() -> None:
    """Behaviours that ride on the wave move with it three days ahead."""
    world = make_daily("interest_null", 1500, 30, 1)
    plan = world.history.plan
    j = next(j for j, b in enumerate(plan.behaviours) if b.rides)
    counts, state = world.history.counts[..., j].astype(float), plan.hidden[0]
    days = np.arange(BURN, BURN + 200)

    def correlation(lead: int) -> float:
        return float(np.corrcoef(counts[days].ravel(), state[days + lead].ravel())[0, 1])

    assert correlation(3) > max(correlation(-4), correlation(10)) > 0.05


def test_the_optimum_of_a_turning_response_is_the_peak_of_its_curve() -> None:
    truth = make_daily("turning", 200, 30, 1).truth
    name, optimum = next(iter(truth.optimum.items()))
    events, change = np.array(truth.curve[name]).T
    assert change[0] == 0
    assert abs(events[change.argmax()] - optimum) <= 3
    assert change[-1] < 0 < change.max()


def test_unknown_kinds_and_short_histories_are_rejected() -> None:
    with pytest.raises(ValueError, match="unknown kind 'nonsense'"):
        make_daily("nonsense", 10, 60, 0)
    with pytest.raises(ValueError, match="too few"):
        make_daily("calm", 10, 20, 0)


def test_the_package_reads_the_written_configuration(tmp_path) -> None:
    from engagement_ml.config import read_config

    for kind in ("calm", "notice", "segments_same", "turning"):
        config = read_config(make_daily(kind, 60, 30, 2).write(tmp_path / kind))
        assert config.sources.events is not None
        assert (config.churn.kind == "event") == (kind == "notice")


def test_what_follows_orders_and_raises_them_is_limited() -> None:
    """Customers with many orders would otherwise get more and more of both, without end."""
    number, who = np.array([1, 3, 0, 2, 1]), np.array([7, 2, 7, 2, 7])
    np.testing.assert_array_equal(limited(number, who), [1, 2, 0, 0, 1])
