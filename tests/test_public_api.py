"""The public names, the cost of importing them, and the model that notebooks use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml

import engagement_ml as em

HEAVY = {"mlflow", "shap", "lightgbm", "sklearn", "matplotlib", "scipy"}
NAMES = {
    "EngagementError", "EngagementMetric", "EngagementModel", "NotFittedError", "PipelineConfig",
    "__version__", "attribution", "audit", "check", "evaluate", "features", "lift", "load_metric",
    "make_shop", "monitor", "predict", "promote", "read_config", "register", "roll_back", "score",
    "scorecard", "train",
}  # fmt: skip
SETTINGS = {"windows": {"observation_days": 28, "outcome_days": 28}}


def test_the_surface_is_what_it_is():
    assert set(em.__all__) == NAMES == set(dir(em))
    for name in NAMES - {"__version__"}:
        assert getattr(em, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        em.trian  # noqa: B018


@pytest.mark.parametrize(
    "code",
    [
        "import engagement_ml",
        "import engagement_ml; [getattr(engagement_ml, n) for n in engagement_ml.__all__]",
        "import engagement_ml; engagement_ml.make_shop(5, 3); engagement_ml.EngagementModel()",
    ],
)
def test_importing_loads_nothing_heavy(code):
    code += "; import sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "engagement_ml" in loaded
    assert not loaded & HEAVY


@pytest.fixture
def fitted(small_shop, quick_drivers) -> em.EngagementModel:
    model = em.EngagementModel(name="notebook", **SETTINGS)
    return model.fit(small_shop.events, small_shop.transactions, small_shop.customers)


def test_a_model_is_fitted_scored_and_kept(fitted, small_shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [b.behaviour for b in fitted.metric_.behaviours] == ["tutorial_done", "wishlist_add"]
    assert fitted.drivers_["verdict"].tolist()[:2] == ["driver", "driver"]
    assert fitted.evaluation_ == fitted.record_.evaluation
    assert fitted.record_.registered is None
    assert list(tmp_path.iterdir()) == []

    by_events = fitted.score(small_shop.events, as_of="2024-09-01")
    counts = pl.DataFrame({"tutorial_done": [0, 50], "wishlist_add": [0, 50]})
    by_counts = fitted.score(counts)
    assert by_events.columns.tolist()[:2] == ["customer_id", "score"]
    assert isinstance(by_counts, pl.DataFrame)
    assert by_counts["score"].to_list() == [0.0, 100.0]

    assert fitted.report() == Path("report.html")
    assert "tutorial_done" in Path("report.html").read_text()
    assert fitted.save("run") == Path("run")
    assert em.load_metric("run") == fitted.metric_
    again = em.score("run", small_shop.events, as_of="2024-09-01").frame
    assert again.equals(by_events)


def test_any_frame_gives_the_same_metric(fitted, small_shop, tmp_path):
    events = tmp_path / "events.parquet"
    small_shop.events.to_parquet(events)
    lazy = pl.from_pandas(small_shop.transactions).lazy()
    with duckdb.connect() as connection:
        customers = connection.from_df(small_shop.customers)
        other = em.EngagementModel(name="notebook", **SETTINGS).fit(events, lazy, customers)
    assert other.metric_ == fitted.metric_
    assert other.evaluation_ == fitted.evaluation_


def test_how_a_model_shows_itself(fitted):
    html = fitted._repr_html_()
    assert "tutorial_done" in html
    assert html.startswith("<")
    assert "60" in repr(fitted)
    fresh = em.EngagementModel(name="shop")
    assert repr(fresh) == "EngagementModel(name='shop'), not fitted"
    assert "not fitted" in fresh._repr_html_()
    with pytest.raises(em.EngagementError, match=r"not fitted yet; call fit\("):
        fresh.metric_  # noqa: B018


def test_overrides_replace_only_what_they_name(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump({"name": "shop", "windows": {"observation_days": 56}}))
    model = em.EngagementModel(file, windows={"gap_days": 7}, random_seed=3)
    assert model.config.windows.model_dump() == {
        "observation_days": 56, "outcome_days": 84, "gap_days": 7, "every_days": 28,
        "cutoffs": None,
    }  # fmt: skip
    assert (model.config.name, model.config.random_seed) == ("shop", 3)
    with pytest.raises(em.EngagementError, match=r"unknown key 'windw'.*'windows'"):
        em.EngagementModel(windw={})


def test_progress_is_reported_while_it_fits(small_shop, quick_drivers, caplog, capfd):
    steps: list[str] = []
    frames = (small_shop.events, small_shop.transactions)
    em.EngagementModel(**SETTINGS).fit(*frames, on_step=steps.append)
    assert steps[0] == "Reading tables"
    assert "Evaluating out of time" in steps

    with caplog.at_level("INFO", logger="engagement_ml"):
        em.EngagementModel(**SETTINGS).fit(*frames, progress="log")
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "Reading tables: started"
    assert any(message.startswith("Evaluating out of time: finished") for message in messages)

    caplog.clear()
    em.EngagementModel(**SETTINGS).fit(*frames, progress=False)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
    with pytest.raises(em.EngagementError, match="progress: 'bars' is unknown"):
        em.EngagementModel(**SETTINGS).fit(*frames, progress="bars")
