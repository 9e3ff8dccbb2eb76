from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from engagement_ml.errors import NotEnoughDataError
from engagement_ml.features.panel import Panel
from engagement_ml.models import ChurnModel, RecencyFrequencyMonetaryChurn
from engagement_ml.models.churn import platt


@pytest.fixture(scope="module")
def model(panel, windows_factory):
    return ChurnModel().fit(panel, seed=0, windows=windows_factory())


def simulated_panel(n: int, seed: int) -> tuple[Panel, np.ndarray]:
    """Two training cutoffs and a test one, and every row's true probability of churn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3 * n, 6))
    truth = expit(-1.5 + 1.2 * x[:, 0] - 0.8 * x[:, 1])
    names = tuple(f"b__x{k}" for k in range(6))
    frame = pd.DataFrame(x, columns=list(names)).assign(
        customer_id=np.tile(np.arange(n), 3),
        cutoff=pd.to_datetime(np.repeat(["2024-01-29", "2024-04-22", "2024-07-15"], n)),
        part=np.repeat(["train", "train", "test"], n),
        margin=0.0,
        churned=(rng.random(3 * n) < truth).astype(float),
    )
    return Panel(frame, ("b",), {"b": names}, ()), truth[2 * n :]


def test_probabilities_are_calibrated_and_order_as_the_truth_does():
    panel, truth = simulated_panel(3000, seed=0)
    test = panel.part("test")
    found = ChurnModel().fit(panel, seed=0).predict(test)
    churned = test.frame["churned"]
    assert roc_auc_score(churned, found) > roc_auc_score(churned, truth) - 0.02
    assert np.abs(found - truth).mean() < 0.05
    for part in np.array_split(np.argsort(found), 5):
        assert found[part].mean() == pytest.approx(truth[part].mean(), abs=0.03)


def test_rows_not_at_risk_are_not_used(panel, with_frame, model, windows_factory):
    out = panel.frame["churned"].isna()
    assert 0 < out.sum() < len(out)
    changed = with_frame(panel, like__frequency=panel.frame["like__frequency"].where(~out, 1e6))
    again = ChurnModel().fit(changed, seed=0, windows=windows_factory())
    assert again.to_text() == model.to_text()
    assert model.n_rows_ == (~out & (panel.frame["part"] == "train")).sum()
    assert len(model.predict(panel)) == len(panel.frame)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_class_gives_the_rate_and_a_reason(panel, with_frame, value):
    fitted = ChurnModel().fit(with_frame(panel, churned=value), seed=0)
    assert (fitted.predict(panel) == value).all()
    assert "needs at least 20 that did and 20 that did not" in fitted.reason_
    assert fitted.boosters == {}
    loaded = ChurnModel.from_text(fitted.to_text())
    assert (loaded.predict(panel) == value).all()
    assert loaded.reason_ == fitted.reason_


def test_too_few_of_a_class_gives_the_rate(panel, with_frame):
    few = with_frame(panel, churned=(np.arange(len(panel.frame)) < 19).astype(float))
    fitted = ChurnModel().fit(few, seed=0)
    n_train = (panel.frame["part"] == "train").sum()
    assert fitted.reason_.startswith(f"19 of {n_train} training rows")
    np.testing.assert_array_equal(fitted.predict(panel), 19 / n_train)
    contributions = fitted.contributions(panel)
    np.testing.assert_allclose(expit(contributions.sum(axis=1)), 19 / n_train)
    assert (contributions.drop(columns="base") == 0).all(axis=None)


def test_without_rows_at_risk_the_prediction_is_nan(panel, with_frame):
    fitted = ChurnModel().fit(with_frame(panel, churned=np.nan), seed=0)
    assert np.isnan(fitted.predict(panel)).all()
    assert "at risk" in fitted.reason_
    assert np.isnan(ChurnModel.from_text(fitted.to_text()).base_rate_)


def test_no_training_rows(panel):
    with pytest.raises(NotEnoughDataError, match="no rows to train on"):
        ChurnModel().fit(panel.part("test"))


def test_text_loads_and_predicts_the_same(panel, model, windows_factory):
    text = model.to_text()
    loaded = ChurnModel.from_text(text)
    assert (loaded.predict(panel) == model.predict(panel)).all()
    assert loaded.to_text() == text
    assert ChurnModel().fit(panel, seed=0, windows=windows_factory()).to_text() == text
    assert set(model.boosters) == {"churn"}


def test_contributions_add_up_in_log_odds(panel, model):
    total = model.contributions(panel).sum(axis=1)
    np.testing.assert_allclose(total, logit(model.predict(panel)), rtol=1e-5, atol=1e-9)


def test_the_baseline_uses_no_other_features(panel, with_frame):
    baseline = RecencyFrequencyMonetaryChurn().fit(panel, seed=0)
    blind = with_frame(panel, lesson__frequency=0.0, history__past_margin=1.0)
    np.testing.assert_array_equal(baseline.predict(panel), baseline.predict(blind))


def test_one_customer(panel):
    one = replace(panel, frame=panel.frame[panel.frame["customer_id"] == "c00001"])
    assert ChurnModel().fit(one, seed=0).reason_ is not None


def test_platt_scaling_corrects_overconfidence():
    rng = np.random.default_rng(0)
    true = rng.normal(-1, 1, 20_000)
    churned = (rng.random(20_000) < expit(true)).astype(float)
    intercept, slope = platt(2 * true + 1, churned)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(-0.5, abs=0.06)
    assert platt(-true, churned) == (0.0, 1.0)
    assert platt(np.zeros(20_000), churned) == (0.0, 1.0)
    assert platt(true[:10], churned[:10]) == (0.0, 1.0)
