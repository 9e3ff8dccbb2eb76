"""What goes with margin, against scipy; SHAP across and within entities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, spearmanr

from engagement_ml.drivers.selection.cross_section import associate, clipped, rank_correlation
from engagement_ml.drivers.selection.shap_importance import across_shap, boosted, within_shap
from engagement_ml.drivers.selection.window_rows import WindowRows


def drawn(seed: int = 0, n: int = 400, n_cutoffs: int = 5, effect: float = 3.0) -> WindowRows:
    """The first behaviour acts, the second only shares the entity's liking."""
    rng = np.random.default_rng(seed)
    liking = rng.standard_normal((n, 1))
    acts = rng.poisson(np.exp(0.7 * rng.standard_normal((n, n_cutoffs))))
    likes = rng.poisson(np.exp(1.0 + 1.2 * liking), (n, n_cutoffs))
    margin = 40 * np.exp(0.9 * liking) + effect * acts + rng.normal(0, 3, (n, n_cutoffs))
    counts = np.stack([acts, likes], axis=2).astype(float)
    entity, cutoff = np.repeat(np.arange(n), n_cutoffs), np.tile(np.arange(n_cutoffs), n)
    return WindowRows(entity, cutoff, counts.reshape(-1, 2), margin.ravel(), margin.ravel())


def test_association_agrees_with_scipy_on_entity_means() -> None:
    rows = drawn()
    found = associate(rows, ("acts", "likes"), rows)
    frame = pd.DataFrame(rows.counts, columns=["acts", "likes"]).assign(
        margin=clipped(rows.margin), entity=rows.entity
    )
    means = frame.groupby("entity").mean()
    for name in ("acts", "likes"):
        rho = spearmanr(means[name], means["margin"]).statistic
        assert found[name].spearman == pytest.approx(rho)
        assert found[name].z == pytest.approx(rho * np.sqrt(399))
        assert found[name].slope == pytest.approx(
            linregress(means[name], means["margin"]).slope, rel=1e-6
        )
        assert found[name].std == pytest.approx(frame[name].std(ddof=0))


def test_spread_is_that_of_all_windows_seen() -> None:
    rows, seen = drawn(0), drawn(1)
    found = associate(rows, ("acts", "likes"), seen)
    assert found["acts"].std == pytest.approx(seen.counts[:, 0].std())
    none = np.zeros(0, dtype=int)
    empty = WindowRows(none, none, np.zeros((0, 2)), np.zeros(0), np.zeros(0))
    alone = associate(empty, ("acts", "likes"), seen)
    assert alone["likes"].spearman == 0
    assert alone["likes"].std == pytest.approx(seen.counts[:, 1].std())


def test_correlation_of_what_does_not_vary_is_nought() -> None:
    assert rank_correlation(np.ones(10), np.arange(10.0)) == 0.0
    assert rank_correlation(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.0


def test_clipped_cuts_both_tails_alone() -> None:
    values = np.arange(10_000.0)
    cut = clipped(values)
    low, high = np.quantile(values, [0.005, 0.995])
    np.testing.assert_array_equal(cut, np.clip(values, low, high))
    assert clipped(np.zeros(0)).size == 0


def test_the_usual_shap_credits_liking_and_shap_on_change_what_acts() -> None:
    """The trap of the usual ranking, and the way out of it."""
    rows = drawn()
    across, within = across_shap(rows, seed=0), within_shap(rows, seed=0)
    assert across[1] > 3 * across[0]
    assert within[0] > 3 * within[1]
    assert within[0] == pytest.approx(3.0 * np.abs(rows.counts[:, 0] - 1.3).mean(), rel=0.5)


def test_same_seed_same_shap() -> None:
    rows = drawn(n=100)
    assert within_shap(rows, seed=3).tobytes() == within_shap(rows, seed=3).tobytes()


def test_contributions_add_up_to_the_prediction() -> None:
    rows = drawn(n=100)
    model = boosted(rows.counts, rows.margin, seed=0, rounds=20)
    contributions = model.predict(rows.counts, pred_contrib=True)
    np.testing.assert_allclose(contributions.sum(axis=1), model.predict(rows.counts), rtol=1e-5)


def test_too_little_to_learn_from_has_no_shap() -> None:
    assert not across_shap(drawn(n=5), seed=0).any()
    flat = drawn(n=100)
    still = WindowRows(flat.entity, flat.cutoff, flat.counts, np.ones(500), np.ones(500))
    assert not within_shap(still, seed=0).any()
