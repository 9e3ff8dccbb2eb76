"""Score tests agree with refits of the model that includes the regressor."""

from __future__ import annotations

import numpy as np
import pytest

from engagement_ml.drivers.estimation.fe_poisson import fit_poisson
from engagement_ml.drivers.validation.score_test import ScoreTest


@pytest.mark.parametrize("n_groups", [None, 3])
def test_one_step_estimates_agree_with_a_refit(n_groups) -> None:
    rng = np.random.default_rng(1)
    n, n_periods = 600, 25
    x = rng.poisson(1.0, (n, n_periods, 3)).astype(np.float32)
    z = (rng.poisson(1.0, (n, n_periods, 3)) + 0.3 * x[..., :1]).astype(np.float32)
    mean = rng.lognormal(size=(n, 1)) * np.exp(0.2 * x[..., 0] + 0.02 * z[..., 1])
    y = rng.poisson(mean).astype(float)
    at_risk = np.arange(n_periods)[None] >= rng.integers(0, 8, n)[:, None]
    group = None if n_groups is None else rng.integers(0, n_groups, n)
    tested = ScoreTest(y, x, at_risk, group).of(z)
    for k in range(3):
        refit = fit_poisson(y, np.concatenate([x, z[..., [k]]], axis=2), at_risk, group)
        error = refit.covariance[-1, -1] ** 0.5
        assert tested.coef[k] == pytest.approx(refit.coef[-1], abs=0.05 * error)
        assert tested.error[k] == pytest.approx(error, rel=0.1)


def test_what_the_model_holds_already_is_not_identified() -> None:
    rng = np.random.default_rng(2)
    x = rng.poisson(1.0, (300, 15, 2)).astype(np.float32)
    season = np.broadcast_to(np.arange(15, dtype=np.float32)[None, :, None], (300, 15, 1))
    level = np.broadcast_to(rng.random((300, 1, 1)).astype(np.float32), (300, 15, 1))
    test = ScoreTest(rng.poisson(1.0, (300, 15)).astype(float), x, np.ones((300, 15), bool))
    result = test.of(np.concatenate([x[..., :1], season, level], axis=2))
    assert result.z.tolist() == [0.0, 0.0, 0.0]
