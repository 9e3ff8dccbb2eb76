"""The model follows scikit-learn's parameter protocol."""

from __future__ import annotations

import inspect
import pickle
from typing import get_type_hints

import pytest
import sklearn.exceptions
import sklearn.utils.estimator_checks
import yaml
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

import engagement_ml as em
from engagement_ml.config import PipelineConfig, WindowsConfig
from engagement_ml.workflow.parameters import ConfigKeys


def test_parameters_are_the_keys_of_the_configuration():
    names = list(inspect.signature(em.EngagementModel).parameters)
    assert names[0] == "config"
    assert set(names[1:-1]) == set(PipelineConfig.model_fields) == set(get_type_hints(ConfigKeys))
    assert list(em.EngagementModel().get_params(deep=False)) == names[:-1]


@pytest.mark.parametrize(
    "check",
    [
        "check_parameters_default_constructible",
        "check_no_attributes_set_in_init",
        "check_get_params_invariance",
        "check_set_params",
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_valid_tag_types",
    ],
)
def test_checks_of_scikit_learn_pass(check):
    """The checks that need no numeric X; those of later versions are skipped in earlier ones."""
    run = getattr(sklearn.utils.estimator_checks, check, None)
    if run is None:
        pytest.skip("not in this version of scikit-learn")
    run("EngagementModel", em.EngagementModel())


def test_parameters_are_stored_unchanged():
    windows, segments = {"observation_days": 56}, ["region"]
    model = em.EngagementModel(name="shop", windows=windows, segments=segments, sample=None)
    params = model.get_params(deep=False)
    assert params["windows"] is windows
    assert params["segments"] is segments
    assert params["sample"] is None
    assert params["config"] is None
    assert model.get_params()["windows__observation_days"] == 56


def test_a_clone_has_the_same_parameters_and_is_not_fitted(model):
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert copy.config == model.config
    check_is_fitted(model)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(copy)
    config = PipelineConfig(name="shop")
    assert clone(em.EngagementModel(config, random_seed=3)).config.random_seed == 3


def test_what_is_not_fitted_raises_an_error_that_both_packages_catch():
    fresh = em.EngagementModel(name="shop")
    assert not hasattr(fresh, "metric_")
    for kind in (em.NotFittedError, em.EngagementError, sklearn.exceptions.NotFittedError):
        with pytest.raises(kind, match=r"not fitted yet; call fit\("):
            fresh.explain()
    error = pickle.loads(pickle.dumps(em.NotFittedError("not fitted")))
    assert isinstance(error, em.NotFittedError)
    assert error.args == ("not fitted",)
    with pytest.raises(em.NotFittedError):
        fresh.plot_drivers()


def test_nested_parameters_are_set_by_path():
    model = em.EngagementModel(windows={"gap_days": 7}, engine="duckdb", sample=50_000)
    given = model.get_params(deep=False)["windows"]
    assert model.set_params(windows__observation_days=56, random_seed=4) is model
    assert model.config.windows.observation_days == 56
    assert model.config.windows.gap_days == 7
    assert given == {"gap_days": 7}
    assert model.config.random_seed == 4
    model.set_params(
        windows=WindowsConfig(every_days=14),
        windows__outcome_days=28,
        columns__events__customer_id="user_id",
        behaviours__visit__label="Visit",
        engine__memory="2GB",
        sample__customers=1000,
        tracking__register=False,
    )
    config = model.config
    assert (config.windows.every_days, config.windows.outcome_days) == (14, 28)
    assert config.windows.observation_days == 84
    assert config.columns == {"events": {"customer_id": "user_id"}}
    assert config.label("visit") == "Visit"
    assert (config.engine.kind, config.engine.memory) == ("duckdb", "2GB")
    assert config.sample.customers == 1000
    assert not config.tracking.register_


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"windw": {}}, r"unknown parameter 'windw' \(did you mean 'windows'\?\)"),
        ({"windows__gap": 1}, r"unknown key 'gap' in 'windows__gap' \(did you mean 'gap_days'\?\)"),
        ({"name__first": "a"}, "parameter 'name' holds no keys"),
    ],
)
def test_an_unknown_parameter_cannot_be_set(params, message):
    model = em.EngagementModel(name="shop")
    before = model.get_params()
    with pytest.raises(em.EngagementError, match=message):
        model.set_params(**params)
    assert model.get_params() == before


def test_values_are_checked_by_fit():
    model = em.EngagementModel(name="shop", windows={"observation_days": 0})
    assert repr(model) == "EngagementModel(name='shop'), not fitted"
    with pytest.raises(em.EngagementError, match=r"Model: key 'windows.observation_days'"):
        model.fit()
    with pytest.raises(em.EngagementError, match="no such file"):
        em.EngagementModel("missing.yaml").fit()
    assert "not fitted" in em.EngagementModel("missing.yaml")._repr_html_()


def test_overrides_combine_with_a_file_an_object_or_a_mapping(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump({"name": "shop", "sample": 500}))
    assert em.EngagementModel(file).config.sample.customers == 500
    assert em.EngagementModel(str(file), sample=None).config.sample.customers is None
    assert em.EngagementModel(PipelineConfig(name="a"), name="b").config.name == "b"
    assert em.EngagementModel({"select": {"at_most": 2}}).config.name == "engagement"
    assert em.EngagementModel(sample=None).config.sample.customers is None
    assert em.EngagementModel().config.sample.customers == 20_000


def test_a_fitted_model_keeps_its_configuration(model):
    changed = clone(model).set_params(random_seed=9)
    changed._results = model._results
    assert changed.config.random_seed == 9
    assert changed.config_.random_seed == 0
    again = pickle.loads(pickle.dumps(model))
    assert again.metric_ == model.metric_
    assert again.record_ == model.record_
