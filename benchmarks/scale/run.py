"""Run the scale benchmark: ``python -m benchmarks.scale.run``.

Each measurement runs in a separate process. Results are cached under ``benchmarks/results/scale``
until the code behind them changes. ``QUICK=1`` measures one million events only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measurement import show_progress
from benchmarks.recovery.jobs import ROOT
from benchmarks.scale import measures, scorecard, tables
from benchmarks.scale.measures import Setting
from benchmarks.scale.workload import disk_space, folder_of

MILLION = 1_000_000
RIVALS = ("featuretools", "tsfresh")
RIVALS_PYTHON = ROOT / ".venv-rivals" / "bin" / "python"


def _arguments(quick: bool) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1] if quick else [1, 10, 100],
                        help="millions of events")  # fmt: skip
    parser.add_argument("--pandas-size", type=int, default=1 if quick else 10,
                        help="millions of events for hand-written pandas")  # fmt: skip
    parser.add_argument("--rival-size", type=float, default=0.2 if quick else 2.0,
                        help="millions of events for featuretools and tsfresh")  # fmt: skip
    parser.add_argument("--customers", type=int, default=1 if quick else 10,
                        help="millions of customers to score")  # fmt: skip
    parser.add_argument(
        "--repeats", type=int, default=3, help="runs per measurement; the fastest counts"
    )
    folder = Path(tempfile.gettempdir()) / "engagement-ml-scale"
    parser.add_argument("--data", type=Path, default=folder, help="folder for generated events")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results/scale")
    default_python = str(RIVALS_PYTHON) if RIVALS_PYTHON.exists() else sys.executable
    parser.add_argument("--rivals-python", default=default_python,
                        help="Python interpreter with featuretools and tsfresh")  # fmt: skip
    parser.add_argument("--check", action="store_true", help="exit status 1 if a requirement fails")
    return parser.parse_args()


def main() -> int:
    """Measure and print.

    The exit status is 1 if --check is set and a requirement fails, and 2 if the disk is too small.
    """
    quick = os.environ.get("QUICK", "") not in ("", "0")
    arguments = _arguments(quick)
    arguments.data.mkdir(parents=True, exist_ok=True)
    sizes = sorted(size * MILLION for size in arguments.sizes)
    missing = [
        n for n in sizes if not (folder_of(arguments.data, n) / "transactions.parquet").exists()
    ]
    required, free = disk_space(missing or [0]), shutil.disk_usage(arguments.data).free
    show_progress(
        f"{arguments.data}: {free / 1e9:.0f} GB free, about {required / 1e9:.1f} GB needed"
    )
    if free < required:
        show_progress(
            f"error: {arguments.data}: too little disk space; choose another folder with --data"
        )
        return 2
    setting = Setting(arguments.data, arguments.results, arguments.repeats, arguments.rivals_python)
    customers, rows = arguments.customers * MILLION, 20_000 if quick else 200_000
    pandas_size, rival_size = arguments.pandas_size * MILLION, int(arguments.rival_size * MILLION)
    measurements = tables.Measurements(
        panels={n: measures.panel(setting, n) for n in sizes},
        sessions={n: measures.panel(setting, n, sessions=True) for n in sizes},
        pandas=(pandas_size, measures.pandas(setting, pandas_size)),
        rivals={r: (rival_size, measures.rival(setting, r, rival_size)) for r in RIVALS},
        measures=(pandas_size, scorecard.measure(setting, pandas_size)),
        scoring=(customers, measures.scoring(setting, customers, rows)),
    )
    print(tables.all_tables(measurements))
    failed = [name for name, _, ok in tables.requirements(measurements) if not ok]
    return int(arguments.check and bool(failed))


if __name__ == "__main__":
    sys.exit(main())
