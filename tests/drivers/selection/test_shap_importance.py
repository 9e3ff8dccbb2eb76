"""SHAP of within-customer change: cross-fitted by customer, net of what precedes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from engagement_ml.config import parse_config
from engagement_ml.drivers.selection import shap_importance
from engagement_ml.drivers.selection.preceding import preceding
from engagement_ml.drivers.selection.shap_importance import (
    boosted,
    within_shap,
)
from engagement_ml.drivers.selection.window_rows import WindowRows
from engagement_ml.drivers.study import Study

CONFIG = parse_config(
    {"name": "shop", "windows": {"observation_days": 42, "outcome_days": 42}}, origin="test"
)


def noise_rows(seed: int = 0, n: int = 250, n_cutoffs: int = 4) -> WindowRows:
    """Behaviours and margin that have nothing to do with one another."""
    rng = np.random.default_rng(seed)
    entity, cutoff = np.repeat(np.arange(n), n_cutoffs), np.tile(np.arange(n_cutoffs), n)
    margin = rng.normal(50.0, 20.0, n * n_cutoffs)
    return WindowRows(entity, cutoff, rng.poisson(3.0, (margin.size, 4)) * 1.0, margin, margin)


def test_customers_are_explained_by_a_model_that_has_not_seen_them(monkeypatch) -> None:
    """No row is explained by a model that was fitted to a row of the same customer."""
    rows, seen, explained = noise_rows(), [], []
    fit = shap_importance._fit_booster

    def spy(x, y, **options):
        seen.append({tuple(row) for row in x.round(9)})
        fitted = fit(x, y, **options)
        original = fitted.shap_values

        def shap_values(values):
            explained.append({tuple(row) for row in values.round(9)})
            return original(values)

        object.__setattr__(fitted, "shap_values", shap_values)
        return fitted

    monkeypatch.setattr(shap_importance, "_fit_booster", spy)
    # a column that identifies the customer, and changes with the cutoff
    rows = replace(rows, counts=np.column_stack([rows.counts, rows.entity * (rows.cutoff + 1.0)]))
    within_shap(rows, seed=0)
    assert len(seen) == len(explained) == 2
    for fitted_rows, explained_rows in zip(seen, explained, strict=True):
        assert not fitted_rows & explained_rows
    assert abs(len(seen[0]) - len(seen[1])) <= 4


def test_a_consequence_gets_less_credit_given_what_precedes(make_periods) -> None:
    """Tracking follows orders; orders persist, so that tracking seems to bring margin."""
    rng = np.random.default_rng(4)
    n, n_periods = 500, 36
    wave = np.zeros((n, n_periods))
    for t in range(1, n_periods):
        wave[:, t] = 0.95 * wave[:, t - 1] + 0.4 * rng.standard_normal(n)
    driver = rng.poisson(0.6, (n, n_periods))
    stock = np.zeros((n, n_periods))
    for lag in range(1, 7):
        stock[:, lag:] += driver[:, :-lag]
    orders = rng.poisson(0.4 * np.exp(wave) * (1.0 + 0.15 * stock))
    counts = {"driver": driver, "tracking": rng.binomial(orders, 0.3)}
    study = Study(make_periods(counts, 10.0 * orders, orders=orders), None, None, CONFIG)
    before = preceding(study.periods, study.spans, study.rows)
    without = within_shap(study.rows, seed=0)
    given = within_shap(study.rows, before, seed=0)
    assert without[1] > without[0]
    assert given[0] > given[1]


def test_what_precedes_is_summed_over_the_windows_before(make_periods) -> None:
    rng = np.random.default_rng(5)
    counts, gain = rng.poisson(1.0, (30, 36)), rng.poisson(2.0, (30, 36)) * 1.0
    loss = rng.poisson(1.0, (30, 36)) * 1.0
    entry = rng.integers(0, 10, 30)
    late = np.arange(36) < entry[:, None]
    for values in (counts, gain, loss):
        values[late] = 0
    periods = make_periods({"x": counts}, gain, loss=loss, entry=entry)
    study = Study(periods, None, None, CONFIG)
    width = study.spans.observation
    table = preceding(periods, study.spans, study.rows)
    assert table.shape == (study.rows.entity.size, 5)
    for row, i, c in zip(table, study.rows.entity, study.rows.cutoff, strict=True):
        earlier, window = slice(max(c - 2 * width, 0), c - width), slice(c - width, c)
        margin = gain[i] - loss[i]
        expected = [
            counts[i, earlier].sum(),
            (gain[i, window] > 0).sum(), (gain[i, earlier] > 0).sum(),
            max(margin[window].sum(), 0.0), max(margin[earlier].sum(), 0.0),
        ]  # fmt: skip
        np.testing.assert_allclose(row, expected)


def test_results_are_the_same_bytes_whatever_the_number_of_threads() -> None:
    rows = noise_rows(n=600)
    with threadpool_limits(1):
        one, booster = within_shap(rows, seed=1), boosted(rows.counts, rows.margin, seed=1)
    with threadpool_limits(4):
        four, again = within_shap(rows, seed=1), boosted(rows.counts, rows.margin, seed=1)
    assert one.tobytes() == four.tobytes()
    assert booster.model_to_string() == again.model_to_string()
    assert booster.params["num_threads"] == 1


@pytest.mark.parametrize("n", [0, 20])
def test_too_few_rows_give_no_importance(n) -> None:
    rows = noise_rows(n=max(n, 1))
    if not n:
        none = np.zeros(0, dtype=np.int64)
        rows = WindowRows(none, none, np.zeros((0, 4)), np.zeros(0), np.zeros(0))
    assert within_shap(rows, seed=0).tolist() == [0.0] * 4
