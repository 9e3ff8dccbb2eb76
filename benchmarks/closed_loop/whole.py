"""The whole loop on simulated tables: train, act, read back, train with the result."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.closed_loop.tables import ACTS, SHOPS, Shop, Simulation

CONFIG: dict[str, Any] = {
    "name": "loop",
    "windows": {"observation_days": 56, "outcome_days": 56, "every_days": 28},
    "tracking": {"uri": None, "register": False},
}


def report(seeds: range) -> None:
    """Print a row for each seed and shop; the shops of a seed share history and training."""
    print("\n| shop | seed | trained | lift | truth | events | said | trained again | s |")
    print("| --- | ---: | --- | --- | ---: | --- | --- | --- | ---: |")
    for seed in seeds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            run = train(SHOPS[0], seed, folder / "run")
            for place, shop in enumerate(SHOPS):
                begun = time.perf_counter()
                cells = follow(shop, seed, run, folder / "run", folder / f"list-{place}" / "one")
                cells.append(f"{time.perf_counter() - begun:.0f}")
                print(f"| {shop.name} | {seed} | " + " | ".join(cells) + " |", flush=True)


def train(shop: Shop, seed: int, folder: Path) -> str:
    """Train on the history, and return the verdict on the behaviour that acts."""
    import engagement_ml as em

    frames = Simulation(shop, seed).tables()
    return _verdict(em.train(CONFIG, output=folder, frames=frames, progress=False))


def follow(shop: Shop, seed: int, verdict: str, run: Path, folder: Path) -> list[str]:
    """Make a list, simulate what follows, read it back, and train with the result."""
    import engagement_ml as em

    if "driver" not in verdict:
        return [verdict, "", "", "", "", ""]
    simulation = Simulation(shop, seed)
    frames = simulation.tables()
    plan = em.act(
        CONFIG, model=run, output=folder, control_share=0.3, frames=frames, progress=False
    )
    treated = plan.assignment.query("arm == 'treated'")
    proposed = {
        str(name): rows["customer_id"].astype(int).to_numpy()
        for name, rows in treated.groupby("behaviour")
    }
    simulation.go_on(proposed)
    later = {"frames": simulation.tables(), "progress": False}
    found = em.read_action(CONFIG, folder, **later)
    share = float(np.mean(treated["behaviour"] == ACTS))
    truth = shop.later * shop.extra * share
    again = "not needed"
    if found.experiments:
        import yaml

        tests = yaml.safe_load(found.experiments)["experiments"]
        second = em.train({**CONFIG, "experiments": tests}, output=folder / "again", **later)
        again = _verdict(second)
    return [
        verdict,
        f"{found.lift.value:.2f} ({found.lift.low:.2f} to {found.lift.high:.2f})",
        f"{truth:.2f}",
        "unknown" if found.events is None else f"{found.events.value:.2f}",
        ", ".join(f"{b.behaviour} {b.verdict}" for b in found.behaviours),
        again,
    ]


def _verdict(run: Any) -> str:
    rows: pd.DataFrame = run.drivers.set_index("behaviour")
    return f"{rows.loc[ACTS, 'verdict']} by {rows.loc[ACTS, 'basis']}"
