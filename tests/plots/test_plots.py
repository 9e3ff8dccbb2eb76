"""Plots show labels, amounts, verdicts and intervals, in a given or a new figure."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex

from engagement_ml.config import WindowsConfig
from engagement_ml.drivers.evidence import DriverEvidence, DriverRow
from engagement_ml.drivers.response_evidence import ResponseCurve
from engagement_ml.errors import InputError
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour
from engagement_ml.plots import (
    plot_drivers,
    plot_responses,
    plot_scores,
    plot_weights,
    summary_html,
)
from engagement_ml.plots.style import GOOD, HARMFUL, NEUTRAL
from engagement_ml.records import RunRecord
from engagement_ml.windows import History, plan_windows

X = (0.0, 5.0, 10.0)
EFFECT, LOW, HIGH = (0.0, 10.0, 15.0), (0.0, 8.0, 12.0), (0.0, 12.0, 18.0)


def driver(behaviour, verdict, rank, effect, half, **changes) -> DriverRow:
    low, high = (None, None) if effect is None else (effect - half, effect + half)
    row = DriverRow(
        behaviour, verdict, False, rank, 1.0, effect, low, high, 0.5, None, "made up", behaviour
    )
    return replace(row, **changes)


@pytest.fixture
def metric() -> EngagementMetric:
    straight = Transform("linear", scale=None, shape=None, cap=10)
    return EngagementMetric(
        name="shop",
        evidence="driver",
        observation_days=84,
        outcome_days=56,
        currency="USD",
        entity="company",
        behaviours=(
            WeightedBehaviour("review", 40, 30, 50, "frequency", "events", straight, "Reviews $"),
            WeightedBehaviour("_visit", 60, 50, 70, "frequency", "events", straight),
        ),
    )


@pytest.fixture
def record(metric) -> RunRecord:
    """A run with a driver, a harmful behaviour, one without an estimate and a wide interval."""
    rows = (
        driver("review", "driver", 1, 3.0, 1.0, selected=True, label="Reviews $"),
        driver("_visit", "driver", 2, 4.0, 1.5, selected=True, basis="experiment"),
        driver("rare", "unverifiable", 3, 1.0, 500.0),
        driver("coupon", "harmful", 4, -5.0, 1.0, label="<b>Coupon</b>"),
        driver("label", "consequence", 5, None, None),
        driver("like", "vanity", 6, 0.01, 0.02),
    )
    curves = {
        "review": ResponseCurve(X, EFFECT, LOW, HIGH, 7.0, 2.0, 6.0, "log1p"),
        "_visit": ResponseCurve(X, EFFECT, LOW, HIGH, None, 2.0, 6.0, "log1p"),
        "coupon": ResponseCurve(
            X, *(tuple(-y for y in ys) for ys in (EFFECT, HIGH, LOW)), None, 1.0, 3.0, "log1p"
        ),
    }
    history = History(dt.date(2024, 1, 1), dt.date(2024, 12, 30))
    return RunRecord(
        name="shop",
        entity="company",
        currency="USD",
        created_at="2024-12-31T00:00:00+00:00",
        version="1",
        config={},
        windows=plan_windows(history, WindowsConfig(observation_days=28, outcome_days=28)),
        tables=(),
        n_entities=10,
        n_rows=20,
        metric=metric.to_dict(),
        evidence=DriverEvidence("driver", (), None, rows, responses=curves),
        evaluation={},
    )


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def texts(ax) -> list[str]:
    ax.figure.canvas.draw()
    return [text.get_text() for text in ax.texts]


def test_drivers_are_a_forest_plot(record):
    ax = plot_drivers(record)
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == [" _visit", r"Reviews \$", "<b>Coupon</b>", "rare", "label", "like"]
    assert texts(ax) == [
        "driver (tested)", "driver", "harmful", "unverifiable", "  no estimate", "consequence",
        "vanity",
    ]  # fmt: skip
    assert "per company over 56 days, USD, with 95% interval" in ax.get_xlabel()
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [to_hex(dot.get_markeredgecolor()).upper() for dot in dots] == [
        GOOD, GOOD, HARMFUL, NEUTRAL, NEUTRAL,
    ]  # fmt: skip
    filled = [to_hex(dot.get_markerfacecolor()) != "#ffffff" for dot in dots]
    assert filled == [True, True, False, False, False]


def test_a_wide_interval_ends_in_arrows(record):
    ax = plot_drivers(record)
    ax.figure.canvas.draw()
    assert ax.get_xlim()[1] < 20
    assert [line.get_marker() for line in ax.lines].count("<") == 1
    assert [line.get_marker() for line in ax.lines].count(">") == 1
    intervals = [line.get_xdata() for line in ax.lines if line.get_linestyle() == "-"]
    assert [2.5, 5.5] in [list(x) for x in intervals]


def test_ticks_are_amounts(record):
    ax = plot_drivers(record)
    ax.figure.canvas.draw()
    ticks = [tick.get_text() for tick in ax.get_xticklabels()]
    assert r"\$0" in ticks
    assert any(tick.startswith(r"−\$") for tick in ticks)
    assert len({tick.partition(".")[2] for tick in ticks}) == 1


def test_responses_have_a_panel_each(record):
    axes = plot_responses(record)
    assert [ax.get_title() for ax in axes] == [" _visit", r"Reviews \$", "<b>Coupon</b>"]
    colours = [to_hex(ax.lines[1].get_color()).upper() for ax in axes]
    assert colours == [GOOD, GOOD, HARMFUL]
    assert list(axes[1].lines[1].get_ydata()) == list(EFFECT)
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == [
        "median", "90th percentile", "stops paying",
    ]  # fmt: skip
    assert axes[0].get_ylabel() == "margin per company, USD"
    assert axes[2].get_xlabel() == "events in 84 days"


def test_responses_can_be_chosen_and_placed(record):
    figure, grid = pyplot.subplots(1, 2)
    axes = plot_responses(record, ax=grid, behaviours=["coupon"])
    assert list(axes) == [grid[0]]
    assert plot_responses(record, ax=grid[1], behaviours=["review"])[0] is grid[1]
    assert pyplot.get_fignums() == [figure.number]
    with pytest.raises(InputError, match=r"'coupons' has no response curve \(did you mean"):
        plot_responses(record, behaviours=["coupons"])
    with pytest.raises(InputError, match="3 behaviours need as many axes, found 2"):
        plot_responses(record, ax=grid)


def test_without_curves_in_currency_points_are_drawn(record):
    without = replace(record, evidence=replace(record.evidence, responses={}))
    axes = plot_responses(without)
    assert len(axes) == 2
    assert axes[0].get_ylabel() == "points of the score"
    assert max(axes[0].lines[0].get_ydata()) == pytest.approx(60.0)


def test_a_run_that_abstained_has_no_response_to_draw(record, metric):
    reason = "no behaviour passed every check"
    nothing = replace(
        record,
        metric=replace(metric, behaviours=(), reason=reason).to_dict(),
        evidence=DriverEvidence("driver", (), reason, ()),
    )
    for draw in (plot_drivers, plot_responses):
        with pytest.raises(InputError, match=f"run 'shop' has nothing to draw: {reason}"):
            draw(nothing)
    with pytest.raises(InputError, match="abstained"):
        plot_weights(nothing)
    assert f"No metric: {reason}" in summary_html(nothing)


def test_weights_are_bars_with_intervals(record, metric):
    for source in (record, metric):
        ax = plot_weights(source)
        assert [bar.get_width() for bar in ax.patches] == [40.0, 60.0]
        assert {to_hex(bar.get_facecolor()).upper() for bar in ax.patches} == {GOOD}
        assert [list(line.get_xdata()) for line in ax.lines] == [[30, 50], [50, 70]]
    _, given = pyplot.subplots()
    assert plot_weights(metric, ax=given) is given


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pl.Series])
def test_scores_are_a_distribution(record, kind):
    scores = [0.0, 0.0, 12.0, 30.0, float("nan"), 98.0]
    ax = plot_scores(kind(scores), record=record)
    assert ax.get_title() == "Scores of 5 companies"
    assert ax.get_ylabel() == "% of companies"
    assert texts(ax) == ["median 12\n40% score 0"]
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(100.0)
    assert len(ax.figure.axes) == 1


def test_scores_of_a_frame_are_drawn(record):
    frame = {"customer_id": ["a", "b"], "score": [10.0, None]}
    for each in (pd.DataFrame(frame), pl.DataFrame(frame), pl.LazyFrame(frame)):
        assert plot_scores(each, record=record).get_title() == "Scores of 1 companies"
    with pytest.raises(InputError, match="found no score"):
        plot_scores([], record=record)


def test_margin_by_score_is_drawn_if_it_is_known(record):
    scores = np.repeat(np.arange(10.0) * 10, 20)
    margin = scores * 2 + np.tile([-1.0, 1.0], 100)
    ax = plot_scores(scores, margin, record=record)
    right = ax.figure.axes[1]
    means = right.containers[0].lines[0]
    np.testing.assert_allclose(means.get_xdata(orig=False), np.arange(10) * 10)
    np.testing.assert_allclose(means.get_ydata(orig=False), np.arange(10) * 20)
    assert right.get_ylabel() == "mean margin over 56 days, USD"
    _, given = pyplot.subplots()
    assert plot_scores(scores, margin, record=record, ax=given) is given
    assert len(given.figure.axes) == 1


def test_the_table_shows_verdicts_weights_and_worth_escaped(record):
    html = summary_html(record)
    assert "&lt;b&gt;Coupon&lt;/b&gt;" in html
    assert "<b>Coupon" not in html
    for text in ("driver (tested)", "harmful", "60.0", "$4.00", "$2.50 to $5.50", "company"):
        assert text in html
    assert "http" not in html
    assert html.index("_visit") < html.index("Reviews $") < html.index("Coupon")
    many = tuple(driver(f"b{i}", "vanity", i, 0.0, 0.1) for i in range(20))
    long = replace(record, evidence=replace(record.evidence, drivers=many))
    assert "5 more behaviours are in drivers_" in summary_html(long)
