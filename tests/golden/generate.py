"""Golden-master results of training on nine data sets, as numbers.

Run ``OMP_NUM_THREADS=1 python tests/golden/generate.py [CASE ...]`` to rewrite ``expected/*.json``,
and explain in the commit why numbers changed. ``--output DIR`` writes to another folder; ``--raw
DIR`` also keeps the files of each run for a comparison byte by byte.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
RETAIL = ROOT.parent / "shared" / "data" / "online_retail.parquet"
Case = tuple[dict[str, Any], dict[str, pd.DataFrame]]


def _definition(name: str) -> dict[str, Any]:
    settings = yaml.safe_load((ROOT / "pipelines" / f"{name}.yaml").read_text(encoding="utf-8"))
    del settings["sources"]
    return settings | {"tracking": {"uri": None}}


def _frames(dataset: Any) -> dict[str, pd.DataFrame]:
    tables = {name: getattr(dataset, name) for name in ("events", "transactions", "customers")}
    return {name: table for name, table in tables.items() if table is not None}


def _shop(effects: bool) -> Case:
    from engagement_ml.datasets import make_shop

    return _definition("shop"), _frames(make_shop(effects=effects))


def _journey() -> Case:
    from engagement_ml.datasets import load_complete_journey

    return _definition("complete-journey"), _frames(load_complete_journey())


def _retail() -> Case:
    from engagement_ml.datasets import load_online_retail

    return _definition("online-retail"), _frames(load_online_retail(RETAIL))


def _simulated(kind: str) -> Case:
    sys.path.insert(0, str(ROOT))
    from benchmarks.recovery.worlds import make_world

    world = make_world(kind, 1200, 52, seed=1)
    return {**world.config, "tracking": {"uri": None}}, _frames(world)


CASES: dict[str, Callable[[], Case]] = {
    "shop": lambda: _shop(effects=True),
    "shop-without-effects": lambda: _shop(effects=False),
    "complete-journey": _journey,
    "online-retail": _retail,
    "churn-event": lambda: _simulated("subscription"),
    "saturating": lambda: _simulated("saturating"),
    "harmful": lambda: _simulated("harmful"),
    "segments": lambda: _simulated("segments"),
    "reactive": lambda: _simulated("reactive"),
}


def run(case: str, folder: Path) -> dict[str, Any]:
    """Train on a case and return its results as numbers."""
    from engagement_ml.config import parse_config
    from engagement_ml.workflow import train, write_features

    settings, frames = CASES[case]()
    config = parse_config(settings)
    result = train(config, frames=frames, output=folder / "run")
    metric = json.loads((folder / "run" / "metric.json").read_text(encoding="utf-8"))
    # The quantiles follow from the definition and the features, which are compared below.
    metric.pop("score_quantiles", None)
    write_features(config, output=folder / "features", frames=frames)
    return {
        "metric": metric,
        "drivers": _drivers(result.drivers),
        "evaluation": _evaluation(folder / "run" / "evaluation.json"),
        "features": _summary(pd.read_parquet(folder / "features" / "features.parquet")),
    }


def _evaluation(file: Path) -> dict[str, Any]:
    """Return an evaluation without the differences between customers.

    Their estimates are differences of numbers that stay; tests of the evaluation compare them.
    """
    evaluation: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    for row in evaluation["metric"]["across"].values():
        del row["difference"]
    return evaluation


def _drivers(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return numbers and verdicts by behaviour, without texts."""
    texts = {"reason", "label", "role", "stage"}
    table = rows.drop(columns=[c for c in rows if c in texts]).set_index("behaviour")
    return {str(b): {k: _plain(v) for k, v in row.items()} for b, row in table.iterrows()}


def _summary(features: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Summarise each column by length, nulls, and sums that depend on values and row order."""
    keys = [c for c in ("customer_id", "cutoff") if c in features]
    features = features.sort_values(keys, ignore_index=True)
    row_weights = np.random.default_rng(0).random(len(features))
    summary = {}
    for name, column in features.items():
        if not pd.api.types.is_numeric_dtype(column):
            summary[str(name)] = {"rows": len(column), "distinct": int(column.nunique())}
            continue
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        finite = np.isfinite(values)
        summary[str(name)] = {
            "rows": len(values),
            "null": int((~finite).sum()),
            "sum": float(values[finite].sum()),
            "size": float(np.abs(values[finite]).sum()),
            "placed": float((values[finite] * row_weights[finite]).sum()),
        }
    return summary


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    number = float(value)
    return number if math.isfinite(number) else None


def differences(expected: Any, actual: Any, tolerance: float, where: str = "") -> list[str]:
    """Return a line for each leaf that differs by more than a relative tolerance."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        lines = [f"{where}/{k}: only on one side" for k in expected.keys() ^ actual.keys()]
        for key in expected.keys() & actual.keys():
            lines += differences(expected[key], actual[key], tolerance, f"{where}/{key}")
        return lines
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [
            line
            for i, (a, b) in enumerate(zip(expected, actual, strict=True))
            for line in differences(a, b, tolerance, f"{where}/{i}")
        ]
    numbers = isinstance(expected, int | float) and isinstance(actual, int | float)
    same = (
        math.isclose(expected, actual, rel_tol=tolerance, abs_tol=tolerance * 1e-3)
        if numbers
        else expected == actual
    )
    return [] if same else [f"{where}: {expected!r} before, {actual!r} now"]


def main() -> None:
    """Write the results of the cases given on the command line, or of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "case", nargs="*", help=f"cases to run, of {', '.join(CASES)}; default: all"
    )
    parser.add_argument("--output", type=Path, default=HERE / "expected")
    parser.add_argument("--raw", type=Path, help="folder for the files of each run")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for case in arguments.case or CASES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            results = run(case, folder)
            if arguments.raw is not None:
                shutil.copytree(folder, arguments.raw / case, dirs_exist_ok=True)
        text = json.dumps(results, indent=1, allow_nan=False, sort_keys=True)
        (arguments.output / f"{case}.json").write_text(text + "\n", encoding="utf-8")
        print(case, flush=True)


if __name__ == "__main__":
    main()
