"""SHAP explanations equal shap's own, add up to the models' output, and can be drawn."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot

import engagement_ml as em
from engagement_ml.drivers import period_days
from engagement_ml.drivers.estimation.spans import spans_from_config
from engagement_ml.drivers.selection import shap_importance
from engagement_ml.drivers.selection.window_rows import window_rows
from engagement_ml.engine import open_engine
from engagement_ml.features import build_periods
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows
from engagement_ml.workflow import explaining

shap = pytest.importorskip("shap")


@pytest.fixture(scope="module")
def panel(small_shop, model):
    """The panel that the model was fitted on."""
    return em.features(
        small_shop.events, small_shop.transactions, small_shop.customers, config=model.config
    )


def booster_of(model, kind):
    kept = model._explanation_data
    return kept.within.booster if kind == "within" else model._fitted.profit.booster_


@pytest.mark.parametrize("kind", ["profit", "within"])
def test_values_and_base_value_add_up_to_the_raw_output(model, kind):
    explanation = model.explain(kind)
    raw = booster_of(model, kind).predict(explanation.data, raw_score=True)
    total = explanation.values.sum(axis=1) + explanation.base_values
    np.testing.assert_allclose(total, raw, rtol=1e-5, atol=1e-5)
    assert explanation.values.shape == explanation.data.shape
    assert len(explanation.feature_names) == explanation.shape[1]


@pytest.mark.parametrize("kind", ["profit", "within"])
def test_values_equal_those_of_the_tree_explainer(model, kind):
    explanation = model.explain(kind)[:200]
    explainer = shap.TreeExplainer(booster_of(model, kind))
    values = explainer.shap_values(explanation.data)
    np.testing.assert_allclose(explanation.values, values, rtol=1e-5, atol=1e-5)
    expected = np.full(200, explainer.expected_value)
    np.testing.assert_allclose(explanation.base_values, expected, rtol=1e-5, atol=1e-5)


def test_values_equal_those_of_the_tree_algorithm_of_shap(model):
    """For LightGBM, TreeExplainer calls LightGBM; here its own implementation runs."""
    explanation = model.explain("within")[:200]
    explainer = shap.TreeExplainer(booster_of(model, "within"))
    explainer.model.model_type = "internal"
    values = explainer.shap_values(explanation.data, check_additivity=False)
    np.testing.assert_allclose(explanation.values, values, rtol=1e-5, atol=1e-5)


def test_within_explains_the_changes_that_importance_is_computed_from(model, small_shop):
    """The kept booster is fitted to all customers, importance is cross-fitted from their rows."""
    frames = {
        "events": small_shop.events,
        "transactions": small_shop.transactions,
        "customers": small_shop.customers,
    }
    config = model.config
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames)
        until = plan_windows(tables.history, config.windows).fit_until
        days = period_days(config.windows)
        periods = build_periods(tables, config, until=until, period_days=days)
    rows = window_rows(periods, spans_from_config(config.windows))
    importance = shap_importance.within_shap(rows, seed=0)
    values = np.abs(model.explain("within").values).mean(axis=0)
    assert np.corrcoef(values, importance)[0, 1] > 0.8


def test_a_panel_is_explained_as_the_kept_rows_are(model, panel):
    explanation = model.explain(data=panel)
    assert explanation.shape[0] == len(panel)
    kept = model.explain(data=model._explanation_data.panel)
    np.testing.assert_array_equal(kept.values, model.explain().values)
    within = model.explain("within", data=panel)
    rows = panel.groupby("customer_id")["cutoff"].transform("size") > 1
    assert within.shape == (int(rows.sum()), len(model._explanation_data.behaviours))
    np.testing.assert_allclose(
        within.values.sum(axis=1) + within.base_values,
        booster_of(model, "within").predict(within.data, raw_score=True),
        rtol=1e-5,
        atol=1e-5,
    )


def test_features_are_named_by_labels_where_there_are_any(model):
    rows = model._explanation_data.panel.frame.head(20)
    names = model.explain(data=rows).feature_names
    assert "Tutorial finished: active days" in names
    assert "coupon_use__frequency" in names
    assert "tutorial_done__active_days" in model.explain(data=rows, labels=False).feature_names
    assert "Tutorial finished" in model.explain("within").feature_names
    assert "tutorial_done" in model.explain("within", labels=False).feature_names


def test_covariates_are_shown_as_text(model, panel):
    explanation = model.explain()
    place = explanation.feature_names.index("covariate__plan")
    assert set(explanation.display_data[:, place]) <= set(panel["covariate__plan"])
    assert explanation.data.dtype == np.float64


@pytest.mark.filterwarnings("ignore::FutureWarning:shap", "ignore::DeprecationWarning:shap")
@pytest.mark.parametrize("kind", ["profit", "within"])
def test_plots_of_shap_draw(model, kind):
    explanation = model.explain(kind)[:100]
    name = explanation.feature_names[0]
    for draw in (
        lambda: shap.plots.beeswarm(explanation, show=False),
        lambda: shap.plots.bar(explanation, show=False),
        lambda: shap.plots.scatter(explanation[:, name], show=False),
        lambda: shap.plots.waterfall(explanation[0], show=False),
    ):
        draw()
        assert pyplot.gcf().axes
        pyplot.close("all")


def test_kept_rows_are_bounded(model, monkeypatch, small_shop):
    kept = model._explanation_data
    rows = SimpleNamespace(behaviours=kept.behaviours)
    monkeypatch.setattr(explaining, "MAX_EXPLAINED_ROWS", 40)
    monkeypatch.setattr(explaining, "MAX_SCORED_CUSTOMERS", 30)
    monkeypatch.setattr(
        "engagement_ml.drivers.selection.window_rows.window_rows", lambda *_, **__: rows
    )
    monkeypatch.setattr(shap_importance, "fit_within_booster", lambda *_, **__: kept.within)
    small = explaining.explanation_data(kept.panel, rows, model.config, model.metric_)
    assert len(small.panel.frame) == len(small.within.x) == 40
    assert len(small.scores) == 30
    assert kept.scores["score"].between(0, 100).all()


def test_mistakes_are_one_clear_line(model, panel):
    with pytest.raises(em.EngagementError, match=r"kind 'profits' is not known \(did you mean"):
        model.explain("profits")
    without = panel.drop(columns="coupon_use__frequency")
    for kind in ("profit", "within"):
        with pytest.raises(em.EngagementError, match="'coupon_use__frequency' is missing"):
            model.explain(kind, data=without)
    single = panel.drop_duplicates("customer_id")
    with pytest.raises(em.EngagementError, match="no customer has two rows"):
        model.explain("within", data=single)
    kept = replace(model._explanation_data, within=None)
    with pytest.raises(em.EngagementError, match="no model of changes within customers"):
        explaining.explain("within", kept, model._fitted.profit, model.config)
