"""Golden results: what training found on nine data sets, as numbers.

Run ``OMP_NUM_THREADS=1 python tests/golden/generate.py [CASE ...]`` to write ``expected/*.json``
again, and say in the commit why numbers changed. ``--output DIR`` writes elsewhere;
``--raw DIR`` also keeps the files of each run, to compare byte by byte.
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

    world = make_world(kind, 2500, 60, seed=1)
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
    """Train on a case and return what it found, as numbers."""
    from engagement_ml.config import parse_config
    from engagement_ml.workflow import train, write_features

    settings, frames = CASES[case]()
    config = parse_config(settings)
    result = train(config, frames=frames, output=folder / "run")
    write_features(config, output=folder / "features", frames=frames)
    return {
        "metric": json.loads((folder / "run" / "metric.json").read_text(encoding="utf-8")),
        "drivers": _drivers(result.drivers),
        "evaluation": json.loads((folder / "run" / "evaluation.json").read_text(encoding="utf-8")),
        "features": _summary(pd.read_parquet(folder / "features" / "features.parquet")),
    }


def _drivers(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Numbers and verdicts by behaviour, without the texts."""
    texts = {"reason", "label", "role", "stage"}
    table = rows.drop(columns=[c for c in rows if c in texts]).set_index("behaviour")
    return {str(b): {k: _plain(v) for k, v in row.items()} for b, row in table.iterrows()}


def _summary(features: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Of each column its length, nulls, and sums that tell rows and values apart."""
    keys = [c for c in ("customer_id", "cutoff") if c in features]
    features = features.sort_values(keys, ignore_index=True)
    place = np.random.default_rng(0).random(len(features))
    found = {}
    for name, column in features.items():
        if not pd.api.types.is_numeric_dtype(column):
            found[str(name)] = {"rows": len(column), "distinct": int(column.nunique())}
            continue
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(values)
        found[str(name)] = {
            "rows": len(values),
            "null": int((~known).sum()),
            "sum": float(values[known].sum()),
            "size": float(np.abs(values[known]).sum()),
            "placed": float((values[known] * place[known]).sum()),
        }
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    number = float(value)
    return number if math.isfinite(number) else None


def differences(expected: Any, found: Any, tolerance: float, where: str = "") -> list[str]:
    """Return a line for each leaf that differs by more than a relative tolerance."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        lines = [f"{where}/{k}: only on one side" for k in expected.keys() ^ found.keys()]
        for key in expected.keys() & found.keys():
            lines += differences(expected[key], found[key], tolerance, f"{where}/{key}")
        return lines
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            line
            for i, (a, b) in enumerate(zip(expected, found, strict=True))
            for line in differences(a, b, tolerance, f"{where}/{i}")
        ]
    numbers = isinstance(expected, int | float) and isinstance(found, int | float)
    same = (
        math.isclose(expected, found, rel_tol=tolerance, abs_tol=tolerance * 1e-3)
        if numbers
        else expected == found
    )
    return [] if same else [f"{where}: {expected!r} before, {found!r} now"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", nargs="*", help=f"of {', '.join(CASES)}; else all")
    parser.add_argument("--output", type=Path, default=HERE / "expected")
    parser.add_argument("--raw", type=Path, help="keep the files of each run here")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    for case in given.case or CASES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            found = run(case, folder)
            if given.raw is not None:
                shutil.copytree(folder, given.raw / case, dirs_exist_ok=True)
        text = json.dumps(found, indent=1, allow_nan=False, sort_keys=True)
        (given.output / f"{case}.json").write_text(text + "\n", encoding="utf-8")
        print(case, flush=True)


if __name__ == "__main__":
    main()
