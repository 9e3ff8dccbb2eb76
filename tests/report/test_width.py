"""The page in a browser: never wider than a phone. Needs Chromium; skipped without it."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engagement_ml.report import render_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# A frame of the width of a phone; the script writes how wide the page inside wants to be.
FRAME = """<!doctype html><iframe id="f" src="page.html" style="width: {width}px; height: 800px;
border: 0"></iframe><script>
f.onload = () => {{
  f.contentDocument.querySelectorAll("details").forEach(each => each.open = true);
  document.title = "width " + f.contentDocument.documentElement.scrollWidth;
}};
</script>"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def width_of(html: str, width: int, folder: Path) -> int:
    """The width that a page takes in a frame of `width` pixels, all details unfolded."""
    (folder / "page.html").write_text(html, encoding="utf-8")
    (folder / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = subprocess.run(
            [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom",
             "--virtual-time-budget=4000",
             f"http://127.0.0.1:{server.server_address[1]}/frame.html"],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()
    found = re.search(r"<title>width (\d+)</title>", done.stdout)
    assert found is not None, done.stdout[:500]
    return int(found.group(1))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_is_never_wider_than_its_window(
    any_record: dict[str, Any], width: int, tmp_path: Path
) -> None:
    assert width_of(render_report(any_record), width, tmp_path) <= width


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_long_names_do_not_widen_the_page(record: dict[str, Any], tmp_path: Path) -> None:
    for row in record["drivers"]:
        row["label"] = "a_very_long_event_type_" * 6
    record["checks"][0]["result"] = "x" * 300
    record["tables"][0]["source"] = "y" * 300
    assert width_of(render_report(record), 360, tmp_path) <= 360
