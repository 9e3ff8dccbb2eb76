"""Fixed-effects Poisson: agreement with pyfixest, invariances, separation and collinearity."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engagement_ml.drivers.estimation import profiled_poisson
from engagement_ml.drivers.estimation.fe_poisson import PoissonFit, fit_poisson
from engagement_ml.drivers.estimation.profiled_poisson import ProfiledPoisson

TRUE = np.array([0.2, -0.1, 0.0])


@dataclass(frozen=True)
class Design:
    y: Any
    x: Any
    at_risk: Any
    group: Any = None

    def fit(self) -> PoissonFit:
        return fit_poisson(self.y, self.x, self.at_risk, self.group)


def draw(seed: int = 0, n: int = 250, n_periods: int = 14) -> Design:
    """Simulate y confounded by entity size, overdispersed and not an integer."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(size=(n, 1))
    x = rng.poisson(1.0 + 0.5 * size[..., None], (n, n_periods, 3)).astype(np.float32)
    season = np.sin(np.arange(n_periods))
    mean = size * np.exp(x @ TRUE + season)
    y = rng.poisson(mean) * rng.lognormal(size=mean.shape)
    return Design(y, x, np.ones((n, n_periods), dtype=bool))


def plain() -> Design:
    return draw()


def unbalanced() -> Design:
    d = draw(1)
    rng = np.random.default_rng(9)
    at_risk = rng.random(d.y.shape) < 0.8
    # Values outside the sample must not matter.
    return Design(np.where(at_risk, d.y, 777.0), d.x, at_risk)


def silent_entities() -> Design:
    d = draw(2)
    y = d.y.copy()
    y[::5] = 0.0
    return Design(y, d.x, d.at_risk)


def silent_period() -> Design:
    d = draw(3)
    y = d.y.copy()
    y[:, 4] = 0.0
    return Design(y, d.x, d.at_risk)


def grouped() -> Design:
    d = draw(4)
    group = np.arange(d.y.shape[0]) % 3
    swing = np.exp(np.outer(group - 1.0, np.cos(np.arange(d.y.shape[1]))))
    return Design(d.y * swing, d.x, d.at_risk, group)


def everything() -> Design:
    d, u = grouped(), unbalanced()
    y = d.y.copy()
    y[::7] = 0.0
    y[np.asarray(d.group) == 1, 6] = 0.0
    return Design(y, d.x, u.at_risk, d.group)


def fit_pyfixest(d: Design) -> tuple[Any, Any]:
    """Fit by pyfixest: coefficients and clustered covariance, without small-sample factors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyfixest as pf

        entity, period = np.nonzero(d.at_risk)
        code = np.zeros(d.y.shape[0], dtype=int) if d.group is None else np.asarray(d.group)
        columns = {f"x{k}": d.x[entity, period, k].astype(float) for k in range(d.x.shape[2])}
        frame = pd.DataFrame(
            {
                "y": d.y[entity, period],
                "entity": entity,
                "when": code[entity] * 1000 + period,
                **columns,
            }
        )
        model = pf.fepois(
            f"y ~ {' + '.join(columns)} | entity + when",
            frame,
            vcov={"CRV1": "entity"},
            ssc=pf.ssc(k_adj=False, G_adj=False),
            iwls_tol=1e-10,
        )
        return model.coef().to_numpy(), np.asarray(model._vcov)


@pytest.mark.parametrize(
    "make", [plain, unbalanced, silent_entities, silent_period, grouped, everything]
)
def test_agrees_with_pyfixest(make) -> None:
    design = make()
    fit = design.fit()
    coef, covariance = fit_pyfixest(design)
    assert fit.converged
    np.testing.assert_allclose(fit.coef, coef, atol=1e-6)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-4, atol=1e-9)


def test_entity_effects_remove_confounding_of_pooled_least_squares() -> None:
    design = draw(5, n=800)
    pooled = np.linalg.lstsq(
        np.column_stack([np.ones(design.y.size), design.x.reshape(-1, 3)]),
        np.log1p(design.y).ravel(),
        rcond=None,
    )[0][1:]
    fit = design.fit()
    error = np.sqrt(np.diag(fit.covariance))
    assert abs(pooled[2] - TRUE[2]) > 0.05
    assert (np.abs(fit.coef - TRUE) < 4 * error).all()


def test_clustered_errors_are_right_under_serial_correlation() -> None:
    """The standard deviation of coefficients over many draws equals their standard error."""
    estimates = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = rng.poisson(1.0, (80, 10, 1)).astype(np.float32)
        lasting = np.cumsum(0.4 * rng.standard_normal((80, 10)), axis=1)
        y = rng.poisson(2 * np.exp(0.1 * x[..., 0] + lasting)).astype(float)
        fit = fit_poisson(y, x, np.ones((80, 10), dtype=bool))
        estimates.append((fit.coef[0], fit.covariance[0, 0] ** 0.5))
    coef, error = np.array(estimates).T
    assert coef.std() == pytest.approx(error.mean(), rel=0.25)
    assert np.mean(np.abs(coef - 0.1) < 1.96 * error) > 0.85


def test_order_of_entities_does_not_matter() -> None:
    d = everything()
    order = np.random.default_rng(0).permutation(d.y.shape[0])
    other = Design(d.y[order], d.x[order], d.at_risk[order], d.group[order]).fit()
    fit = d.fit()
    np.testing.assert_allclose(other.coef, fit.coef, atol=3e-7)
    np.testing.assert_allclose(other.influence, fit.influence[order], atol=3e-7)


def test_size_of_blocks_does_not_matter(monkeypatch) -> None:
    whole = everything().fit()
    monkeypatch.setattr(profiled_poisson, "BLOCK_CELLS", 14 * 3 * 17)
    parts = everything().fit()
    np.testing.assert_allclose(parts.coef, whole.coef, atol=3e-7)
    np.testing.assert_allclose(parts.influence, whole.influence, atol=3e-7)


def test_fits_are_bitwise_repeatable() -> None:
    first, second = everything().fit(), everything().fit()
    assert first.coef.tobytes() == second.coef.tobytes()
    assert first.influence.tobytes() == second.influence.tobytes()


@pytest.mark.parametrize("factor", [1e-3, 1e4])
def test_scale_of_y_does_not_matter(factor: float) -> None:
    d = unbalanced()
    other = Design(d.y * factor, d.x, d.at_risk).fit()
    np.testing.assert_allclose(other.coef, d.fit().coef, atol=1e-7)
    np.testing.assert_allclose(other.covariance, d.fit().covariance, rtol=1e-4)


def test_scale_of_x_divides_its_coefficient() -> None:
    d = unbalanced()
    factors = np.array([1e-4, 1.0, 1e5], dtype=np.float32)
    fit, other = d.fit(), Design(d.y, d.x * factors, d.at_risk).fit()
    np.testing.assert_allclose(other.coef * factors, fit.coef, atol=1e-6)
    np.testing.assert_allclose(other.influence * factors, fit.influence, atol=1e-6)


def test_entity_levels_and_seasons_do_not_matter() -> None:
    d = plain()
    level = np.random.default_rng(3).lognormal(size=(d.y.shape[0], 1))
    season = np.exp(np.linspace(-1, 1, d.y.shape[1]))
    # An entity's level changes its weight, so the estimate is equal within its error only.
    same = Design(d.y, d.x, d.at_risk).fit()
    shifted = Design(d.y, d.x + 3.0, d.at_risk).fit()
    np.testing.assert_allclose(shifted.coef, same.coef, atol=1e-6)
    moved = Design(d.y * level * season, d.x, d.at_risk).fit()
    error = np.sqrt(np.diag(moved.covariance))
    assert (np.abs(moved.coef - TRUE) < 4 * error).all()


def test_removing_an_entity_changes_the_estimate_by_its_influence() -> None:
    d = plain()
    fit = d.fit()
    largest = int(np.abs(fit.influence[:, 0]).argmax())
    keep = np.arange(d.y.shape[0]) != largest
    without = Design(d.y[keep], d.x[keep], d.at_risk[keep]).fit()
    moved = fit.coef - without.coef
    np.testing.assert_allclose(moved, fit.influence[largest], rtol=0.5, atol=2e-3)
    assert np.sign(moved[0]) == np.sign(fit.influence[largest, 0])


def test_entities_without_y_have_no_influence() -> None:
    fit = silent_entities().fit()
    assert fit.n_entities == 200
    assert not fit.influence[::5].any()
    assert fit.influence[1].any()


def same_for_all(d: Design) -> Any:
    """A message that all entities get in the same periods."""
    return np.repeat((np.arange(d.y.shape[1]) % 4 == 0)[None], d.y.shape[0], axis=0)


def own_level(d: Design) -> Any:
    """A constant count that differs between entities."""
    return np.repeat(np.arange(d.y.shape[0])[:, None] % 5, d.y.shape[1], axis=1)


def constant(d: Design) -> Any:
    return np.full(d.y.shape, 2.0)


def never(d: Design) -> Any:
    return np.zeros(d.y.shape)


@pytest.mark.parametrize("make", [same_for_all, own_level, constant, never])
def test_regressors_without_within_variation_are_left_out(make) -> None:
    d = plain()
    more = np.concatenate([d.x, make(d)[..., None].astype(np.float32)], axis=2)
    fit, without = Design(d.y, more, d.at_risk).fit(), d.fit()
    assert fit.converged
    np.testing.assert_allclose(fit.coef[:3], without.coef, atol=1e-6)
    np.testing.assert_allclose(fit.influence[:, :3], without.influence, atol=1e-6)
    assert fit.coef[3] == 0
    assert not fit.influence[:, 3].any()


def test_collinear_regressors_are_not_identified() -> None:
    """A total together with its parts."""
    d = plain()
    more = np.concatenate([d.x, d.x[..., :1] + d.x[..., 1:2]], axis=2)
    fit = Design(d.y, more, d.at_risk).fit()
    assert fit.converged
    assert not fit.coef[[0, 1, 3]].any()
    assert not fit.influence[:, [0, 1, 3]].any()
    np.testing.assert_allclose(fit.coef[2], d.fit().coef[2], atol=1e-6)


@pytest.mark.parametrize("n_events", [1, 6])
def test_separated_rare_events_are_not_estimated(n_events: int) -> None:
    """Their maximum likelihood estimate is minus infinity, which is no evidence of harm."""
    d = plain()
    rare = np.zeros((*d.y.shape, 1), dtype=np.float32)
    rare[np.arange(n_events) * 3, np.arange(n_events) + 4] = 1.0
    y = np.where(rare[..., 0] > 0, 0.0, d.y)
    fit = Design(y, np.concatenate([d.x, rare], axis=2), d.at_risk).fit()
    assert fit.converged
    assert fit.coef[3] == 0
    assert not fit.influence[:, 3].any()
    assert fit.coef[0] == pytest.approx(0.2, abs=0.1)


def test_perfect_separation_is_not_estimated() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (100, 10, 1)).astype(np.float32)
    y = np.where(x[..., 0] > 0, rng.poisson(3.0, (100, 10)) + 1.0, 0.0)
    fit = fit_poisson(y, x, np.ones(y.shape, dtype=bool))
    assert fit.coef[0] == 0
    assert not fit.influence.any()


@pytest.mark.parametrize("n_with", [0, 1])
def test_too_few_entities_with_y_give_no_estimate(n_with: int) -> None:
    d = plain()
    y = np.zeros_like(d.y)
    y[:n_with] = 1.0
    fit = Design(y, d.x, d.at_risk).fit()
    assert not fit.converged
    assert fit.n_entities == n_with
    assert not fit.coef.any()
    assert not fit.covariance.any()


def test_counts_that_nearly_determine_the_outcome_converge() -> None:
    """Two behaviours that follow orders within the same period made Newton's steps run away."""
    rng = np.random.default_rng(8)
    n, n_periods = 1500, 36
    stock = np.zeros((n, n_periods))
    driver = rng.poisson(0.4, (n, n_periods))
    for t in range(1, n_periods):
        stock[:, t] = 0.5 * stock[:, t - 1] + driver[:, t - 1]
    orders = rng.poisson(0.15 * (1 + 0.3 * stock))
    followers = [rng.poisson(rate * orders) for rate in (1.6, 0.9)]
    x = np.stack([stock, *followers], axis=2).astype(np.float32)
    y = orders * rng.lognormal(0.0, 0.6, orders.shape)
    fit = fit_poisson(y, x, np.ones((n, n_periods), dtype=bool))
    assert fit.converged
    assert np.isfinite(fit.covariance).all()
    assert (np.abs(fit.coef) < 5).all()


def test_each_newton_step_raises_the_likelihood() -> None:
    """The maximum is that of an independent optimiser, from a start where full steps overshoot."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(4)
    x = rng.exponential(1.0, (200, 12, 1)).astype(np.float32) ** 3
    y = rng.poisson(np.exp(0.05 * np.minimum(x[..., 0], 60))).astype(float)
    at_risk = np.ones(y.shape, dtype=bool)
    fit = fit_poisson(y, x, at_risk)
    model = ProfiledPoisson(y, x, at_risk)
    start = model.start_values()
    free = [0, *range(1, 12)]

    def negative(part):
        theta = start.copy()
        theta[free] = part
        return -model.log_likelihood(theta)

    best = minimize(negative, start[free], method="Powell", options={"xtol": 1e-8, "ftol": 1e-12})
    assert fit.converged
    assert fit.coef[0] * model.scale[0] == pytest.approx(best.x[0], rel=0.02)


def test_a_fit_without_data_has_not_converged() -> None:
    y = np.zeros((5, 6))
    y[0, 2] = 1.0
    fit = fit_poisson(y, np.ones((5, 6, 2), dtype=np.float32), np.ones((5, 6), dtype=bool))
    assert not fit.converged
