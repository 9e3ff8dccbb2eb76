"""Simulated data sets: effects agree with repeated simulation, tables with weekly arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.recovery import draw
from benchmarks.recovery.truth import MIN_EFFECT, effect_per_event
from benchmarks.recovery.worlds import KINDS, World, make_world


def realised_margin(world: World, counts: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Return weekly margin (n, T) with common random numbers, mean baskets and mean returns."""
    mech, spec = world.history.mech, world.history.mech.spec
    if spec.subscription:
        leave = draw.draw_cancellations(mech, counts, uniforms[0])
        weeks = np.arange(world.n_weeks)
        since = weeks - world.entry[:, None]
        paid = (since >= 0) & (since % 4 == 0) & (weeks < leave[:, None])
        return paid * (spec.fee * mech.traits.size)[:, None]
    parts, orders = draw.order_counts(mech, counts, uniforms[0])
    additive_orders = draw.poisson_from(uniforms[1], parts["additive"])
    margin = orders * (parts["basket"] * parts["ratio"] - spec.order_cost)
    margin += additive_orders * spec.basket * spec.ratio
    refunds = orders * parts["basket"] * parts["returns"] * spec.return_loss
    margin[:, 1:] -= refunds[:, :-1]
    return margin


def effect_by_repetition(
    world: World, behaviour: str, cutoff: int, repeats: int
) -> tuple[float, float]:
    """Return the mean change of realised margin after adding an event, and its standard error."""
    rng = np.random.default_rng(5)
    counts = world.history.latent
    n = world.n_customers
    column = world.behaviours.index(behaviour)
    changes_by_draw = []
    for _ in range(repeats):
        uniforms = rng.random((2, n, world.n_weeks))
        first = np.maximum(cutoff - 12, np.minimum(world.entry, cutoff - 1))
        week = rng.integers(first, cutoff)
        treated = counts.copy()
        treated[np.arange(n), week, column] += 1
        present = world.entry < cutoff
        if world.history.mech.spec.subscription:
            for simulated in (counts, treated):
                present &= (
                    draw.draw_cancellations(world.history.mech, simulated, uniforms[0]) >= cutoff
                )
        window = slice(cutoff, cutoff + 12)
        change = realised_margin(world, treated, uniforms) - realised_margin(
            world, counts, uniforms
        )
        changes_by_draw.append(change[present, window].sum(axis=1))
    changes = np.concatenate(changes_by_draw)
    return float(changes.mean()), float(changes.std() / np.sqrt(changes.size))


@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        ("confounded", 1),
        ("confounded", 5),
        ("harmful", 4),
        ("saturating", 3),
        ("pair", 2),
        ("segments", 1),
        ("habit", 1),
        ("feedback", 2),
        *(
            pytest.param(kind, seed, marks=pytest.mark.seldom)
            for kind, seed in (("negative_margins", 1), ("subscription", 2), ("churnsim", 1))
        ),
    ],
)
def test_closed_form_effect_agrees_with_repeated_simulation(kind: str, seed: int) -> None:
    world = make_world(kind, 1500, 48, seed)
    mech = world.history.mech
    acting = [b.name for b in mech.spec.behaviours if b.truth in ("driver", "harmful")]
    for behaviour in acting[:3]:
        subscribed = mech.spec.subscription
        mean, error = effect_by_repetition(world, behaviour, 30, repeats=40 if subscribed else 8)
        assert abs(mean) > 4 * error, "the comparison has no power"
        exact = _effect_given_survival(world, behaviour, 30, repeats=8 if subscribed else 1)
        assert mean == pytest.approx(exact, abs=3.5 * error)


def _effect_given_survival(world: World, behaviour: str, cutoff: int, repeats: int) -> float:
    """Return the closed-form effect on active subscribers, averaged over cancellation draws."""
    rng = np.random.default_rng(6)
    mech, counts = world.history.mech, world.history.latent
    effects = []
    for _ in range(repeats):
        leave = np.full(world.n_customers, world.n_weeks + 1)
        if mech.spec.subscription:
            uniforms = rng.random((world.n_customers, world.n_weeks))
            leave = draw.draw_cancellations(mech, counts, uniforms)
        effects.append(effect_per_event(mech, counts, behaviour, [cutoff], leave))
    return float(np.mean(effects))


def test_expected_margin_agrees_with_a_loop_over_customers_and_weeks() -> None:
    """A loop over customers, weeks and lags gives the same expected margin."""
    world = make_world("harmful", 40, 30, 2)
    mech = world.history.mech
    spec, traits = mech.spec, mech.traits
    counts = world.history.latent
    expected = mech.expected(mech.stocks(counts), slice(0, 30))
    for i in range(0, 40, 7):
        refunds = 0.0
        for t in range(30):
            rate = spec.order_rate * np.exp(
                spec.affinity_orders * traits.affinity[i]
                - spec.affinity_orders**2 / 2
                + traits.season[i, t]
            )
            basket = (
                spec.basket * traits.size[i] * np.exp(spec.affinity_basket * traits.affinity[i])
            )
            ratio, returns, additive = traits.ratio[i], spec.return_share, 0.0
            for j, b in enumerate(spec.behaviours):
                for act in b.acts:
                    stock = sum(
                        act.kernel[lag] * counts[i, t - lag, j]
                        for lag in range(len(act.kernel))
                        if t - lag >= 0
                    )
                    dose = act.strength * stock
                    if act.via == "orders":
                        rate *= 1 + dose
                    elif act.via == "basket":
                        basket *= 1 + dose
                    elif act.via == "additive":
                        additive += dose
                    elif act.via == "ratio":
                        ratio -= 1.5 * spec.ratio * (1 - np.exp(-dose / 1.5))
                    elif act.via == "returns":
                        returns += 0.6 * (1 - np.exp(-dose / 0.6))
            rate *= t >= traits.entry[i]
            margin = rate * basket * ratio + additive * spec.basket * spec.ratio - refunds
            assert expected[i, t] == pytest.approx(margin, rel=1e-6, abs=1e-9)
            refunds = rate * basket * returns * spec.return_loss


@pytest.mark.parametrize("kind", KINDS)
def test_tables_agree_with_the_weekly_arrays(kind: str) -> None:
    world = make_world(kind, 80, 60, 3)
    weekly = world.weekly()
    events, transactions = world.events, world.transactions
    logged = events[events["event_type"].isin(world.behaviours)]
    start = pd.Timestamp("2023-01-02")
    week = (logged["timestamp"] - start) // pd.Timedelta(days=7)
    assert week.between(0, world.n_weeks - 1).all()
    cells = logged.groupby(["customer_id", week, "event_type"], observed=True).size()
    rendered = np.zeros(weekly.counts.shape)
    for (customer, w, behaviour), count in cells.items():
        column = weekly.behaviours.index(behaviour)
        rendered[int(customer[1:]), int(w), column] = count
    np.testing.assert_array_equal(rendered, weekly.counts)
    margin = transactions.get("margin")
    if margin is None:
        margin = transactions["revenue"] - transactions["cost"]
    assert margin.clip(lower=0).sum() == pytest.approx(weekly.gain.sum())
    assert -margin.clip(upper=0).sum() == pytest.approx(weekly.loss.sum(), abs=1e-6)
    before = np.arange(world.n_weeks) < weekly.entry[:, None]
    cancelled = np.arange(world.n_weeks) >= weekly.exit[:, None]
    assert weekly.counts[before | cancelled].sum() == 0
    assert weekly.gain[before | cancelled].sum() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_truth_is_complete(kind: str) -> None:
    world = make_world(kind, 400, 60, 2)
    truth = world.truth
    assert set(truth.verdicts) == set(world.behaviours) == set(truth.effect)
    assert truth.mean_margin > 0
    for behaviour, verdict in truth.verdicts.items():
        effect = truth.effect[behaviour]
        if verdict == "driver":
            assert truth.standardised_effects[behaviour] >= MIN_EFFECT
        elif verdict == "harmful":
            assert truth.standardised_effects[behaviour] <= -MIN_EFFECT
        elif verdict in ("vanity", "consequence"):
            assert effect == 0
        else:
            assert abs(truth.standardised_effects[behaviour]) < MIN_EFFECT
    if kind.startswith("nothing"):
        assert not truth.drivers
        assert truth.shares == {}
    else:
        assert truth.drivers
        assert sum(truth.shares.values()) == pytest.approx(1)


def test_a_seed_reproduces_its_data_and_other_seeds_draw_other_roles() -> None:
    first, repeated, other = (make_world("reactive", 200, 40, s) for s in (4, 4, 5))
    pd.testing.assert_frame_equal(first.events, repeated.events)
    pd.testing.assert_frame_equal(first.transactions, repeated.transactions)
    assert first.truth == repeated.truth
    assert first.behaviours != other.behaviours


def test_affinity_makes_vanity_correlate_more_than_drivers() -> None:
    n_misleading = 0
    for seed in (1, 2, 3):
        world = make_world("heavily_confounded", 1500, 60, seed)
        weekly = world.weekly()
        margin = pd.Series((weekly.gain - weekly.loss)[:, 48:].sum(axis=1))
        rank = {
            b: pd.Series(weekly.counts[:, 36:48, j].sum(axis=1)).corr(margin, method="spearman")
            for j, b in enumerate(world.behaviours)
        }
        best = max(rank, key=lambda b: rank[b])
        n_misleading += world.truth.verdicts[best] != "driver"
    assert n_misleading >= 2


def test_effects_are_identified_in_the_panel_but_not_in_the_cross_section() -> None:
    assert not make_world("shap_subscriber_cross_section", 100, 60, 1).truth.identifiable
    assert make_world("shap_subscriber_unrolled", 100, 60, 1).truth.identifiable


def test_unknown_kinds_and_short_histories_are_rejected() -> None:
    with pytest.raises(ValueError, match="unknown kind 'nonsense'"):
        make_world("nonsense", 10, 60, 0)
    with pytest.raises(ValueError, match="too few"):
        make_world("confounded", 10, 20, 0)


def test_the_package_reads_the_written_configuration(tmp_path) -> None:
    from engagement_ml.config import read_config

    for kind in ("costly", "subscription", "partners", "segments", "shap_subscriber_unrolled"):
        config = read_config(make_world(kind, 60, 60, 2).write(tmp_path / kind))
        assert config.tracking.uri is None
        assert config.sources.events is not None
    costly = read_config(tmp_path / "costly" / "config.yaml")
    assert any(b.cost_per_event > 0 for b in costly.behaviours.values())
