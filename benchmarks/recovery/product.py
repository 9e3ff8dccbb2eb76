"""Run ``engagement-ml train`` on a simulated data set and read its output files."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.recovery.world import World

COMMAND = [sys.executable, "-c", "import sys; from engagement_ml.cli import main; sys.exit(main())"]


def train_and_read(world: World) -> dict[str, Any]:
    """Train on the data set in a temporary folder and return the results.

    Returns
    -------
    dict
        ``chosen`` (behaviours in order), ``weights`` (behaviour → weight, low, high),
        ``verdicts`` (behaviour → verdict, effect, low, high, selection_frequency, reason),
        ``across`` (name → Spearman with later margin), ``within`` and ``vanity`` (name → Spearman
        between changes), ``segments`` (behaviour → whether its effect differs between the values
        of a segment), ``reason`` of an abstention, ``seconds``. After a failed run, ``error``.
    """
    with tempfile.TemporaryDirectory(prefix="recovery-") as name:
        folder = Path(name)
        config = world.write(folder / "tables")
        output = folder / "output"
        started = time.perf_counter()
        process = subprocess.run(
            [*COMMAND, "train", str(config), "--output", str(output)],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if process.returncode:
            lines = process.stderr.strip().splitlines() or [f"exit status {process.returncode}"]
            return {"error": lines[-1], "chosen": [], "seconds": seconds}
        return read_output(output) | {"seconds": seconds}


def read_output(folder: Path) -> dict[str, Any]:
    """Read metric.json, drivers.csv and evaluation.json."""
    metric = json.loads((folder / "metric.json").read_text(encoding="utf-8"))
    with (folder / "drivers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    comparison = evaluation.get("metric") or {}
    return {
        "chosen": [b["behaviour"] for b in metric["behaviours"]],
        "weights": {
            b["behaviour"]: [b["weight"], b["weight_low"], b["weight_high"]]
            for b in metric["behaviours"]
        },
        "verdicts": {
            row["behaviour"]: {
                "verdict": row["verdict"],
                "effect": _number(row["effect"]),
                "low": _number(row["effect_low"]),
                "high": _number(row["effect_high"]),
                "selection_frequency": _number(row["selection_frequency"]),
                "reason": row["reason"],
                "optimum": _number(row.get("optimum") or ""),
                "converged": {"true": True, "false": False}.get(row.get("converged") or ""),
            }
            for row in rows
        },
        "segments": _segments(folder / "segments.csv"),
        "within": _values(comparison.get("within")),
        "across": _values(comparison.get("across")),
        "vanity": _values(comparison.get("vanity")),
        "reason": metric["reason"],
    }


def _segments(path: Path) -> dict[str, bool]:
    """Return whether the run says that an effect differs, of behaviours compared by segment."""
    differs: dict[str, bool] = {}
    if not path.is_file():
        return differs
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            here = row["differs"] == "true"
            differs[row["behaviour"]] = differs.get(row["behaviour"], False) or here
    return differs


def _number(text: str) -> float | None:
    return float(text) if text and not math.isnan(float(text)) else None


def _values(block: dict[str, Any] | None) -> dict[str, float]:
    """Return Spearman correlations by name, without undefined ones."""
    cells = {name: (entry or {}).get("spearman") for name, entry in (block or {}).items()}
    return {name: cell["value"] for name, cell in cells.items() if cell}
