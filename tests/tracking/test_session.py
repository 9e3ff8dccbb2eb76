from __future__ import annotations

import logging
import os
import sqlite3
import warnings

import pytest

from engagement_ml.errors import TrackingError
from engagement_ml.tracking.session import get_or_create_experiment, import_mlflow, tracking_session


def test_settings_of_mlflow_are_restored(uri, mlflow, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_UV_AUTO_DETECT", "true")
    before = dict(os.environ)
    levels = {name: logging.getLogger(name).level for name in ("mlflow", "alembic")}
    filters = list(warnings.filters)
    with tracking_session(uri):
        assert mlflow.get_tracking_uri() == uri
        assert os.environ["MLFLOW_UV_AUTO_DETECT"] == "true"
    assert dict(os.environ) == before
    assert {name: logging.getLogger(name).level for name in levels} == levels
    assert warnings.filters == filters
    assert not mlflow.is_tracking_uri_set()


def test_the_store_that_the_user_has_set_is_restored(uri, mlflow, tmp_path):
    other = f"sqlite:///{tmp_path / 'other.db'}"
    mlflow.set_tracking_uri(other)
    with pytest.raises(TrackingError, match="refused"), tracking_session(uri):
        raise OSError("refused")
    assert mlflow.get_tracking_uri() == other
    assert os.environ["MLFLOW_TRACKING_URI"] == other


def test_telemetry_is_disabled_unless_the_user_enables_it():
    import_mlflow()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["DO_NOT_TRACK"] == "true"


def test_artifacts_lie_beside_the_database(uri, tmp_path):
    with tracking_session(uri) as client:
        experiment_id = get_or_create_experiment(client, "shop")
        assert get_or_create_experiment(client, "shop") == experiment_id
        location = client.get_experiment(experiment_id).artifact_location
    assert location == (tmp_path / "mlruns" / "artifacts").as_uri()


def test_a_deleted_experiment_is_an_error(uri):
    with tracking_session(uri) as client:
        client.delete_experiment(get_or_create_experiment(client, "shop"))
    with (
        pytest.raises(TrackingError, match="'shop' was deleted; restore it"),
        tracking_session(uri) as client,
    ):
        get_or_create_experiment(client, "shop")


def test_reading_creates_no_database(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with (
        pytest.raises(TrackingError, match="there is no file"),
        tracking_session(uri, create=False),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_of_mlflow_is_one_line(uri):
    with (
        pytest.raises(TrackingError, match="no-such-run") as caught,
        tracking_session(uri) as client,
    ):
        client.get_run("no-such-run")
    assert "\n" not in str(caught.value)


def test_a_database_of_another_mlflow_version_names_the_remedy(uri):
    connection = sqlite3.connect(uri.removeprefix("sqlite:///"))
    connection.execute("UPDATE alembic_version SET version_num = '0123456789ab'")
    connection.commit()
    connection.close()
    with pytest.raises(TrackingError, match="mlflow db upgrade") as caught, tracking_session(uri):
        pass
    assert "\n" not in str(caught.value)
