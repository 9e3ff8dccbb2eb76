"""The whole loop on simulated tables: train, act, read back, train with the result."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.closed_loop.tables import ACTS, SHOPS, Shop, Simulation

WINDOWS = {"observation_days": 56, "outcome_days": 56, "every_days": 28}


def report(seeds: range) -> None:
    """Print a row for each shop and seed."""
    print("\n| shop | seed | trained | lift | truth | events | said | trained again | s |")
    print("| --- | ---: | --- | --- | ---: | --- | --- | --- | ---: |")
    for shop in SHOPS:
        for seed in seeds:
            begun = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                cells = _one(shop, seed, Path(folder))
            cells.append(f"{time.perf_counter() - begun:.0f}")
            print(f"| {shop.name} | {seed} | " + " | ".join(cells) + " |", flush=True)


def _one(shop: Shop, seed: int, folder: Path) -> list[str]:
    import engagement_ml as em

    simulation = Simulation(shop, seed)
    config: dict[str, Any] = {
        "name": "loop",
        "windows": WINDOWS,
        "tracking": {"uri": None, "register": False},
    }
    given = {"frames": simulation.tables(), "progress": False}
    run = em.train(config, output=folder / "run", **given)
    verdict = _verdict(run)
    if "driver" not in verdict:
        return [verdict, "", "", "", "", ""]
    plan = em.act(config, model=folder / "run", output=folder / "list", control_share=0.3, **given)
    treated = plan.assignment.query("arm == 'treated'")
    proposed = {
        str(name): rows["customer_id"].astype(int).to_numpy()
        for name, rows in treated.groupby("behaviour")
    }
    simulation.go_on(proposed)
    later = {"frames": simulation.tables(), "progress": False}
    config["windows"] = WINDOWS
    found = em.read_action(config, folder / "list", **later)
    share = float(np.mean(treated["behaviour"] == ACTS))
    truth = shop.later * shop.extra * share
    said = [f"{b.behaviour} {b.verdict}" for b in found.behaviours]
    again = "not needed"
    if found.experiments:
        import yaml

        tests = yaml.safe_load(found.experiments)["experiments"]
        second = em.train({**config, "experiments": tests}, output=folder / "again", **later)
        again = _verdict(second)
    return [
        verdict,
        f"{found.lift.value:.2f} ({found.lift.low:.2f} to {found.lift.high:.2f})",
        f"{truth:.2f}",
        "unknown" if found.events is None else f"{found.events.value:.2f}",
        ", ".join(said),
        again,
    ]


def _verdict(run: Any) -> str:
    rows: pd.DataFrame = run.drivers.set_index("behaviour")
    return f"{rows.loc[ACTS, 'verdict']} by {rows.loc[ACTS, 'basis']}"
