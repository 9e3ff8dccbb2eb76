"""Run the benchmark of scale: ``python -m benchmarks.scale.run``.

Each measurement runs in a process of its own and is kept under ``benchmarks/results/scale`` until
the code it depends on changes. ``QUICK=1`` measures a million events only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measured import say
from benchmarks.recovery.jobs import ROOT
from benchmarks.scale import measures, tables
from benchmarks.scale.measures import Setting
from benchmarks.scale.world import folder_of, needed

MILLION = 1_000_000
RIVALS = ("featuretools", "tsfresh")
RIVALS_PYTHON = ROOT / ".venv-rivals" / "bin" / "python"


def main() -> int:
    """Parse, measure, print; status 1 with --check where something that must hold does not."""
    quick = os.environ.get("QUICK", "") not in ("", "0")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1] if quick else [1, 10, 100],
                        help="millions of events")  # fmt: skip
    parser.add_argument("--pandas-size", type=int, default=1 if quick else 10,
                        help="millions of events for pandas by hand")  # fmt: skip
    parser.add_argument("--rival-size", type=float, default=0.2 if quick else 2.0,
                        help="millions of events for featuretools and tsfresh")  # fmt: skip
    parser.add_argument("--customers", type=int, default=1 if quick else 10,
                        help="millions of customers to score")  # fmt: skip
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many counts")
    folder = Path(tempfile.gettempdir()) / "engagement-ml-scale"
    parser.add_argument("--data", type=Path, default=folder, help="where events are written")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results/scale")
    here = str(RIVALS_PYTHON) if RIVALS_PYTHON.exists() else sys.executable
    parser.add_argument("--rivals-python", default=here,
                        help="a Python with featuretools and tsfresh")  # fmt: skip
    parser.add_argument("--check", action="store_true", help="fail where a requirement fails")
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    sizes = sorted(size * MILLION for size in given.sizes)
    missing = [n for n in sizes if not (folder_of(given.data, n) / "transactions.parquet").exists()]
    room, free = needed(missing or [0]), shutil.disk_usage(given.data).free
    say(f"{given.data}: {free / 1e9:.0f} GB free, some {room / 1e9:.1f} GB needed")
    if free < room:
        say(f"error: {given.data}: too little room; name another folder with --data")
        return 2
    setting = Setting(given.data, given.results, given.repeats, given.rivals_python)
    customers, rows = given.customers * MILLION, 20_000 if quick else 200_000
    pandas_size, rival_size = given.pandas_size * MILLION, int(given.rival_size * MILLION)
    found = tables.Found(
        panels={n: measures.panel(setting, n) for n in sizes},
        sessions={n: measures.panel(setting, n, sessions=True) for n in sizes},
        pandas=(pandas_size, measures.pandas(setting, pandas_size)),
        rivals={r: (rival_size, measures.rival(setting, r, rival_size)) for r in RIVALS},
        scoring=(customers, measures.scoring(setting, customers, rows)),
    )
    print(tables.everything(found))
    failed = [what for what, _, ok in tables.requirements(found) if not ok]
    return int(given.check and bool(failed))


if __name__ == "__main__":
    sys.exit(main())
