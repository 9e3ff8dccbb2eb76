"""Registered models predict the same without this package, beside another version, and served."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engagement_ml.tracking.model_code import model_code, module_sources, package_name
from engagement_ml.tracking.session import import_mlflow
from tests.golden_models import generate

TRACKING = Path(generate.__file__).parents[2] / "engagement_ml" / "tracking"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> SimpleNamespace:
    """The three models as MLflow saves them, and what they must predict."""
    import_mlflow()
    folder = tmp_path_factory.mktemp("models")
    rows = generate.panel()
    models = generate.fitted(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        generate.save(folder, {name: model.to_text() for name, model in models.items()})
    features = rows.frame.drop(columns=["margin", "churned"])
    features.to_parquet(folder / "features.parquet")
    generate.counts().to_parquet(folder / "counts.parquet")
    expected = {name: model.predict(rows) for name, model in models.items()}
    expected["metric"] = generate.metric().score(generate.counts())["score"].to_numpy()
    return SimpleNamespace(folder=folder, expected=expected, features=features)


ALONE = """
import importlib.abc, json, sys, types, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd

BLOCKED = {"duckdb", "shap", "sqlglot", "typer", "polars", "lightgbm"}
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is not installed here")
sys.meta_path.insert(0, Blocker())
# Another version of the package, which has none of the modules, was imported before.
sys.modules["engagement_ml"] = types.ModuleType("engagement_ml")

folder = sys.argv[1]
def predict(name, rows):
    return mlflow.pyfunc.load_model(f"{folder}/{name}").predict(rows).iloc[:, 0].tolist()

counts = pd.read_parquet(f"{folder}/counts.parquet")
features = pd.read_parquet(f"{folder}/features.parquet")
answers = {"metric": predict("metric", counts)}
BLOCKED.remove("lightgbm")
for name in ("profit", "churn"):
    answers[name] = predict(name, features)
    kinds = features.astype({"covariate__plan": "category", "call__frequency": "Int64"})
    assert predict(name, kinds) == answers[name]
    empty = features.assign(covariate__plan=None, covariate__age=None)
    assert predict(name, empty) != answers[name]
print(json.dumps(answers))
"""


@pytest.mark.seldom
def test_models_predict_without_this_package_and_beside_another_version(saved, tmp_path):
    """As a process that has MLflow, NumPy, Narwhals and pandas; LightGBM for predictions only."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(saved.folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    for name, expected in saved.expected.items():
        np.testing.assert_allclose(answers[name], expected, rtol=1e-9, atol=1e-9, err_msg=name)


def test_requirements_name_what_is_needed_and_not_this_package(saved):
    needed = {}
    for name in generate.NAMES:
        lines = (saved.folder / name / "requirements.txt").read_text().split()
        needed[name] = {line.split("==")[0] for line in lines}
        assert all("==" in line for line in lines)
    assert needed["metric"] == {"mlflow", "narwhals", "numpy", "pandas"}
    assert needed["profit"] == {"mlflow", "lightgbm", "numpy", "pandas", "scipy"}
    assert needed["churn"] == needed["profit"]


def load(saved, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_mlflow().pyfunc.load_model(str(saved.folder / name))


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (np.array([0, 3, 9], "int64"), [0, 3, 9]),
        (np.array([0, 3, 9], "uint8"), [0, 3, 9]),
        (np.array([0, 2.5, np.nan], "float32"), [0, 2.5, 0]),
        (np.array([True, False, True]), [1, 0, 1]),
        (pd.array([1, None, 9], "Int64"), [1, 0, 9]),
        ([None, None, None], [0, 0, 0]),
        (["3", " 2.5 ", ""], [3, 2.5, 0]),
        (pd.Categorical([3, 9, 3]), [3, 9, 3]),
    ],
    ids=["int64", "uint8", "float32", "boolean", "Int64", "null", "text", "categorical"],
)
def test_counts_of_any_type_score_like_floats(saved, values, numbers):
    model = load(saved, "metric")
    index = pd.Index(["a", "b", "c"])
    scored = model.predict(pd.DataFrame({"call": values, "other": "x"}, index=index))
    expected = generate.metric().score(pd.DataFrame({"call": np.array(numbers, float)}))
    assert scored["score"].tolist() == expected["score"].tolist()
    assert scored.index.tolist() == ["a", "b", "c"]


def test_bad_input_is_told_in_one_line(saved):
    from mlflow.exceptions import MlflowException

    model = load(saved, "metric")
    with pytest.raises(MlflowException, match=r"column 'call' holds 'many' in row 2, which is not"):
        model.predict(pd.DataFrame({"call": ["1", "many"]}))
    with pytest.raises(MlflowException, match=r"none of its behaviours .* is a column"):
        model.predict(pd.DataFrame({"calls": [1]}))
    with pytest.raises(MlflowException, match="covariate__age"):
        load(saved, "profit").predict(saved.features.drop(columns="covariate__age"))


FORMATS = {
    "text/csv": lambda rows: rows.to_csv(index=False),
    "application/json": lambda rows: rows.to_json(orient="split", double_precision=15),
}


@pytest.mark.parametrize("content_type", list(FORMATS))
@pytest.mark.parametrize("name", generate.NAMES)
def test_the_server_answers_csv_and_json(saved, name, content_type):
    """With MLflow's own handler of requests, as the server and each container call it."""
    from mlflow.pyfunc import scoring_server

    model = load(saved, name)
    rows = generate.counts() if name == "metric" else saved.features[inputs_of(model)].head(50)
    body = FORMATS[content_type](rows)
    if content_type == "application/json":
        body = json.dumps({"dataframe_split": json.loads(body)})
    answer = scoring_server.invocations(
        body, content_type, model, model.metadata.get_input_schema()
    )
    assert answer.status == 200, answer.response
    predictions = [next(iter(row.values())) for row in json.loads(answer.response)["predictions"]]
    expected = saved.expected[name][: len(rows)]
    np.testing.assert_allclose(predictions, expected, rtol=1e-9, atol=1e-9)


def inputs_of(model) -> list[str]:
    return model.metadata.get_input_schema().input_names()


@pytest.mark.parametrize("form", ["dataframe_records", "inputs"])
def test_the_server_answers_other_json(saved, form):
    from mlflow.pyfunc import scoring_server

    model = load(saved, "metric")
    content = {"dataframe_records": [{"call": 3}, {"call": None}], "inputs": {"call": [3, 0]}}
    body = json.dumps({form: content[form]})
    schema = model.metadata.get_input_schema()
    answer = scoring_server.invocations(body, "application/json", model, schema)
    assert json.loads(answer.response) == {"predictions": [{"score": 25.0}, {"score": 0.0}]}


def test_mlflow_models_predict_reads_csv(saved, tmp_path, capsys):
    from mlflow.pyfunc import scoring_server

    source, target = tmp_path / "counts.csv", tmp_path / "scores.json"
    generate.counts().to_csv(source, index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scoring_server._predict(str(saved.folder / "metric"), str(source), str(target), "csv")
    scores = [row["score"] for row in json.loads(target.read_text())["predictions"]]
    np.testing.assert_allclose(scores, saved.expected["metric"], rtol=1e-9, atol=1e-9)


class TestCode:
    def test_the_copied_modules_import_only_what_is_required(self):
        """At the top of modules, so that loading needs no more; others load where used."""
        import ast

        for script, allowed in (
            ("scoring_script.py", {"numpy", "pandas", "narwhals", "mlflow"}),
            ("prediction_script.py", {"numpy", "pandas", "scipy", "mlflow"}),
        ):
            sources = module_sources(TRACKING / script)
            assert not [path for path in sources if path.startswith(("config", "drivers", "cli"))]
            found = set()
            # The plot of a metric is drawn on request only.
            sources.pop("metric/plot.py", None)
            for source in [*sources.values(), (TRACKING / script).read_text()]:
                for node in ast.parse(source).body:
                    if isinstance(node, ast.Import):
                        found |= {alias.name.split(".")[0] for alias in node.names}
                    elif isinstance(node, ast.ImportFrom):
                        found.add(str(node.module).split(".")[0])
            others = found - set(sys.stdlib_module_names) - {"engagement_ml"}
            assert others <= allowed, others - allowed

    def test_a_change_of_code_changes_the_name(self):
        sources = module_sources(TRACKING / "scoring_script.py")
        changed = {**sources, "errors.py": sources["errors.py"] + "\n"}
        assert package_name(sources) == package_name(dict(sources)) != package_name(changed)

    def test_nothing_of_it_stays_in_the_process(self, tmp_path):
        paths = list(sys.path)
        with model_code(TRACKING / "scoring_script.py", tmp_path) as (script, package):
            __import__(package.name)
            assert "engagement_ml." not in script.read_text()
        assert sys.path == paths
        assert package.name not in sys.modules


@pytest.mark.seldom
@pytest.mark.spark
def test_the_metric_scores_as_a_spark_udf(saved, monkeypatch):
    pyspark = pytest.importorskip("pyspark")
    # The workers of a session run this Python.
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    mlflow = import_mlflow()
    spark = (
        pyspark.sql.SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = mlflow.pyfunc.spark_udf(spark, str(saved.folder / "metric"), env_manager="local")
        counts = spark.createDataFrame(
            [(i, *row) for i, row in enumerate(generate.counts().itertuples(index=False))],
            "id long, call long, `page view` double, `Fragen & <b>` int",
        )
        columns = [counts[f"`{name}`"] for name in generate.counts().columns]
        rows = counts.select("id", score(*columns).alias("score")).collect()
    scores = [row.score for row in sorted(rows, key=lambda row: row.id)]
    np.testing.assert_allclose(scores, saved.expected["metric"], rtol=1e-9, atol=1e-9)
