"""Links to margin: when one is lost, when it holds, and when nothing can be said."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods
from engagement_ml.lifecycle.monitoring.link_estimates import (
    LinkEstimate,
    LinkWindows,
    estimate_links,
)
from engagement_ml.lifecycle.monitoring.links import PREDICTS, link_rows, place_windows
from engagement_ml.lifecycle.monitoring.rank_links import estimate_rank_links
from engagement_ml.lifecycle.monitoring.spending import Look, error_at, latest_look
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

DAY = dt.date(2024, 1, 1)
SPANS = Spans(7, 4, 4, 0)
FITTED, WEEKS = 30, 46


def metric() -> EngagementMetric:
    curve = Transform("log1p", scale=3.0, shape=None, cap=12.0)
    rows = [
        WeightedBehaviour(name, weight, None, None, "frequency", "events", curve)
        for name, weight in (("call", 60), ("visit", 40))
    ]
    return EngagementMetric("shop", "driver", 28, 28, tuple(rows))


def shop(stops: int, leaving: bool = False) -> Periods:
    """800 customers; calls move margin until week `stops`, visits do all the time.

    If customers are `leaving`, 2% of them do nothing any more from each week on.
    """
    rng = np.random.default_rng(5)
    n = 800
    counts = rng.poisson(rng.gamma(2.0, 0.6, (n, 1, 2)), (n, WEEKS, 2)).astype(np.float32)
    here = np.arange(WEEKS) < rng.geometric(0.02 if leaving else 1e-9, (n, 1))
    counts *= here[..., None]
    past = np.zeros((n, WEEKS, 2))
    for lag in range(1, 5):
        past[:, lag:] += counts[:, :-lag]
    acting = np.arange(WEEKS) < stops
    season = 0.5 * np.sin(np.arange(WEEKS) / 8)
    effect = 0.5 * np.log1p(past[..., 0] / 3) * acting + 0.4 * np.log1p(past[..., 1] / 3)
    size = rng.normal(0, 0.5, (n, 1))
    gain = rng.poisson(np.exp(size + season + effect) * here) * rng.lognormal(2, 0.5, (n, WEEKS))
    return Periods(
        entities=np.arange(n),
        behaviours=("call", "visit"),
        period_days=7,
        start=DAY,
        until=DAY + dt.timedelta(7 * WEEKS),
        counts=counts,
        gain=gain,
        loss=np.zeros_like(gain),
        orders=(gain > 0).astype(np.float32),
        entry=np.zeros(n, dtype=np.int32),
        exit=np.full(n, WEEKS, dtype=np.int32),
        segments={},
    )


def rows_of(periods: Periods, look: int = 3):
    fit_until = DAY + dt.timedelta(7 * FITTED)
    windows = place_windows(periods, SPANS, fit_until, Look(look, periods.until))
    assert windows == LinkWindows(4, FITTED, WEEKS - 8, WEEKS)
    rows = link_rows(estimate_links(periods, metric(), SPANS, windows), Look(look, DAY), DAY)
    return {row.subject: row for row in rows}


def test_a_driver_that_stops_working_is_found_and_the_other_keeps_its_link():
    rows = rows_of(shop(stops=WEEKS - 8))
    assert rows["call"].status == "alarm"
    assert abs(rows["call"].value) < 0.35
    assert "train again" in rows["call"].sentence
    assert rows["visit"].status == "ok"


def test_customers_who_leave_do_not_hide_that_a_link_is_lost():
    rows = rows_of(shop(stops=WEEKS - 8, leaving=True))
    assert rows["call"].status == "alarm"
    held = rows_of(shop(stops=WEEKS, leaving=True))
    assert {row.status for row in held.values()} <= {"ok", "unknown"}


def test_links_hold_through_a_season():
    rows = rows_of(shop(stops=WEEKS))
    assert set(rows) == {"call", "visit", "score"}
    assert {row.status for row in rows.values()} == {"ok"}
    assert all(0.6 < row.value < 1.4 for row in rows.values())


def test_it_says_that_little_data_cannot_tell():
    small = shop(stops=WEEKS)
    few = replace(
        small,
        **{
            name: getattr(small, name)[:60]
            for name in ("entities", "counts", "gain", "loss", "orders", "entry", "exit")
        },
    )
    row = rows_of(few)["call"]
    assert row.status == "unknown"
    assert "cannot" in row.sentence


def test_a_fit_without_convergence_or_link_gives_no_number():
    good = LinkEstimate("call", 0.5, 0.5, 0.05, 0.06, True)
    for bad in (replace(good, converged=False), replace(good, trained_error=0.4)):
        (row,) = link_rows([bad], Look(0, DAY), DAY)
        assert (row.status, row.value) == ("unknown", None)


def test_the_links_of_an_indicator_are_rank_correlations():
    periods = shop(stops=WEEKS)
    windows = LinkWindows(4, FITTED, WEEKS - 8, WEEKS)
    held = estimate_rank_links(periods, metric(), SPANS, windows)
    assert [estimate.subject for estimate in held] == ["call", "visit", "score"]
    rows = link_rows(held, Look(3, DAY), DAY, link=PREDICTS, titles={"call": "Calls"})
    assert {row.status for row in rows} == {"ok"}
    assert rows[0].sentence.startswith("Calls: its rank correlation with later margin holds")
    # Later margin goes to customers at random, so that ranks have nothing in common.
    gain = periods.gain.copy()
    gain[:, WEEKS - 9 :] = np.random.default_rng(0).permutation(gain[:, WEEKS - 9 :])
    lost = estimate_rank_links(replace(periods, gain=gain), metric(), SPANS, windows)
    assert {row.status for row in link_rows(lost, Look(3, DAY), DAY)} == {"alarm"}


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (DAY + dt.timedelta(7 * 25), "give the history that the model was trained on"),
        (DAY, "must pass until one outcome window has matured"),
    ],
)
def test_a_history_too_short_on_either_side_says_what_is_missing(start, reason):
    periods = replace(shop(stops=WEEKS), start=start)
    fit_until = DAY + dt.timedelta(7 * (FITTED if start > DAY else WEEKS - 2))
    found = place_windows(periods, SPANS, fit_until, Look(0, periods.until))
    assert isinstance(found, str)
    assert reason in found


@given(st.floats(0.0001, 0.2), st.integers(1, 8), st.integers(1, 400))
def test_the_error_spent_over_all_looks_never_exceeds_the_total(total, n_tests, looks):
    spent = n_tests * sum(error_at(k, total, n_tests) for k in range(looks))
    assert spent <= total * (1 + 1e-12)


@given(st.integers(-50, 900), st.integers(1, 365))
def test_daily_runs_share_a_look(days, outcome_days):
    until = DAY + dt.timedelta(days)
    look = latest_look(DAY, until, outcome_days)
    assert look.until <= until
    assert look == latest_look(DAY, max(look.until, until), outcome_days)
    if days >= 0:
        assert (until - look.until).days < max(1, outcome_days // 3)


@given(st.floats(0.01, 3), st.floats(-3, 3), st.floats(0.001, 1), st.integers(0, 100))
def test_less_of_a_link_never_looks_better(trained, recent, error, look):
    order = {"alarm": 0, "warning": 1, "unknown": 2, "ok": 2}
    estimates = [
        LinkEstimate("call", trained, value, trained / 10, error, True)
        for value in (recent - 0.5, recent)
    ]
    worse, better = link_rows(estimates, Look(look, DAY), DAY)
    assert order[worse.status] <= order[better.status]
