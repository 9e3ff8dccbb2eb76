from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from engagement_ml.errors import InputError
from engagement_ml.evaluation import MEASURES, Measure, evaluate
from engagement_ml.evaluation.baselines import best_single_behaviour, count_frame
from engagement_ml.evaluation.weighted_measures import mean_of
from engagement_ml.features.panel import Panel
from engagement_ml.models import (
    ChurnModel,
    ProfitModel,
    RecencyFrequencyMonetary,
    RecencyFrequencyMonetaryChurn,
)
from engagement_ml.windows import DAY

RFM = "recency_frequency_monetary"
NAMES = ["metric", "equal_weights", "best_single_behaviour", "total_events", RFM, "full_model"]


def lessons(counts: pd.DataFrame) -> np.ndarray:
    return 10 * np.log1p(counts["lesson"].to_numpy())


def some_equal_weights(counts: pd.DataFrame) -> np.ndarray:
    return 50 * np.minimum(counts[["lesson", "like"]].to_numpy() / 10, 1).sum(axis=1)


def run(panel, windows, **changes):
    options = {
        "score": lessons,
        "equal_weights": some_equal_weights,
        "seed": 0,
        "n_bootstrap": 40,
    } | changes
    for name, model in (("profit", ProfitModel), ("churn", ChurnModel)):
        if name not in options:
            options[name] = model().fit(panel, seed=0, windows=windows)
    return evaluate(panel, windows=windows, **options)


@pytest.fixture(scope="module")
def windows(windows_factory):
    return windows_factory()


@pytest.fixture(scope="module")
def fitted(panel, windows):
    return {
        "profit": ProfitModel().fit(panel, seed=0, windows=windows),
        "churn": ChurnModel().fit(panel, seed=0, windows=windows),
    }


@pytest.fixture(scope="module")
def found(panel, windows, fitted):
    return run(panel, windows, vanity=["like"], **fitted)


def walk(node, path=()):
    yield path, node
    for key, value in (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    ):
        yield from walk(value, (*path, key))


def by_cutoff(panel, prediction, measure):
    frame = panel.frame
    parts = (np.flatnonzero(frame["cutoff"] == c) for c in sorted(frame["cutoff"].unique()))
    return np.mean([measure(frame.iloc[rows], prediction[rows]) for rows in parts])


def test_the_result_has_the_documented_keys(found, panel, windows):
    assert set(found) == {
        "format", "train_cutoffs", "test_cutoffs", "n_entities", "n_rows", "profit", "churn",
        "metric", "notes",
    }  # fmt: skip
    assert found["train_cutoffs"] == [str(c) for c in windows.train]
    assert found["test_cutoffs"] == [str(c) for c in windows.test]
    test = panel.part("test").frame
    assert (found["n_entities"], found["n_rows"]) == (test["customer_id"].nunique(), len(test))
    assert set(found["profit"]) == {"r2", "spearman", "gini", "calibration", "baselines"}
    assert set(found["profit"]["baselines"]) == {"last_period_margin", RFM}
    assert set(found["churn"]) == {
        "rate", "roc_auc", "pr_auc", "brier", "calibration", "baselines",
    }  # fmt: skip
    assert set(found["churn"]["baselines"]) == {"base_rate", RFM}
    for part in ("across", "within"):
        assert list(found["metric"][part]) == NAMES
    assert list(found["metric"]["vanity"]) == ["like"]
    for path, node in walk(found):
        if isinstance(node, dict) and "low" in node:
            assert set(node) == {"value", "low", "high"}, path
            assert node["low"] <= node["high"], path
        if isinstance(node, float):
            assert node == float(f"{node:.10g}"), path
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_models_against_scipy_and_scikit_learn(found, panel, windows):
    test = panel.part("test")
    profit = ProfitModel().fit(panel, seed=0, windows=windows).predict(test)
    rfm = RecencyFrequencyMonetary().fit(panel, seed=0, windows=windows).predict(test)
    past = test.frame["history__past_margin"].to_numpy()
    parts = {None: profit, RFM: rfm, "last_period_margin": past}
    for name, prediction in parts.items():
        section = found["profit"] if name is None else found["profit"]["baselines"][name]
        r2 = by_cutoff(test, prediction, lambda f, p: metrics.r2_score(f["margin"], p))
        rho = by_cutoff(test, prediction, lambda f, p: stats.spearmanr(f["margin"], p).statistic)
        assert section["r2"]["value"] == pytest.approx(r2, rel=1e-8)
        assert section["spearman"]["value"] == pytest.approx(rho, rel=1e-8)

    at_risk = Panel(
        test.frame.dropna(subset="churned"), *(getattr(test, f) for f in ("behaviours",
        "behaviour_features", "history_features", "covariates")),
    )  # fmt: skip
    churn = ChurnModel().fit(panel, seed=0, windows=windows).predict(at_risk)
    baseline = RecencyFrequencyMonetaryChurn().fit(panel, seed=0, windows=windows)
    for section, prediction in (
        (found["churn"], churn),
        (found["churn"]["baselines"][RFM], baseline.predict(at_risk)),
    ):
        for name, measure in (
            ("roc_auc", metrics.roc_auc_score),
            ("pr_auc", metrics.average_precision_score),
            ("brier", metrics.brier_score_loss),
        ):
            expected = by_cutoff(at_risk, prediction, lambda f, p, m=measure: m(f["churned"], p))
            assert section[name]["value"] == pytest.approx(expected, rel=1e-8)
    rate = by_cutoff(at_risk, churn, lambda f, _: f["churned"].mean())
    assert found["churn"]["rate"]["value"] == pytest.approx(rate, rel=1e-8)
    assert found["churn"]["baselines"]["base_rate"]["roc_auc"]["value"] == 0.5


def test_calibration_covers_all_rows(found, panel):
    deciles = found["profit"]["calibration"]
    margin = panel.part("test").frame["margin"]
    assert sum(d["n"] for d in deciles) == len(margin)
    total = sum(d["observed"] * d["n"] for d in deciles)
    assert total == pytest.approx(margin.sum(), rel=1e-8)
    predicted = [d["predicted"] for d in deciles]
    assert predicted == sorted(predicted)


def test_across_and_within_by_hand(found, panel, windows):
    frame = panel.frame.assign(
        metric=10 * np.log1p(panel.frame["lesson__frequency"]),
        vanity=panel.frame["like__frequency"],
    )
    wide = {name: frame.pivot(index="customer_id", columns="cutoff", values=name) for name in
            ("metric", "vanity", "margin", "history__tenure_days")}  # fmt: skip
    pairs = [(str(c - 168 * DAY), str(c)) for c in windows.test]
    assert found["metric"]["pairs"] == [list(pair) for pair in pairs]
    assert found["metric"]["earlier_margin_seen_in_fitting"] is True
    within: dict[str, list[float]] = {"metric": [], "vanity": []}
    for first, last in pairs:
        there = wide["history__tenure_days"][first] >= windows.observation_days
        assert 0 < there.sum() < len(there)
        of_pair = {
            name: (values[first][there], values[last][there]) for name, values in wide.items()
        }
        change = {
            name: after / after.mean() - before / before.mean()
            for name, (before, after) in of_pair.items()
        }
        for name, found_in_pairs in within.items():
            rho = stats.spearmanr(change[name], change["margin"]).statistic
            found_in_pairs.append(rho)
    metric, vanity = found["metric"]["within"]["metric"], found["metric"]["vanity"]["like"]
    assert metric["spearman"]["value"] == pytest.approx(np.mean(within["metric"]), rel=1e-6)
    assert vanity["spearman"]["value"] == pytest.approx(np.mean(within["vanity"]), rel=1e-6)
    difference = np.mean(within["metric"]) - np.mean(within["vanity"])
    assert vanity["difference"]["value"] == pytest.approx(difference, rel=1e-6)
    assert metric["difference"] is None

    test = frame[frame["part"] == "test"]
    across = found["metric"]["across"]
    rho = [
        stats.spearmanr(part["metric"], part["margin"]).statistic
        for _, part in test.groupby("cutoff")
    ]
    assert across["metric"]["spearman"]["value"] == pytest.approx(np.mean(rho), rel=1e-8)
    kept = np.mean(rho) / found["profit"]["spearman"]["value"]
    assert across["metric"]["signal_kept"]["value"] == pytest.approx(kept, rel=1e-8)
    assert across["full_model"]["spearman"] == found["profit"]["spearman"]
    assert across["full_model"]["signal_kept"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_predicting_margin_and_moving_with_it_differ(panel_factory, windows_factory):
    """Likes predict which customers are worth more; margin changes after lessons do."""
    windows = windows_factory()
    panel = panel_factory(3000, seed=7, windows=windows, tail=0.5)
    found = run(panel, windows, vanity=["like", "page view [ä]"], n_bootstrap=100)
    metric = found["metric"]
    assert (
        metric["across"]["best_single_behaviour"]["spearman"]["value"]
        > (metric["across"]["metric"]["spearman"]["value"])
    )
    assert metric["within"]["metric"]["spearman"]["low"] > 0.03
    for vanity in metric["vanity"].values():
        assert vanity["spearman"]["low"] < 0 < vanity["spearman"]["high"]
        assert vanity["difference"]["low"] > 0
    assert (
        "best_single_behaviour is page view [ä], chosen on the training cutoffs"
        in (metric["notes"])
    )


def test_the_evaluation_is_deterministic(found, panel, windows):
    assert json.dumps(run(panel, windows, vanity=["like"])) == json.dumps(found)


def test_another_seed_moves_the_intervals_only(found, panel, windows, fitted):
    other = run(panel, windows, seed=1, **fitted)["metric"]["across"]["metric"]["spearman"]
    same = found["metric"]["across"]["metric"]["spearman"]
    assert other["value"] == same["value"]
    assert other["low"] != same["low"]


def test_an_abstaining_metric_is_left_out_with_a_note(panel, windows, fitted):
    metric = run(panel, windows, score=None, **fitted)["metric"]
    assert list(metric["across"]) == list(metric["within"]) == NAMES[2:]
    assert "the metric abstained, so neither it nor equal weights are measured" in metric["notes"]
    assert all(part["difference"] is None for part in metric["within"].values())


def test_further_scores_are_measured_like_the_metric(panel, windows, fitted):
    further = {
        "equal_weights": lambda counts: counts["like"].to_numpy(),
        "scorers": {"likes": lambda counts: counts["like"]},
    }
    metric = run(panel, windows, **further, **fitted)["metric"]
    for part in ("across", "within"):
        assert metric[part]["likes"] == metric[part]["equal_weights"]


def mean_error(sample) -> np.ndarray:
    return mean_of(sample.prediction - sample.outcome, sample.weights)


def test_a_measure_from_outside_the_list_is_measured(found, panel, windows, fitted):
    further = (
        Measure("bias", "profit", mean_error, "there are no rows"),
        Measure("bias", "churn", mean_error, "there are no rows"),
        Measure("mean_margin", "across", lambda s: mean_of(s.outcome, s.weights), "no rows"),
        Measure("mean_change", "within", lambda s: mean_of(s.prediction, s.weights), "no rows"),
    )
    measures = (*MEASURES, *further)
    more = run(panel, windows, vanity=["like"], measures=measures, **fitted)
    test = panel.part("test")
    bias = by_cutoff(test, fitted["profit"].predict(test), lambda f, p: (p - f["margin"]).mean())
    assert more["profit"]["bias"]["value"] == pytest.approx(bias, rel=1e-8)
    assert more["profit"]["bias"]["low"] < bias < more["profit"]["bias"]["high"]
    margin = test.frame.groupby("cutoff")["margin"].mean().mean()
    assert more["metric"]["across"]["metric"]["mean_margin"]["value"] == pytest.approx(margin)
    assert set(more["metric"]["within"]["metric"]) == {"spearman", "mean_change", "difference"}
    rows = [more["profit"], *more["profit"]["baselines"].values(), more["churn"]]
    rows += [*more["churn"]["baselines"].values(), *more["metric"]["across"].values()]
    rows += [*more["metric"]["within"].values(), *more["metric"]["vanity"].values()]
    for row in rows:
        (added,) = [name for name in ("bias", "mean_margin", "mean_change") if name in row]
        del row[added]
    assert more == found


def test_a_measure_that_is_not_defined_has_a_note(panel, windows, fitted):
    nan = Measure("odds", "profit", lambda s: s.spearman * np.nan, "odds need two classes")
    result = run(panel, windows, measures=[nan], **fitted)
    assert result["profit"]["odds"] is None
    assert "profit, model: odds is not measured, as odds need two classes" in result["notes"]
    assert set(result["profit"]) == {"odds", "calibration", "baselines"}
    assert result["metric"]["within"]["metric"] == {"difference": None}


def test_a_measure_of_the_wrong_shape_is_refused(panel, windows, fitted):
    one = Measure("one", "profit", lambda s: np.ones(1), "there are no rows")
    message = r"measure 'one': expected 41 values, one per bootstrap sample, found shape \(1,\)"
    with pytest.raises(InputError, match=message):
        run(panel, windows, measures=[one], **fitted)


@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        ("r2", "profit", "measure 'r2' is listed twice for part 'profit'"),
        ("bias", "profits", r"part 'profits' is not known \(did you mean 'profit'\?\)"),
        ("calibration", "profit", "measure 'calibration': the name is reserved"),
    ],
)
def test_measures_that_cannot_be_listed_are_refused(panel, windows, fitted, name, part, message):
    measure = Measure(name, part, mean_error, "there are no rows")
    with pytest.raises(InputError, match=message):
        run(panel, windows, measures=(*MEASURES, measure), **fitted)


def test_a_short_history_is_noted(panel_factory, windows_factory):
    windows = windows_factory(2, 1)
    windows = replace(windows, train=windows.train[1:])
    metric = run(panel_factory(100, windows=windows), windows)["metric"]
    assert metric["pairs"] == []
    assert metric["earlier_margin_seen_in_fitting"] is None
    assert all(part["spearman"] is None for part in metric["within"].values())
    (note,) = [note for note in metric["notes"] if "within" in note]
    assert "no cutoff lies 168 days before a cutoff that was not used in fitting" in note
    assert "a history of at least 336 days" in note
    assert metric["across"]["metric"]["spearman"] is not None


def test_a_margin_that_fitting_saw_is_noted(panel_factory, windows_factory, found, fitted):
    (note,) = [note for note in found["metric"]["notes"] if "within" in note]
    assert note.startswith("changes within customers start from a margin that was used in fitting")
    assert "504 days of history" in note

    windows = windows_factory(4, 7)
    panel = panel_factory(200, windows=windows)
    unseen = run(panel, windows, **fitted)["metric"]
    assert unseen["pairs"] == [[str(windows.test[0]), str(windows.test[6])]]
    assert unseen["earlier_margin_seen_in_fitting"] is False
    assert not any("within" in note for note in unseen["notes"])
    # A model fitted on other data may have seen what these windows keep apart.
    later = run(panel, windows, fit_until=windows.test[4], **fitted)["metric"]
    earlier = (windows.train[-1], *windows.test[:1])
    assert [first for first, _ in later["pairs"]] == [str(earlier[0])] * 2 + [str(earlier[1])]
    assert [last for _, last in later["pairs"]] == [str(c) for c in windows.test[4:]]
    assert later["earlier_margin_seen_in_fitting"] is True


def test_no_test_cutoff(panel_factory, windows_factory):
    windows = windows_factory(3, 0)
    found = run(panel_factory(100, windows=windows), windows)
    assert (found["n_rows"], found["test_cutoffs"]) == (0, [])
    assert found["profit"]["r2"] is None
    assert found["profit"]["calibration"] == []
    assert found["churn"] == {"reason": "no row of the test cutoffs is at risk of churn"}
    assert found["notes"][0] == (
        "no cutoff could be kept for evaluation; a longer history would allow one"
    )


def test_no_training_rows(panel, windows, fitted):
    found = run(panel.part("test"), windows, **fitted)
    assert RFM not in found["profit"]["baselines"]
    assert list(found["metric"]["across"]) == [
        "metric", "equal_weights", "total_events", "full_model",
    ]  # fmt: skip
    assert "there are no training rows" in found["notes"][0]


@pytest.mark.parametrize(
    ("changes", "undefined"),
    [
        ({"margin": 0.0}, "spearman"),
        ({"margin": -5.0}, "top_decile_lift"),
        ({"lesson__frequency": 0.0}, "spearman"),
    ],
)
def test_an_undefined_measure_is_null_with_a_note(panel, with_frame, windows, changes, undefined):
    found = run(with_frame(panel, **changes), windows)
    assert found["metric"]["across"]["metric"][undefined] is None
    assert any(
        note.startswith(f"across customers, metric: {undefined} is not measured, as")
        for note in found["metric"]["notes"]
    )
    json.dumps(found, allow_nan=False)


def test_too_few_customers(panel, windows):
    few = replace(panel, frame=panel.frame[panel.frame["customer_id"] < "c00009"])
    found = run(few, windows)
    assert found["metric"]["across"]["metric"]["spearman"] is None
    assert found["churn"]["roc_auc"] is None
    assert any("no test cutoff has 10 customers" in note for note in found["notes"])


@pytest.mark.parametrize("churned", [0.0, 1.0, np.nan])
def test_churn_without_two_classes(panel, with_frame, windows, churned):
    found = run(with_frame(panel, churned=churned), windows)["churn"]
    if np.isnan(churned):
        assert found == {"reason": "no row of the test cutoffs is at risk of churn"}
    else:
        assert found["roc_auc"] is None
        assert found["rate"]["value"] == churned
        assert found["brier"]["value"] == 0.0


def test_a_score_with_nulls_is_left_out_and_a_wrong_shape_is_refused(panel, windows, fitted):
    holed = run(panel, windows, score=lambda c: np.where(c["lesson"] > 0, 1.0, np.nan), **fitted)
    metric = holed["metric"]
    assert "metric" not in metric["across"]
    assert any("gives no number" in note for note in metric["notes"])
    with pytest.raises(
        InputError, match=r"scorer 'metric': expected \d+ values, one per row, found shape \(3,\)"
    ):
        run(panel, windows, score=lambda c: np.zeros(3), **fitted)
    with pytest.raises(InputError, match="behaviour 'lessons' has no column"):
        run(panel, windows, vanity=["lessons"], **fitted)


def test_counts_have_the_columns_that_a_metric_scores(panel, with_frame):
    holed = with_frame(panel, like__frequency=panel.frame["like__frequency"].replace(0, np.nan))
    counts = count_frame(holed)
    assert list(counts) == ["customer_id", *panel.behaviours]
    assert (counts["like"] == panel.frame["like__frequency"]).all()


def test_the_best_single_behaviour_is_chosen_without_the_test_rows(panel, with_frame):
    later = panel.frame["part"] == "test"
    leaked = with_frame(
        panel, like__frequency=panel.frame["margin"].where(later, panel.frame["like__frequency"])
    )
    assert best_single_behaviour(leaked.part("train")) == "page view [ä]"
    assert best_single_behaviour(with_frame(panel, margin=0.0).part("train")) is None
    assert best_single_behaviour(panel.part("nothing")) is None


def test_importing_the_models_loads_no_model_library():
    code = (
        "import sys, engagement_ml.models as m; "
        "assert set(m.__all__) <= set(dir(m)); "
        "heavy = ('lightgbm', 'sklearn', 'shap', 'mlflow', 'pandas'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
