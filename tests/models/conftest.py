from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engagement_ml.features.panel import Panel
from engagement_ml.windows import DAY, History, Windows

BEHAVIOURS = ("lesson", "page view [ä]", "like")
HISTORY = tuple(
    f"history__{name}"
    for name in ("recency_days", "frequency", "monetary_value", "tenure_days", "past_margin")
)
START = dt.date(2024, 1, 1)


def make_windows(n_train: int = 4, n_test: int = 4, *, days: int = 84) -> Windows:
    """Cutoffs every 28 days; training outcomes are over before the first test cutoff."""
    first_test = START + (n_train * 28 + 2 * days - 28) * DAY
    train = tuple(START + (days + 28 * k) * DAY for k in range(n_train))
    test = tuple(first_test + 28 * k * DAY for k in range(n_test))
    last = (test or train)[-1]
    return Windows(
        observation_days=days,
        outcome_days=days,
        gap_days=0,
        train=train,
        test=test,
        fit_until=first_test,
        history=History(START, last + days * DAY),
    )


def make_panel(
    n: int = 400,
    *,
    seed: int = 0,
    windows: Windows | None = None,
    effect: float = 8.0,
    tail: float = 1.0,
) -> Panel:
    """Lessons raise margin; an affinity raises likes, views and margin; baskets are skewed."""
    rng = np.random.default_rng(seed)
    windows = windows or make_windows()
    affinity = rng.gamma(1.0, 1.0, n)
    city = rng.choice(["Ghent", "Lyon", "Turin"], n)
    joined = rng.uniform(-400, 230, n)
    past = np.zeros(n)
    parts = []
    for cutoff in windows.cutoffs:
        lesson = rng.poisson(2.0, n).astype(float)
        view = rng.poisson(3 * affinity).astype(float)
        like = rng.poisson(affinity).astype(float)
        orders = rng.poisson(0.4 * affinity + 0.1 * lesson)
        baskets = np.exp(rng.normal(0, tail, n)) * effect
        returned = rng.random(n) < 0.05
        margin = orders * baskets * np.where(returned, -0.5, 1.0)
        days = (cutoff - START).days
        bought = past != 0
        frame = pd.DataFrame(
            {
                "customer_id": [f"c{i:05d}" for i in range(n)],
                "cutoff": pd.Timestamp(cutoff).as_unit("us"),
                "part": "train" if cutoff in windows.train else "test",
            }
        )
        for name, counts in zip(BEHAVIOURS, (lesson, view, like), strict=True):
            frame[f"{name}__frequency"] = counts
            frame[f"{name}__recency_days"] = np.where(counts > 0, rng.uniform(0, 84, n), np.nan)
        frame["history__recency_days"] = np.where(bought, rng.uniform(0, 84, n), np.nan)
        frame["history__frequency"] = np.where(bought, rng.poisson(affinity) + 1.0, 0.0)
        frame["history__monetary_value"] = np.where(bought, past, np.nan)
        frame["history__tenure_days"] = days - joined
        frame["history__past_margin"] = past
        frame["covariate__city"] = pd.Categorical(city)
        frame["covariate__age"] = 20 + 50 * rng.random(n)
        frame["margin"] = margin
        frame["gain"], frame["loss"] = np.maximum(margin, 0), np.maximum(-margin, 0)
        frame["transactions"] = orders.astype(float)
        at_risk = rng.random(n) < 0.9
        frame["churned"] = np.where(at_risk, (orders == 0).astype(float), np.nan)
        parts.append(frame[frame["history__tenure_days"] > 0])
        past = margin
    return Panel(
        frame=pd.concat(parts, ignore_index=True),
        behaviours=BEHAVIOURS,
        behaviour_features={b: (f"{b}__frequency", f"{b}__recency_days") for b in BEHAVIOURS},
        history_features=HISTORY,
        covariates=("covariate__city", "covariate__age"),
        segments=(),
    )


@pytest.fixture
def windows() -> Windows:
    return make_windows()


@pytest.fixture(scope="session")
def panel() -> Panel:
    return make_panel()


@pytest.fixture(scope="session")
def panel_factory() -> Callable[..., Panel]:
    return make_panel


@pytest.fixture(scope="session")
def windows_factory() -> Callable[..., Windows]:
    return make_windows


@pytest.fixture(scope="session")
def with_frame() -> Callable[..., Panel]:
    """Return the panel with some columns of its frame replaced."""

    def change(panel: Panel, **columns: object) -> Panel:
        return replace(panel, frame=panel.frame.assign(**columns))

    return change
