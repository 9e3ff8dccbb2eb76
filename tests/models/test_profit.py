from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.exceptions import NotFittedError

from engagement_ml.errors import InputError, NotEnoughDataError
from engagement_ml.models import ChurnModel, ProfitModel, RecencyFrequencyMonetary
from engagement_ml.models.design_matrix import Design
from engagement_ml.models.profit import winsorised
from engagement_ml.models.tail_extrapolation import Tail


@pytest.fixture(scope="module")
def model(panel, windows_factory):
    return ProfitModel().fit(panel, seed=0, windows=windows_factory())


def renamed(panel, names):
    """Return the panel with its behaviours called otherwise, columns included."""
    new = dict(zip(panel.behaviours, names, strict=True))
    columns = {
        column: column.replace(old, new[old], 1)
        for old in panel.behaviours
        for column in panel.behaviour_features[old]
    }
    return replace(
        panel,
        frame=panel.frame.rename(columns=columns),
        behaviours=tuple(names),
        behaviour_features={
            new[old]: tuple(columns[c] for c in panel.behaviour_features[old])
            for old in panel.behaviours
        },
    )


def test_the_mean_prediction_is_the_mean_raw_margin(panel, model):
    train = panel.part("train")
    assert model.predict(train).mean() == pytest.approx(train.frame["margin"].mean(), rel=1e-9)


def test_the_model_predicts_margin_out_of_time(panel_factory, windows_factory):
    windows = windows_factory(6, 1)
    panel = panel_factory(2000, seed=3, windows=windows)
    fitted = ProfitModel().fit(panel, seed=0, windows=windows)
    test = panel.part("test")
    margin = test.frame["margin"]
    ours = stats.spearmanr(fitted.predict(test), margin).statistic
    rfm = RecencyFrequencyMonetary().fit(panel, seed=0, windows=windows).predict(test)
    assert ours > stats.spearmanr(test.frame["history__past_margin"], margin).statistic + 0.05
    assert ours > stats.spearmanr(rfm, margin).statistic + 0.05
    shap = fitted.contributions(test)
    slope = np.polyfit(test.frame["lesson__frequency"], shap["lesson"], 1)[0]
    assert slope > 0
    assert shap["lesson"].abs().mean() > 3 * shap["covariates"].abs().mean()


def test_contributions_add_up_in_currency(panel, model):
    test = panel.part("test")
    found = model.contributions(test)
    assert list(found) == [*panel.behaviours, "history", "covariates", "base"]
    assert found["base"].nunique() == 1
    np.testing.assert_allclose(found.sum(axis=1), model.predict(test), rtol=1e-5)


@pytest.mark.parametrize("kind", [ProfitModel, ChurnModel])
def test_sessions_and_ratios_are_features(panel, kind):
    rng = np.random.default_rng(0)
    n, joint = len(panel.frame), ("session__frequency", "ratio__click_through")
    informative = panel.frame["lesson__frequency"].to_numpy() + rng.normal(0, 0.1, n)
    # Most rows have no denominator, and their ratio is null.
    ratio = np.where(rng.random(n) < 0.7, np.nan, rng.random(n))
    frame = panel.frame.assign(**dict(zip(joint, (informative, ratio), strict=True)))
    frame["lesson__frequency"] = 0.0
    panel = replace(panel, frame=frame, joint_features=joint)
    fitted = kind().fit(panel, seed=0)
    assert set(joint) <= set(fitted.design_.columns)
    X = fitted.design_.matrix(frame)[:, list(fitted.design_.columns).index(joint[1])]
    np.testing.assert_array_equal(X, ratio)
    found = fitted.contributions(panel)
    others = ["history", "covariates", "sessions_and_ratios", "base"]
    assert list(found) == [*panel.behaviours, *others]
    size = found.abs().mean()
    assert size["sessions_and_ratios"] > size["lesson"]
    predicted = fitted.predict(panel)
    total = predicted if kind is ProfitModel else np.log(predicted / (1 - predicted))
    np.testing.assert_allclose(found.sum(axis=1), total, rtol=1e-5, atol=1e-9)
    assert (kind.from_text(fitted.to_text()).predict(panel) == predicted).all()
    with pytest.raises(InputError, match="column 'session__frequency' is missing"):
        fitted.predict(replace(panel, frame=frame.drop(columns=joint[0])))


@pytest.mark.filterwarnings("ignore:The set_:PendingDeprecationWarning")
def test_contributions_equal_those_of_shap(panel, model):
    import shap

    rows = panel.part("test").frame.head(200)
    numeric = ProfitModel(columns=[c for c in model.design_.columns if "city" not in c])
    numeric.fit(panel, seed=0)
    explainer = shap.TreeExplainer(numeric.booster_)
    explainer.model.model_type = "internal"  # else shap hands the work back to LightGBM
    X = numeric.design_.matrix(rows)
    expected = explainer.shap_values(X, check_additivity=False)
    found = numeric.contributions(replace(panel, frame=rows))
    for number, behaviour in enumerate(panel.behaviours):
        columns = [g == number for g in numeric.design_.groups]
        np.testing.assert_allclose(
            found[behaviour], expected[:, columns].sum(axis=1), rtol=1e-5, atol=1e-7
        )
    of_history = expected[:, [g == -1 for g in numeric.design_.groups]].sum(axis=1)
    past = rows["history__past_margin"].to_numpy()
    line = numeric.tail_(past) - numeric.tail_.slope * numeric.tail_.centre
    np.testing.assert_allclose(found["history"], of_history + line, rtol=1e-5, atol=1e-7)


def test_contributions_equal_shapley_values_by_hand(panel):
    columns = ["lesson__frequency", "like__frequency", "covariate__age"]
    small = ProfitModel(columns=columns).fit(panel, seed=0)
    names = small.booster_.feature_name()
    trees = small.booster_.dump_model()["tree_info"]

    def expected(node, x, known):
        """Mean of the tree over rows that went each way, where the feature is not known."""
        if "leaf_value" in node:
            return node["leaf_value"]
        left, right = node["left_child"], node["right_child"]
        if node["split_feature"] in known:
            goes_left = x[node["split_feature"]] <= node["threshold"]
            return expected(left if goes_left else right, x, known)
        sizes = [c.get("internal_count", c.get("leaf_count")) for c in (left, right)]
        values = [expected(child, x, known) for child in (left, right)]
        return np.average(values, weights=sizes)

    rows = panel.part("test").frame.iloc[[0, 7, 50]]
    found = small.contributions(replace(panel, frame=rows))
    assert len(trees) > 2
    for (_, row), x in zip(found.iterrows(), small.design_.matrix(rows), strict=True):
        shapley = np.zeros(3)
        for feature in range(3):
            others = [f for f in range(3) if f != feature]
            for size in range(3):
                for known in itertools.combinations(others, size):
                    share = math.factorial(size) * math.factorial(2 - size) / 6
                    for tree in (t["tree_structure"] for t in trees):
                        with_it = expected(tree, x, {*known, feature})
                        shapley[feature] += share * (with_it - expected(tree, x, set(known)))
        assert row["lesson"] == pytest.approx(shapley[0], rel=1e-5, abs=1e-8)
        assert row["like"] == pytest.approx(shapley[1], rel=1e-5, abs=1e-8)
        assert row["covariates"] == pytest.approx(shapley[2], rel=1e-5, abs=1e-8)
    assert names == ["lesson_frequency", "like_frequency", "covariate_age"]


def test_text_loads_and_predicts_the_same(panel, model):
    text = model.to_text()
    loaded = ProfitModel.from_text(text)
    assert loaded.to_text() == text
    assert (loaded.predict(panel) == model.predict(panel)).all()
    pd.testing.assert_frame_equal(loaded.contributions(panel), model.contributions(panel))


def test_same_data_and_seed_same_bytes(panel, windows_factory, model):
    again = ProfitModel().fit(panel, seed=0, windows=windows_factory())
    assert again.to_text() == model.to_text()


def test_only_training_rows_are_used(panel, with_frame, windows_factory, model):
    later = panel.frame["part"] == "test"
    changed = with_frame(
        panel,
        margin=panel.frame["margin"].where(~later, 1e6),
        lesson__frequency=panel.frame["lesson__frequency"].where(~later, 99.0),
    )
    again = ProfitModel().fit(changed, seed=0, windows=windows_factory())
    assert again.to_text() == model.to_text()


@pytest.mark.parametrize(
    "names",
    [
        ("a,b", 'a"b', "a:b"),
        ("[x]", "{x}", "(x)"),
        ("日本", "ä ö", "😀"),
        ("base", "covariates", "base_"),
        ("", " ", "\n"),
        ("x__frequency", "x", "x_1"),
    ],
)
def test_event_types_may_have_any_name(panel, names, model, windows_factory):
    odd = renamed(panel, names)
    fitted = ProfitModel().fit(odd, seed=0, windows=windows_factory())
    np.testing.assert_array_equal(fitted.predict(odd), model.predict(panel))
    loaded = ProfitModel.from_text(fitted.to_text())
    found = loaded.contributions(odd)
    assert tuple(found.columns[:3]) == names
    assert found.columns.is_unique
    np.testing.assert_array_equal(found.iloc[:, 0], model.contributions(panel).iloc[:, 0])
    safe = loaded.design_.safe_names
    assert len(set(safe)) == len(safe)
    assert all(name.isascii() and name.replace("_", "a").isalnum() for name in safe)


def test_an_unknown_level_counts_as_missing(panel, with_frame, model):
    unknown = with_frame(panel, covariate__city="Oslo")
    missing = with_frame(panel, covariate__city=pd.Categorical([None] * len(panel.frame)))
    np.testing.assert_array_equal(model.predict(unknown), model.predict(missing))


def test_booleans_and_nullable_numbers_are_accepted(panel, with_frame):
    plain = with_frame(panel, covariate__age=(panel.frame["covariate__age"] > 40).astype(float))
    nullable = with_frame(
        panel, covariate__age=(panel.frame["covariate__age"] > 40).astype("boolean")
    )
    first, second = (ProfitModel().fit(p, seed=0).predict(p) for p in (plain, nullable))
    np.testing.assert_array_equal(first, second)


def test_recency_frequency_monetary_uses_no_other_features(panel, with_frame):
    baseline = RecencyFrequencyMonetary().fit(panel, seed=0)
    blind = with_frame(panel, lesson__frequency=0.0, covariate__age=1.0, history__tenure_days=1.0)
    np.testing.assert_array_equal(baseline.predict(panel), baseline.predict(blind))


def test_the_tail_extrapolates_to_large_entities():
    """A hundredth of the entities makes most of the margin, as in wholesale."""
    rng = np.random.default_rng(0)
    n, cutoffs = 3000, pd.to_datetime(["2024-01-29", "2024-04-22", "2024-07-15"])
    size = np.exp(rng.normal(0, 2.2, n)) * 10
    parts = []
    for cutoff in cutoffs:
        past, margin = (size * rng.gamma(8, 1 / 8, n) for _ in range(2))
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": np.arange(n),
                    "cutoff": cutoff,
                    "part": "test" if cutoff == cutoffs[-1] else "train",
                    "history__past_margin": past,
                    "margin": margin,
                }
            )
        )
    from engagement_ml.features.panel import Panel

    panel = Panel(pd.concat(parts, ignore_index=True), (), {}, ("history__past_margin",))
    fitted = ProfitModel().fit(panel, seed=0)
    test = panel.part("test")
    margin, prediction = test.frame["margin"].to_numpy(), fitted.predict(test)
    top = np.argsort(test.frame["history__past_margin"])[-20:]
    assert fitted.tail_.slope > 0.5
    assert prediction[top].mean() == pytest.approx(margin[top].mean(), rel=0.2)
    assert prediction.mean() == pytest.approx(margin.mean(), rel=0.1)
    np.testing.assert_allclose(
        fitted.contributions(test).sum(axis=1), prediction, rtol=1e-5, atol=1e-6
    )


def test_the_tail_has_no_slope_if_large_entities_do_not_stay_large():
    rng = np.random.default_rng(0)
    past = rng.pareto(1.5, 4000) * 10
    flat = Tail.fitted(past, np.full(4000, 20.0), rng.permutation(past))
    assert flat.slope < 0.05
    assert Tail.fitted(past[:100], np.full(100, np.nan), past[:100]).slope == 0


def test_one_customer_or_none(panel):
    one = replace(panel, frame=panel.frame[panel.frame["customer_id"] == "c00001"])
    fitted = ProfitModel().fit(one, seed=0)
    mean = one.part("train").frame["margin"].mean()
    np.testing.assert_allclose(fitted.predict(one), mean, atol=1e-6)
    with pytest.raises(NotEnoughDataError, match="no rows to train on"):
        ProfitModel().fit(panel.part("test"))


def test_all_margins_zero(panel, with_frame):
    fitted = ProfitModel().fit(with_frame(panel, margin=0.0), seed=0)
    assert (fitted.predict(panel) == 0).all()


def test_wrong_inputs_are_refused(panel, model):
    without = replace(panel, frame=panel.frame.drop(columns="like__recency_days"))
    with pytest.raises(InputError, match="column 'like__recency_days' is missing"):
        model.predict(without)
    with pytest.raises(InputError, match="feature 'lesson__frequncy' is missing"):
        ProfitModel(columns=["lesson__frequncy"]).fit(panel)
    with pytest.raises(InputError, match="does not begin with a model's header"):
        ProfitModel.from_text("tree\nversion=v4")
    with pytest.raises(InputError, match=r"expected kind 'churn' .* found 'profit'"):
        ChurnModel.from_text(model.to_text())
    with pytest.raises(InputError, match="the text is damaged or cut off"):
        ProfitModel.from_text(model.to_text().split("\n")[0] + "\nnot a booster")
    with pytest.raises(InputError, match="the text is damaged or cut off"):
        ProfitModel.from_text(model.to_text().split("\n")[0])
    with pytest.raises(NotFittedError):
        ProfitModel().predict(panel)


def test_a_design_is_restored_from_json(panel):
    design = Design.of(panel)
    assert Design.from_dict(design.to_dict()) == design
    assert design.levels == {"covariate__city": ("Ghent", "Lyon", "Turin")}


def test_winsorising_leaves_zero_unchanged():
    rng = np.random.default_rng(0)
    values = np.r_[np.zeros(5), rng.lognormal(0, 3, 2000) + 5]
    drawn_in = winsorised(values, share=0.01)
    assert (drawn_in[:5] == 0).all()
    assert drawn_in.max() == pytest.approx(np.quantile(values, 0.99))
    assert (winsorised(values, share=0.0) == values).all()


@pytest.mark.real
def test_a_real_shop_with_few_large_buyers():
    from sklearn.metrics import r2_score

    from engagement_ml.config import parse_config
    from engagement_ml.datasets.online_retail import load_online_retail
    from engagement_ml.engine import open_duckdb
    from engagement_ml.evaluation.out_of_time import last_period_margin
    from engagement_ml.features.panel import build_panel
    from engagement_ml.inputs import read_tables
    from engagement_ml.windows import plan_windows

    path = Path(__file__).parents[2] / "../shared/data/online_retail.parquet"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    config = parse_config(
        {"name": "retail", "windows": {"observation_days": 56, "outcome_days": 56}}
    )
    data = load_online_retail(path)
    with open_duckdb() as engine:
        frames = {"events": data.events, "transactions": data.transactions}
        tables = read_tables(config, engine, frames=frames)
        windows = plan_windows(tables.history, config.windows)
        panel = build_panel(tables, config, windows)
    test = panel.part("test")
    margin = test.frame["margin"]
    ours = ProfitModel().fit(panel, seed=0, windows=windows)
    rfm = RecencyFrequencyMonetary().fit(panel, seed=0, windows=windows).predict(test)
    prediction, past = ours.predict(test), last_period_margin(test, windows)
    assert ours.tail_.slope > 0.3
    assert r2_score(margin, prediction) > 0.45
    for other in (rfm, past):
        ahead = stats.spearmanr(prediction, margin).statistic
        assert ahead > stats.spearmanr(other, margin).statistic + 0.03
    np.testing.assert_allclose(
        ours.contributions(test).sum(axis=1), prediction, rtol=1e-5, atol=1e-6
    )
