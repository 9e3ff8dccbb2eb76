"""A remote MLflow server with authentication works as a file does, and keeps no secret."""

from __future__ import annotations

import base64
import http.client
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engagement_ml.errors import TrackingError
from engagement_ml.metric import EngagementMetric
from engagement_ml.records import RunRecord
from engagement_ml.tracking import connectivity, load_metric
from engagement_ml.workflow import register
from engagement_ml.workflow.runs import open_run
from tests.cli.test_cli import run

SECRET = "g3heimes-w0rt"
OPTION = "z4uberspruch"
ACCEPTED = "Basic " + base64.b64encode(f"ann:{SECRET}".encode()).decode()
_HOP = ("connection", "host", "transfer-encoding", "content-length", "date", "server")


@dataclass
class Remote:
    """A server behind a proxy that wants to know who asks.

    Attributes
    ----------
    host : str
        Address of the proxy.
    folder : Path
        Database and artifacts of the server.
    down : bool
        Whether the proxy refuses all that writes.
    """

    host: str
    folder: Path
    down: bool = False

    @property
    def uri(self) -> str:
        return f"http://ann:{SECRET}@{self.host}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def remote(tmp_path_factory, migrated_store) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(migrated_store, folder / "mlflow.db")
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
        try:
            wait_for(port, process)
            with ProxyServer(port, folder) as proxy:
                threading.Thread(target=proxy.serve_forever, daemon=True).start()
                yield proxy.remote
                proxy.shutdown()
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while True:
        assert process.poll() is None, "the server has ended"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.2)


class Proxy(http.server.BaseHTTPRequestHandler):
    """Basic authentication in front of a server."""

    server: ProxyServer

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != ACCEPTED:
            self.answer(401, b"You are not authenticated.", [])
            return
        if self.server.remote.down and self.command != "GET":
            self.answer(500, b"the disk of the server is full", [])
            return
        sent = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind)
        connection.request(self.command, self.path, body, sent)
        answer = connection.getresponse()
        content = answer.read()
        self.answer(answer.status, content, answer.getheaders())
        connection.close()

    def answer(self, status: int, content: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self.forward
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        pass


class ProxyServer(http.server.ThreadingHTTPServer):
    """The proxy of a port."""

    daemon_threads = True

    def __init__(self, behind: int, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Proxy)
        self.behind = behind
        self.remote = Remote(f"127.0.0.1:{self.server_port}", folder)


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch, tmp_path) -> None:
    # However slow this machine is, the server has the time to answer.
    monkeypatch.setattr(connectivity, "SERVER_SECONDS", 600.0)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)


def holding(text: str, *folders: Path) -> list[str]:
    """Files that hold a text."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path) for path in files if text.encode() in path.read_bytes()]


@pytest.mark.seldom
def test_a_run_with_secrets_is_tracked_and_leaves_none_of_them(
    remote, here, write_yaml, quick_fit, monkeypatch, capfd
):
    """Training fails at its end, is registered later, and is used from the server."""
    options = {"spark.hadoop.fs.s3a.secret.key": OPTION, "spark.app.name": "shop"}
    file = write_yaml(
        engine={"kind": "spark", "options": options}, tracking={"uri": remote.uri}, name="remote"
    )
    monkeypatch.setattr(remote, "down", True)
    arguments = ["--output", "out", "--log-format", "json", "--debug"]
    assert run(monkeypatch, "train", str(file), *arguments) == 2
    monkeypatch.setattr(remote, "down", False)
    said = capfd.readouterr()
    assert "register them with: engagement-ml register out" in said.err
    assert "traceback" in said.err
    assert RunRecord.from_json(here / "out" / "run.json").registered is None

    # The run's files do not have the password, so the environment must.
    assert run(monkeypatch, "register", "out") == 2
    second = capfd.readouterr()
    assert "the password is masked" in second.err
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    assert run(monkeypatch, "register", "out", "--verbose") == 0
    third = capfd.readouterr()
    assert "Registered as small-shop, version 1" in third.out
    registered = RunRecord.from_json(here / "out" / "run.json").registered
    assert registered["tracking_uri"] == f"http://ann:***@{remote.host}"
    assert register("out").already

    file.unlink()
    metric = EngagementMetric.from_json(here / "out" / "metric.json")
    assert load_metric("models:/small-shop/1", tracking_uri=remote.uri) == metric
    with open_run("models:/small-shop/1", tracking_uri=remote.uri) as downloaded:
        assert downloaded.metric() == metric
        assert downloaded.models()[0].to_text() == (here / "out/models/profit.txt").read_text()
    texts = "".join(each.out + each.err for each in (said, second, third))
    for secret in (SECRET, OPTION):
        assert holding(secret, here, remote.folder) == []
        assert secret not in texts
    assert holding("shop.yaml", here) == []


def test_a_wrong_password_is_refused_before_the_long_work(remote, here, write_yaml, capfd):
    with pytest.MonkeyPatch.context() as patch:
        uri = f"http://ann:falsch3s@{remote.host}"
        assert run(patch, "train", str(write_yaml(tracking={"uri": uri})), "--output", "out") == 2
    said = capfd.readouterr().err
    assert "the server refuses user 'ann' (401: You are not authenticated)" in said
    assert "falsch3s" not in said
    assert not (here / "out").exists()
    with pytest.raises(TrackingError, match="wants to know who you are"):
        load_metric("models:/small-shop/1", tracking_uri=f"http://{remote.host}")
