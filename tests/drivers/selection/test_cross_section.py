"""Cross-sectional association, compared with scipy; SHAP values between and within customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, spearmanr

from engagement_ml.drivers.selection.cross_section import associate, clipped, rank_correlation
from engagement_ml.drivers.selection.shap_importance import across_shap, boosted, within_shap
from engagement_ml.drivers.selection.window_rows import WindowRows


def simulate(seed: int = 0, n: int = 400, n_cutoffs: int = 5, effect: float = 3.0) -> WindowRows:
    """Simulate window rows: the first behaviour has an effect, the second shares the affinity."""
    rng = np.random.default_rng(seed)
    affinity = rng.standard_normal((n, 1))
    driver = rng.poisson(np.exp(0.7 * rng.standard_normal((n, n_cutoffs))))
    vanity = rng.poisson(np.exp(1.0 + 1.2 * affinity), (n, n_cutoffs))
    margin = 40 * np.exp(0.9 * affinity) + effect * driver + rng.normal(0, 3, (n, n_cutoffs))
    counts = np.stack([driver, vanity], axis=2).astype(float)
    entity, cutoff = np.repeat(np.arange(n), n_cutoffs), np.tile(np.arange(n_cutoffs), n)
    return WindowRows(entity, cutoff, counts.reshape(-1, 2), margin.ravel(), margin.ravel())


def test_association_agrees_with_scipy_on_customer_means() -> None:
    rows = simulate()
    associations = associate(rows, ("driver", "vanity"), rows)
    frame = pd.DataFrame(rows.counts, columns=["driver", "vanity"]).assign(
        margin=clipped(rows.margin), entity=rows.entity
    )
    means = frame.groupby("entity").mean()
    for name in ("driver", "vanity"):
        rho = spearmanr(means[name], means["margin"]).statistic
        assert associations[name].spearman == pytest.approx(rho)
        assert associations[name].z == pytest.approx(rho * np.sqrt(399))
        assert associations[name].slope == pytest.approx(
            linregress(means[name], means["margin"]).slope, rel=1e-6
        )
        assert associations[name].std == pytest.approx(frame[name].std(ddof=0))


def test_the_standard_deviation_is_taken_over_all_windows() -> None:
    rows, all_rows = simulate(0), simulate(1)
    associations = associate(rows, ("driver", "vanity"), all_rows)
    assert associations["driver"].std == pytest.approx(all_rows.counts[:, 0].std())
    no_index = np.zeros(0, dtype=int)
    empty = WindowRows(no_index, no_index, np.zeros((0, 2)), np.zeros(0), np.zeros(0))
    without_rows = associate(empty, ("driver", "vanity"), all_rows)
    assert without_rows["vanity"].spearman == 0
    assert without_rows["vanity"].std == pytest.approx(all_rows.counts[:, 1].std())


def test_correlation_with_a_constant_is_zero() -> None:
    assert rank_correlation(np.ones(10), np.arange(10.0)) == 0.0
    assert rank_correlation(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.0


def test_clipped_winsorises_both_tails() -> None:
    values = np.arange(10_000.0)
    winsorised = clipped(values)
    low, high = np.quantile(values, [0.005, 0.995])
    np.testing.assert_array_equal(winsorised, np.clip(values, low, high))
    assert clipped(np.zeros(0)).size == 0


def test_between_customer_shap_is_confounded_and_within_customer_shap_is_not() -> None:
    """SHAP values on levels credit affinity, those on changes credit the driver."""
    rows = simulate()
    between, within = across_shap(rows, seed=0), within_shap(rows, seed=0)
    assert between[1] > 3 * between[0]
    assert within[0] > 3 * within[1]
    assert within[0] == pytest.approx(3.0 * np.abs(rows.counts[:, 0] - 1.3).mean(), rel=0.5)


def test_a_seed_reproduces_shap_values() -> None:
    rows = simulate(n=100)
    assert within_shap(rows, seed=3).tobytes() == within_shap(rows, seed=3).tobytes()


def test_shap_values_sum_to_the_prediction() -> None:
    rows = simulate(n=100)
    model = boosted(rows.counts, rows.margin, seed=0, rounds=20)
    contributions = model.predict(rows.counts, pred_contrib=True)
    np.testing.assert_allclose(contributions.sum(axis=1), model.predict(rows.counts), rtol=1e-5)


def test_shap_values_are_zero_without_enough_variation() -> None:
    assert not across_shap(simulate(n=5), seed=0).any()
    rows = simulate(n=100)
    constant = WindowRows(rows.entity, rows.cutoff, rows.counts, np.ones(500), np.ones(500))
    assert not within_shap(constant, seed=0).any()
