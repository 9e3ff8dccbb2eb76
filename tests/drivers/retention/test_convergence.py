"""The hazard says whether it converged, and which columns are separated."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.retention import discrete_hazard
from engagement_ml.drivers.retention.discrete_hazard import fit_hazard, logistic


def drawn(seed: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3)).astype(np.float32)
    return rng.random(n) < logistic(x @ [1.0, -0.5, 0.0] - 2), x


def test_a_regular_fit_converges_at_the_maximum() -> None:
    event, x = drawn(0)
    fit = fit_hazard(event, x, np.arange(event.size), event.size)
    assert fit.converged
    assert not fit.separated.any()
    score = x.T @ (event - fit.probability)
    assert np.abs(score).max() < 0.1


def test_a_separated_column_is_said_and_has_no_influence() -> None:
    event, x = drawn(1)
    x[:, 2] = np.where(event, 0.0, np.arange(event.size) % 40 == 0)  # never before an event
    fit = fit_hazard(event, x, np.arange(event.size), event.size)
    assert fit.converged
    assert fit.separated.tolist() == [False, False, True]
    assert not fit.influence[:, 2].any()
    assert abs(fit.coef[0] - 1.0) < 4 * fit.std_error[0]


def test_constant_and_collinear_columns_are_not_identified() -> None:
    event, x = drawn(2)
    x[:, 2] = 3.0
    fit = fit_hazard(event, x, np.arange(event.size), event.size)
    assert fit.separated.tolist() == [False, False, True]


def test_too_few_steps_are_said(monkeypatch: pytest.MonkeyPatch, estimated) -> None:
    event, x = drawn(3)
    monkeypatch.setattr(discrete_hazard, "MAX_ITERATIONS", 2)
    assert not fit_hazard(event, x, np.arange(event.size), event.size).converged


def test_steps_that_overshoot_are_halved() -> None:
    """A rare event and one extreme row: a full Newton step lowers the likelihood."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((4000, 1)).astype(np.float32)
    x[0] = 500.0
    event = np.zeros(4000, dtype=bool)
    event[:5] = True
    fit = fit_hazard(event, x, np.arange(4000), 4000)
    assert fit.converged
    assert np.isfinite(fit.coef).all()
