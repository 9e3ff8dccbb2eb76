"""The worlds' truth is true: interventions agree with repeated draws, tables with arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.recovery import draw as drawing
from benchmarks.recovery import truth as truths
from benchmarks.recovery.worlds import KINDS, World, make_world


def realised_margin(world: World, counts: np.ndarray, luck: np.ndarray) -> np.ndarray:
    """Weekly margin (n, T) of orders drawn with the same luck, baskets and returns at the mean."""
    mech, spec = world.drawn.mech, world.drawn.mech.spec
    if spec.subscription:
        leave = drawing.draw_leaving(mech, counts, luck[0])
        weeks = np.arange(world.n_weeks)
        since = weeks - world.entry[:, None]
        paid = (since >= 0) & (since % 4 == 0) & (weeks < leave[:, None])
        return paid * (spec.fee * mech.traits.size)[:, None]
    parts, orders = drawing.order_counts(mech, counts, luck[0])
    extra = drawing.poisson_from(luck[1], parts["additive"])
    margin = orders * (parts["basket"] * parts["ratio"] - spec.serve)
    margin += extra * spec.basket * spec.ratio
    back = orders * parts["basket"] * parts["returns"] * spec.return_loss
    margin[:, 1:] -= back[:, :-1]
    return margin


def effect_by_repetition(
    world: World, behaviour: str, cutoff: int, repeats: int
) -> tuple[float, float]:
    """Mean change of realised margin for one more event, and its standard error."""
    rng = np.random.default_rng(5)
    counts = world.drawn.latent
    n = world.n_customers
    column = world.behaviours.index(behaviour)
    found = []
    for _ in range(repeats):
        luck = rng.random((2, n, world.n_weeks))
        first = np.maximum(cutoff - 12, np.minimum(world.entry, cutoff - 1))
        week = rng.integers(first, cutoff)
        more = counts.copy()
        more[np.arange(n), week, column] += 1
        there = world.entry < cutoff
        if world.drawn.mech.spec.subscription:
            for done in (counts, more):
                there &= drawing.draw_leaving(world.drawn.mech, done, luck[0]) >= cutoff
        window = slice(cutoff, cutoff + 12)
        change = realised_margin(world, more, luck) - realised_margin(world, counts, luck)
        found.append(change[there, window].sum(axis=1))
    changes = np.concatenate(found)
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
        ("negative_margins", 1),
        ("subscription", 2),
        ("churnsim", 1),
    ],
)
def test_effect_agrees_with_repeated_draws(kind: str, seed: int) -> None:
    world = make_world(kind, 1500, 48, seed)
    mech = world.drawn.mech
    acting = [b.name for b in mech.spec.behaviours if b.truth in ("driver", "harmful")]
    for behaviour in acting[:3]:
        subscribed = mech.spec.subscription
        mean, error = effect_by_repetition(world, behaviour, 30, repeats=40 if subscribed else 8)
        assert abs(mean) > 4 * error, "the comparison has no power"
        exact = _given_survival(world, behaviour, 30, repeats=8 if subscribed else 1)
        assert mean == pytest.approx(exact, abs=3.5 * error)


def _given_survival(world: World, behaviour: str, cutoff: int, repeats: int) -> float:
    """Effect by the closed form among those still subscribed, mean over draws of leaving."""
    rng = np.random.default_rng(6)
    mech, counts = world.drawn.mech, world.drawn.latent
    found = []
    for _ in range(repeats):
        leave = np.full(world.n_customers, world.n_weeks + 1)
        if mech.spec.subscription:
            luck = rng.random((world.n_customers, world.n_weeks))
            leave = drawing.draw_leaving(mech, counts, luck)
        found.append(truths.effect_per_event(mech, counts, behaviour, [cutoff], leave))
    return float(np.mean(found))


def test_expected_margin_by_hand() -> None:
    """A plain loop over customers, weeks and past events gives the same expected margin."""
    world = make_world("harmful", 40, 30, 2)
    mech = world.drawn.mech
    spec, traits = mech.spec, mech.traits
    counts = world.drawn.latent
    expected = mech.expected(mech.stocks(counts), slice(0, 30))
    for i in range(0, 40, 7):
        refunds = 0.0
        for t in range(30):
            rate = spec.order_rate * np.exp(
                spec.liking_orders * traits.liking[i]
                - spec.liking_orders**2 / 2
                + traits.season[i, t]
            )
            basket = spec.basket * traits.size[i] * np.exp(spec.liking_basket * traits.liking[i])
            ratio, back, more = traits.ratio[i], spec.return_share, 0.0
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
                        more += dose
                    elif act.via == "ratio":
                        ratio -= 1.5 * spec.ratio * (1 - np.exp(-dose / 1.5))
                    elif act.via == "returns":
                        back += 0.6 * (1 - np.exp(-dose / 0.6))
            rate *= t >= traits.entry[i]
            margin = rate * basket * ratio + more * spec.basket * spec.ratio - refunds
            assert expected[i, t] == pytest.approx(margin, rel=1e-6, abs=1e-9)
            refunds = rate * basket * back * spec.return_loss


@pytest.mark.parametrize("kind", KINDS)
def test_tables_agree_with_the_weekly_arrays(kind: str) -> None:
    world = make_world(kind, 80, 60, 3)
    weekly = world.weekly()
    events, transactions = world.events, world.transactions
    known = events[events["event_type"].isin(world.behaviours)]
    start = pd.Timestamp("2023-01-02")
    week = (known["timestamp"] - start) // pd.Timedelta(days=7)
    assert week.between(0, world.n_weeks - 1).all()
    cells = known.groupby(["customer_id", week, "event_type"], observed=True).size()
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
    gone = np.arange(world.n_weeks) >= weekly.exit[:, None]
    assert weekly.counts[before | gone].sum() == 0
    assert weekly.gain[before | gone].sum() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_truth_is_complete(kind: str) -> None:
    world = make_world(kind, 400, 60, 2)
    truth = world.truth
    assert set(truth.verdicts) == set(world.behaviours) == set(truth.effect)
    assert truth.mean_margin > 0
    for behaviour, verdict in truth.verdicts.items():
        effect = truth.effect[behaviour]
        if verdict == "driver":
            assert truth.worth[behaviour] >= truths.SMALLEST_EFFECT
        elif verdict == "harmful":
            assert truth.worth[behaviour] <= -truths.SMALLEST_EFFECT
        elif verdict in ("vanity", "consequence"):
            assert effect == 0
        else:
            assert abs(truth.worth[behaviour]) < truths.SMALLEST_EFFECT
    if kind.startswith("nothing"):
        assert not truth.drivers
        assert truth.shares == {}
    else:
        assert truth.drivers
        assert sum(truth.shares.values()) == pytest.approx(1)


def test_same_seed_same_world_other_seed_other_roles() -> None:
    one, again, other = (make_world("reactive", 200, 40, s) for s in (4, 4, 5))
    pd.testing.assert_frame_equal(one.events, again.events)
    pd.testing.assert_frame_equal(one.transactions, again.transactions)
    assert one.truth == again.truth
    assert one.behaviours != other.behaviours


def test_liking_makes_vanity_look_better_than_drivers() -> None:
    ahead = 0
    for seed in (1, 2, 3):
        world = make_world("heavily_confounded", 1500, 60, seed)
        weekly = world.weekly()
        margin = pd.Series((weekly.gain - weekly.loss)[:, 48:].sum(axis=1))
        rank = {
            b: pd.Series(weekly.counts[:, 36:48, j].sum(axis=1)).corr(margin, method="spearman")
            for j, b in enumerate(world.behaviours)
        }
        best = max(rank, key=lambda b: rank[b])
        ahead += world.truth.verdicts[best] != "driver"
    assert ahead >= 2


def test_a_cross_section_cannot_be_identified_and_its_unrolled_version_can() -> None:
    assert not make_world("shap_subscriber_cross_section", 100, 60, 1).truth.identifiable
    assert make_world("shap_subscriber_unrolled", 100, 60, 1).truth.identifiable


def test_refuses_unknown_kinds_and_too_short_a_history() -> None:
    with pytest.raises(ValueError, match="no kind of world 'nonsense'"):
        make_world("nonsense", 10, 60, 0)
    with pytest.raises(ValueError, match="too few"):
        make_world("confounded", 10, 20, 0)


def test_configuration_is_one_the_package_reads(tmp_path) -> None:
    from engagement_ml.config import read_config

    for kind in ("costly", "subscription", "partners", "segments", "shap_subscriber_unrolled"):
        config = read_config(make_world(kind, 60, 60, 2).write(tmp_path / kind))
        assert config.tracking.uri is None
        assert config.sources.events is not None
    costly = read_config(tmp_path / "costly" / "config.yaml")
    assert any(b.cost_per_event > 0 for b in costly.behaviours.values())
