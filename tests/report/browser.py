"""Pages in a real browser: a page runs in a frame, and a script of ours looks into it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# The script sees the page as `page` and its window as `view`, and returns what it found.
FRAME = """<!doctype html><iframe id="f" src="page.html" style="width: {width}px; height: 800px;
border: 0"></iframe><pre id="found"></pre><script>
f.onload = async () => {{
  const view = f.contentWindow, page = f.contentDocument;
  const look = async () => {{ {script} }};
  found.textContent = JSON.stringify(await look());
}};
</script>"""
WIDTH = """
  page.querySelectorAll("details").forEach(each => each.open = true);
  return page.documentElement.scrollWidth;
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def look_at(page: str, script: str, folder: Path, width: int = 1280) -> Any:
    """Return what a script finds in a page that is shown `width` pixels wide."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    (folder / "frame.html").write_text(FRAME.format(width=width, script=script), encoding="utf-8")
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
    found = re.search(r'<pre id="found">(.+?)</pre>', done.stdout, re.S)
    assert found is not None, done.stdout[:500]
    return json.loads(html.unescape(found.group(1)))


def width_of(page: str, width: int, folder: Path) -> int:
    """Return the width that a page takes in a frame of `width` pixels, all details unfolded."""
    return int(look_at(page, WIDTH, folder, width))
