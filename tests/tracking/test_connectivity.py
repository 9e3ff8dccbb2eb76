from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from engagement_ml.errors import TrackingError
from engagement_ml.tracking import check_store, connectivity
from engagement_ml.tracking.connectivity import absolute_uri, sqlite_file


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refusal(uri: str) -> str:
    with pytest.raises(TrackingError) as caught:
        check_store(uri)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestSqlite:
    def test_a_missing_store_is_accepted_and_not_created(self, tmp_path):
        check_store(f"sqlite:///{tmp_path}/a/b/mlflow.db")
        assert list(tmp_path.iterdir()) == []

    def test_a_relative_path_starts_at_the_current_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        check_store("sqlite:///mlruns/mlflow.db")
        assert sqlite_file("sqlite:///mlruns/mlflow.db") == tmp_path / "mlruns" / "mlflow.db"

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        (tmp_path / "mlruns").write_text("")
        message = refusal(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
        assert "is not a folder" in message
        assert "tracking.uri" in message

    def test_a_file_that_is_not_a_database(self, tmp_path):
        (tmp_path / "mlflow.db").write_text("name: shop-engagement")
        assert "is not a SQLite database" in refusal(f"sqlite:///{tmp_path}/mlflow.db")

    def test_a_folder_in_place_of_the_file(self, tmp_path):
        (tmp_path / "mlflow.db").mkdir()
        assert "mlflow.db" in refusal(f"sqlite:///{tmp_path}/mlflow.db")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "mlruns").mkdir(mode=0o500)
        assert "cannot be written" in refusal(f"sqlite:///{tmp_path}/mlruns/mlflow.db")

    def test_a_folder_without_write_permission(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "access", lambda *_: False)
        assert "cannot be written" in refusal(f"sqlite:///{tmp_path}/mlruns/mlflow.db")

    @pytest.mark.parametrize("uri", ["sqlite://mlflow.db", "sqlite:mlflow.db", "sqlite:///"])
    def test_a_uri_without_a_file(self, uri):
        assert "sqlite:///mlruns/mlflow.db" in refusal(uri)

    def test_the_uri_gets_an_absolute_path(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert absolute_uri("sqlite:///a.db?timeout=5") == f"sqlite:///{tmp_path}/a.db?timeout=5"


class TestServers:
    def test_a_server_that_never_answers_is_given_up_after_the_timeout(self, monkeypatch):
        assert connectivity.SERVER_SECONDS == 15.0
        monkeypatch.setattr(connectivity, "SERVER_SECONDS", 0.05)
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            port = silent.getsockname()[1]
            assert "no answer (timed out)" in refusal(f"http://127.0.0.1:{port}")

    def test_a_database_gets_the_same_timeout(self, monkeypatch):
        timeouts = []

        def time_out(_address, timeout):
            timeouts.append(timeout)
            raise TimeoutError("timed out")

        monkeypatch.setattr(socket, "create_connection", time_out)
        assert "cannot be reached (timed out)" in refusal("postgresql://host/db")
        assert timeouts == [connectivity.TIMEOUT_SECONDS]

    def test_a_server_that_refuses_connections(self, free_port):
        assert "no answer (Connection refused)" in refusal(f"http://127.0.0.1:{free_port}")

    def test_an_unknown_host(self):
        assert "no answer" in refusal("http://mlflow.invalid")

    def test_a_database_that_refuses_connections_with_its_password_redacted(self, free_port):
        message = refusal(f"postgresql+psycopg2://ann:geheim@127.0.0.1:{free_port}/mlflow")
        assert "cannot be reached" in message
        assert "geheim" not in message


class TestSchemes:
    def test_an_unknown_scheme_names_the_nearest(self):
        assert "did you mean 'postgresql'?" in refusal("postgres://host/db")

    @pytest.mark.parametrize("uri", ["file:///tmp/mlruns", "mlruns", "/data/mlruns"])
    def test_plain_folders_are_refused_as_mlflow_does(self, uri, monkeypatch):
        monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
        assert "plain folders" in refusal(uri)

    def test_hosted_stores_are_not_checked(self):
        check_store("databricks")
        check_store("databricks://profile")


def test_checking_does_not_load_mlflow():
    code = (
        "import sys; from engagement_ml.tracking import check_store;"
        "check_store('sqlite:///nowhere/mlflow.db');"
        "print([m for m in ('mlflow', 'sqlalchemy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
