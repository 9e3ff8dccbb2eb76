"""Indicators foretell margin of entities not learned from; noise never does."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.selection.indicators import choose_indicators
from engagement_ml.drivers.selection.window_rows import WindowRows

NAMES = ("fan", "twin", "against", "other", "never")


def drawn(seed: int, *, loading: float, n: int = 500, n_cutoffs: int = 3):
    """Window rows whose margin goes with a liking that some of the counts share."""
    rng = np.random.default_rng(seed)
    liking = rng.standard_normal((n, 1))
    own = np.exp(0.5 * rng.standard_normal((n, len(NAMES))))
    likes = np.array([0.8, 0.0, -0.8, 0.0, 0.0]) * (loading > 0)
    rates = 3.0 * own * np.exp(likes * liking)
    counts = rng.poisson(rates[:, None], (n, n_cutoffs, len(NAMES))).astype(float)
    counts[..., 1] = counts[..., 0] + (rng.random((n, n_cutoffs)) < 0.05)
    counts[..., 4] = 0.0
    level = np.exp(loading * liking)
    margin, past = (rng.exponential(20.0, (n, n_cutoffs)) * level for _ in range(2))
    entity = np.repeat(np.arange(n), n_cutoffs)
    cutoff = np.tile(np.arange(n_cutoffs), n)
    flat = counts.reshape(-1, len(NAMES))
    return WindowRows(entity, cutoff, flat, margin.ravel(), past.ravel())


def chosen(rows: WindowRows, eligible=NAMES, at_most: int = 3):
    history = rows.past_margin[:, None]
    return choose_indicators(rows, history, NAMES, eligible, at_most=at_most, seed=0)


@pytest.fixture(scope="module")
def liked():
    return chosen(drawn(0, loading=0.8))


def test_what_shares_the_liking_is_chosen_once(liked) -> None:
    """Of two that say the same one is enough, and what speaks against margin cannot add points."""
    names = [c.behaviour for c in liked.choices]
    assert len({"fan", "twin"} & set(names)) == 1
    assert not {"against", "never", "other"} & set(names)
    assert max(liked.frequency["fan"], liked.frequency["twin"]) >= 0.5
    assert liked.frequency["never"] == 0


def two_fans(n: int):
    """Rows in which two behaviours share the liking, each with much of its own."""
    rng = np.random.default_rng(3)
    rows = drawn(0, loading=0.8, n=n)
    liking = np.repeat(rng.standard_normal(n), 3)
    counts = rng.poisson(2.0, rows.counts.shape).astype(float)
    counts[:, 0] = rng.poisson(3.0 * np.exp(0.7 * liking))
    counts[:, 3] = rng.poisson(3.0 * np.exp(0.5 * liking))
    margin, past = (rng.exponential(20.0, liking.size) * np.exp(0.8 * liking) for _ in range(2))
    return WindowRows(rows.entity, rows.cutoff, counts, margin, past)


def test_a_stable_choice_is_weighed() -> None:
    found = chosen(two_fans(3000))
    assert {c.behaviour for c in found.choices} == {"fan", "other"}
    assert found.stable
    fan, other = (next(c for c in found.choices if c.behaviour == b) for b in ("fan", "other"))
    assert fan.weight + other.weight == pytest.approx(100.0)
    assert fan.weight > other.weight
    for c in found.choices:
        assert c.weight_low <= c.weight <= c.weight_high
        assert c.cap >= 1
        assert found.importance[c.behaviour] > 0


def test_an_unstable_choice_is_not_weighed() -> None:
    """With few entities other halves choose others: all count alike, and no interval is told."""
    found = chosen(two_fans(120))
    assert not found.stable
    assert len(found.choices) >= 1
    for c in found.choices:
        assert c.weight == pytest.approx(100.0 / len(found.choices))
        assert c.weight_low is None
        assert c.weight_high is None


@pytest.mark.parametrize("seed", [1, 2])
def test_noise_foretells_nothing(seed: int) -> None:
    assert chosen(drawn(seed, loading=0.0)).choices == ()


def test_only_the_eligible_are_chosen() -> None:
    found = chosen(drawn(0, loading=0.8), eligible=("twin", "other"))
    assert [c.behaviour for c in found.choices] == ["twin"]
    assert found.frequency["fan"] == 0


def test_same_seed_same_choices(liked) -> None:
    again = chosen(drawn(0, loading=0.8))
    assert again.choices == liked.choices
    assert again.importance == liked.importance


def test_too_few_rows_choose_nothing() -> None:
    assert chosen(drawn(0, loading=0.8, n=50)).choices == ()
    assert chosen(drawn(0, loading=0.8), eligible=()).choices == ()
