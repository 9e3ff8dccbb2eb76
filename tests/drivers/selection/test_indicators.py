"""Indicators predict margin of held-out customers; noise does not."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.selection.indicators import choose_indicators
from engagement_ml.drivers.selection.window_rows import WindowRows

NAMES = ("fan", "twin", "against", "other", "never")


def simulate(seed: int, *, loading: float, n: int = 500, n_cutoffs: int = 3):
    """Simulate window rows in which margin and some counts depend on a latent affinity."""
    rng = np.random.default_rng(seed)
    affinity = rng.standard_normal((n, 1))
    individual = np.exp(0.5 * rng.standard_normal((n, len(NAMES))))
    loadings = np.array([0.8, 0.0, -0.8, 0.0, 0.0]) * (loading > 0)
    rates = 3.0 * individual * np.exp(loadings * affinity)
    counts = rng.poisson(rates[:, None], (n, n_cutoffs, len(NAMES))).astype(float)
    counts[..., 1] = counts[..., 0] + (rng.random((n, n_cutoffs)) < 0.05)
    counts[..., 4] = 0.0
    level = np.exp(loading * affinity)
    margin, past = (rng.exponential(20.0, (n, n_cutoffs)) * level for _ in range(2))
    entity = np.repeat(np.arange(n), n_cutoffs)
    cutoff = np.tile(np.arange(n_cutoffs), n)
    flat = counts.reshape(-1, len(NAMES))
    return WindowRows(entity, cutoff, flat, margin.ravel(), past.ravel())


def select(rows: WindowRows, eligible=NAMES, at_most: int = 3):
    history = rows.past_margin[:, None]
    return choose_indicators(rows, history, NAMES, eligible, at_most=at_most, seed=0)


@pytest.fixture(scope="module")
def selection():
    return select(simulate(0, loading=0.8))


def test_one_of_two_collinear_indicators_is_selected(selection) -> None:
    """A duplicate adds nothing, and a negative correlation cannot earn points."""
    names = [c.behaviour for c in selection.choices]
    assert len({"fan", "twin"} & set(names)) == 1
    assert not {"against", "never", "other"} & set(names)
    assert max(selection.frequency["fan"], selection.frequency["twin"]) >= 0.5
    assert selection.frequency["never"] == 0


def two_fans(n: int):
    """Simulate rows in which two behaviours share the affinity, with independent noise."""
    rng = np.random.default_rng(3)
    rows = simulate(0, loading=0.8, n=n)
    affinity = np.repeat(rng.standard_normal(n), 3)
    counts = rng.poisson(2.0, rows.counts.shape).astype(float)
    counts[:, 0] = rng.poisson(3.0 * np.exp(0.7 * affinity))
    counts[:, 3] = rng.poisson(3.0 * np.exp(0.5 * affinity))
    margin, past = (rng.exponential(20.0, affinity.size) * np.exp(0.8 * affinity) for _ in range(2))
    return WindowRows(rows.entity, rows.cutoff, counts, margin, past)


@pytest.mark.seldom
def test_a_stable_selection_is_weighted() -> None:
    result = select(two_fans(3000))
    assert {c.behaviour for c in result.choices} == {"fan", "other"}
    assert result.stable
    fan, other = (next(c for c in result.choices if c.behaviour == b) for b in ("fan", "other"))
    assert fan.weight + other.weight == pytest.approx(100.0)
    assert fan.weight > other.weight
    for c in result.choices:
        assert c.weight_low <= c.weight <= c.weight_high
        assert c.cap >= 1
        assert result.importance[c.behaviour] > 0


def test_an_unstable_selection_has_equal_weights() -> None:
    """With few customers, halves select differently: weights are equal and have no interval."""
    result = select(two_fans(120))
    assert not result.stable
    assert len(result.choices) >= 1
    for c in result.choices:
        assert c.weight == pytest.approx(100.0 / len(result.choices))
        assert c.weight_low is None
        assert c.weight_high is None


@pytest.mark.parametrize("seed", [1, 2])
def test_noise_is_not_selected(seed: int) -> None:
    assert select(simulate(seed, loading=0.0)).choices == ()


def test_only_eligible_behaviours_are_selected() -> None:
    result = select(simulate(0, loading=0.8), eligible=("twin", "other"))
    assert [c.behaviour for c in result.choices] == ["twin"]
    assert result.frequency["fan"] == 0


def test_a_seed_reproduces_the_selection(selection) -> None:
    repeated = select(simulate(0, loading=0.8))
    assert repeated.choices == selection.choices
    assert repeated.importance == selection.importance


def test_too_few_rows_select_nothing() -> None:
    assert select(simulate(0, loading=0.8, n=50)).choices == ()
    assert select(simulate(0, loading=0.8), eligible=()).choices == ()
