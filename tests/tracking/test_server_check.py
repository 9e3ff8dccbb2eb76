"""A server is asked before the long work: does it answer MLflow's API, and to whom?"""

from __future__ import annotations

import base64
import http.server
import logging
import threading
from collections.abc import Iterator

import pytest

from engagement_ml.errors import TrackingError
from engagement_ml.tracking import check_store, connectivity
from engagement_ml.tracking.session import tracking_session

USER, PASSWORD, TOKEN = (f"MLFLOW_TRACKING_{name}" for name in ("USERNAME", "PASSWORD", "TOKEN"))
ANN = "Basic " + base64.b64encode(b"ann:ge heim").decode()


class Server(http.server.ThreadingHTTPServer):
    """Answers with a status and a text, or by who asks."""

    answer: tuple[int, str] = (200, '{"experiments": []}')
    accepted: str | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        status, text = self.server.answer
        sent = self.headers.get("Authorization")
        if self.server.accepted is not None and sent != self.server.accepted:
            status, text = 401, "You are not authenticated."
        self.send_response(status)
        if status == 302:
            self.send_header("Location", text)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[Server]:
    # However slow this machine is, the server below has the time to answer.
    monkeypatch.setattr(connectivity, "SERVER_SECONDS", 600.0)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (USER, PASSWORD, TOKEN):
        monkeypatch.delenv(name, raising=False)
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def refusal(uri: str) -> str:
    with pytest.raises(TrackingError) as caught:
        check_store(uri)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_server_that_answers_is_accepted(server):
    check_store(f"http://{server.address}")
    check_store(f"http://{server.address}/")


def test_without_credentials_the_variables_to_set_are_named(server):
    server.accepted = ANN
    said = refusal(f"http://{server.address}")
    assert "(401: You are not authenticated)" in said
    assert f"set {USER} and {PASSWORD}, or {TOKEN}" in said


def test_credentials_come_from_the_uri_the_environment_and_the_file(server, monkeypatch, tmp_path):
    server.accepted = ANN
    check_store(f"http://ann:ge%20heim@{server.address}")
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = ge heim\n"
    )
    check_store(f"http://{server.address}")
    (tmp_path / ".mlflow" / "credentials").write_text("no section")
    monkeypatch.setenv(PASSWORD, "ge heim")
    check_store(f"http://ann@{server.address}")
    # As a run's files have it: the password is masked there.
    check_store(f"http://ann:***@{server.address}")
    monkeypatch.setenv(USER, "ann")
    check_store(f"http://{server.address}")
    monkeypatch.setenv("THE_PASSWORD", "ge%20heim")
    monkeypatch.setenv(PASSWORD, "another one")
    check_store(f"http://ann:${{THE_PASSWORD}}@{server.address}")


def test_a_token_is_sent(server, monkeypatch):
    server.accepted = "Bearer t0ken-of-ann"
    monkeypatch.setenv(TOKEN, "t0ken-of-ann")
    check_store(f"http://{server.address}")
    monkeypatch.setenv(TOKEN, "of-ben")
    said = refusal(f"http://{server.address}")
    assert f"refuses the token (401: You are not authenticated); correct {TOKEN}" in said


@pytest.mark.parametrize("where", ["uri", "environment"])
def test_a_wrong_password_names_where_it_is_from(server, monkeypatch, where):
    server.accepted = ANN
    user = "ann:wr0ng-one@" if where == "uri" else ""
    if where == "environment":
        monkeypatch.setenv(USER, "ann")
        monkeypatch.setenv(PASSWORD, "wr0ng-one")
    said = refusal(f"http://{user}{server.address}")
    assert "refuses user 'ann'" in said
    assert said.endswith("tracking.uri" if where == "uri" else f"{USER} and {PASSWORD}")
    assert "wr0ng-one" not in said


def test_a_masked_password_without_the_variable_is_asked_for(server):
    said = refusal(f"http://ann:***@{server.address}")
    assert f"the password is masked, as in the files of a run; set {PASSWORD}" in said


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (403, '{"error_code": "PERMISSION_DENIED", "message": "no."}', "(403: no); ask its admin"),
        (404, "<html>", "is no MLflow server (404); correct the address"),
        (200, "<html>Sign in</html>", "no MLflow server but a page, as of a login"),
        (200, "[]", "no MLflow server"),
    ],
)
def test_other_answers_are_refused(server, status, text, said):
    server.answer = (status, text)
    assert said in refusal(f"http://{server.address}")


def test_a_fault_of_the_server_now_is_a_warning(server, caplog):
    server.answer = (503, "down")
    with caplog.at_level(logging.WARNING):
        check_store(f"http://{server.address}")
    assert "(503: down); if it still has one at the end, the results are kept" in caplog.text


def test_credentials_are_not_sent_to_another_address(server):
    with Server(("127.0.0.1", 0), Handler) as other:
        server.answer = (302, f"http://{other.address}/")
        other.accepted = ANN
        thread = threading.Thread(target=other.handle_request)
        thread.start()
        # Who the other one accepts is up to MLflow.
        check_store(f"http://ann:ge%20heim@{server.address}")
        thread.join()


def test_mlflow_gets_a_uri_without_the_password(server, monkeypatch, mlflow):
    server.accepted = ANN
    import os

    with tracking_session(f"http://ann:ge%20heim@{server.address}") as client:
        assert client.tracking_uri == f"http://{server.address}"
        assert (os.environ[USER], os.environ[PASSWORD]) == ("ann", "ge heim")
    assert USER not in os.environ
