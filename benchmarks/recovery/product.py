"""Ask the product: ``engagement-ml train`` on a world's tables, outputs read as users read them."""

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

from benchmarks.recovery.worlds import World

COMMAND = [sys.executable, "-c", "import sys; from engagement_ml.cli import main; sys.exit(main())"]


def ours(world: World) -> dict[str, Any]:
    """Train on the world in a folder of its own and return what was found.

    Returns
    -------
    dict
        ``chosen`` (behaviours in order), ``weights`` (behaviour → weight, low, high),
        ``verdicts`` (behaviour → verdict, effect, low, high, selection_frequency, reason),
        ``within`` and ``vanity`` (name → Spearman of change with change), ``reason`` of an
        abstention, ``seconds``; or ``error``.
    """
    with tempfile.TemporaryDirectory(prefix="recovery-") as name:
        folder = Path(name)
        config = world.write(folder / "tables")
        output = folder / "output"
        started = time.perf_counter()
        done = subprocess.run(
            [*COMMAND, "train", str(config), "--output", str(output)],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            return {"error": lines[-1], "chosen": [], "seconds": seconds}
        return read_output(output) | {"seconds": seconds}


def read_output(folder: Path) -> dict[str, Any]:
    """Read metric.json, drivers.csv and evaluation.json."""
    metric = json.loads((folder / "metric.json").read_text(encoding="utf-8"))
    with (folder / "drivers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    steering = evaluation.get("metric") or {}
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
            }
            for row in rows
        },
        "within": _values(steering.get("within")),
        "across": _values(steering.get("across")),
        "vanity": _values(steering.get("vanity")),
        "reason": metric["reason"],
    }


def _number(text: str) -> float | None:
    return float(text) if text and not math.isnan(float(text)) else None


def _values(block: dict[str, Any] | None) -> dict[str, float]:
    """Spearman by name, those not defined left out."""
    found = {name: (entry or {}).get("spearman") for name, entry in (block or {}).items()}
    return {name: cell["value"] for name, cell in found.items() if cell}
