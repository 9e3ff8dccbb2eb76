"""What a fitted model shows: plots of its own results, and a table in notebooks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from matplotlib import pyplot

import engagement_ml as em


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def abstaining(model: em.EngagementModel) -> em.EngagementModel:
    """Return the model with a metric that holds no behaviour."""
    metric = replace(
        model.metric_, behaviours=(), reason="no behaviour passed every check", score_quantiles=()
    )
    record = replace(
        model.record_,
        metric=metric.to_dict(),
        evidence=replace(model.record_.evidence, choices=(), reason=metric.reason),
    )
    kept = replace(model._explanation_data, scores=None)
    other = em.EngagementModel(**model.get_params(deep=False))
    other._results = replace(model._results, metric=metric, record=record, explanation=kept)
    return other


def test_plots_return_axes_and_take_them(model):
    for plot in (model.plot_drivers, model.plot_weights, model.plot_scores):
        _, ax = pyplot.subplots()
        assert plot(ax=ax) is ax
        assert plot() is not ax
    _, grid = pyplot.subplots(1, 2)
    assert list(model.plot_responses(ax=grid)) == list(grid)
    axes = model.plot_responses()
    assert isinstance(axes, np.ndarray)
    assert [ax.get_title() for ax in axes] == ["Tutorial finished", "wishlist_add"]


def test_scores_at_the_last_cutoff_are_drawn_with_margin(model, small_shop):
    ax = model.plot_scores()
    assert ax.get_title().endswith(" customers")
    assert ax.figure.axes[1].get_ylabel() == "mean margin over 28 days, EUR"
    scored = model.plot_scores(small_shop.events, as_of="2024-09-01")
    n = len(model.score(small_shop.events, as_of="2024-09-01"))
    assert scored.get_title() == f"Scores of {n} customers"
    counts = pl.DataFrame({"tutorial_done": [0, 50], "wishlist_add": [0, 50]})
    assert model.plot_scores(counts).get_title() == "Scores of 2 customers"


def test_a_notebook_shows_verdicts_weights_and_money(model):
    html = model._repr_html_()
    for text in ("Tutorial finished", "wishlist_add", "driver", "vanity", "60.0", "€0.67"):
        assert text in html
    assert html.startswith("<div>")


def test_a_model_that_abstained_says_why(model):
    other = abstaining(model)
    assert "No metric: no behaviour passed every check" in other._repr_html_()
    for plot in (other.plot_weights, other.plot_scores):
        with pytest.raises(em.EngagementError, match="abstained"):
            plot()
    assert other.explain("within").shape == model.explain("within").shape


@pytest.mark.seldom
def test_tracking_a_fitted_model_takes_one_call_and_registers_it_once(model, here):
    tracked = em.EngagementModel(**model.get_params(deep=False))
    tracked._results = model._results
    logged = tracked.track(progress=False)
    assert logged.model_uri == "models:/model/1"
    assert em.load_metric(logged.model_uri) == model.metric_
    assert tracked.record_.registered["version"] == 1
    assert model.record_.registered is None
    assert sum(model.record_.seconds.values()) > 0
    assert tracked.track(progress=False).run_id == logged.run_id
    unregistered = tracked.track(register=False, experiment="trials", progress=False)
    assert (unregistered.version, unregistered.model) == (None, None)
    assert unregistered.run_id != logged.run_id


def test_tracking_before_fitting_is_told(here):
    with pytest.raises(em.NotFittedError):
        em.EngagementModel(name="x").track()
