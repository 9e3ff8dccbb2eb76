"""Which order finds the largest drivers: SHAP, effect × standard deviation, or both?

Run: ``python -m benchmarks.selection_order [--seeds 10] [--customers 3000] [--weeks 60]``. It
simulates data sets with four to six drivers (kind ``many_drivers``), orders those with evidence of
an effect, and compares the order with that of true effect × standard deviation. It prints a table
over the seeds:

- ``top three``: share of data sets in which the first three are the true first three;
- ``of three``: mean share of the true first three among them;
- ``value``: their true effect × standard deviation, as a share of the largest possible;
- ``tau``: Kendall's tau with the true order of the drivers;
- ``ahead``: share of pairs of a driver and a consequence in which the driver comes first, of
  orders that exist for both.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import time
from collections import defaultdict

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import kendalltau, rankdata

from benchmarks.recovery.world import World
from benchmarks.recovery.worlds import make_world
from engagement_ml.config import parse_config
from engagement_ml.drivers.estimators import estimator_for
from engagement_ml.drivers.selection.preceding import preceding
from engagement_ml.drivers.selection.shap_importance import fit_within_booster, within_shap
from engagement_ml.drivers.study import Study
from engagement_ml.features.period_panel import Periods

KIND = "many_drivers"
TOP = 3
COLUMNS = ("top three", "of three", "value", "tau", "ahead")
Array = np.ndarray


def study_of(world: World, seed: int) -> Study:
    """Return the study of a data set, from its weekly arrays."""
    weekly = world.weekly()
    n, n_weeks = weekly.gain.shape
    start = dt.date(2023, 1, 2)
    periods = Periods(
        entities=np.arange(n),
        behaviours=weekly.behaviours,
        period_days=7,
        start=start,
        until=start + dt.timedelta(days=7 * n_weeks),
        counts=weekly.counts.astype(np.float32),
        gain=weekly.gain,
        loss=weekly.loss,
        orders=weekly.orders,
        entry=weekly.entry.astype(np.int32),
        exit=weekly.exit.astype(np.int32),
        segments={},
    )
    config = parse_config({"name": KIND.replace("_", "-"), "random_seed": seed}, origin=KIND)
    return Study(periods, None, None, config)


def orders(study: Study) -> dict[str, dict[str, float]]:
    """Return what each method orders behaviours by; effects of those with evidence only."""
    estimates = estimator_for(study.config).estimate(study)
    rows, seed, names = study.rows, study.seed, study.behaviours
    fitted = fit_within_booster(rows, seed=seed)
    assert fitted is not None
    before = preceding(study.periods, study.spans, rows)
    by_shap = {
        "SHAP, fitted and explained on the same rows": np.abs(
            fitted.shap_values(fitted.x)[:, :-1]
        ).mean(axis=0),
        "SHAP, cross-fitted": within_shap(rows, seed=seed),
        "SHAP, cross-fitted, net of what precedes": within_shap(rows, before, seed=seed),
    }
    worth = {
        b: effect.effect * study.associations[b].std
        for b, effect in estimates.within.items()
        if effect.z >= study.thresholds.min_z and effect.effect > 0
    }
    named = {m: dict(zip(names, map(float, v), strict=True)) for m, v in by_shap.items()}
    return {**named, "effect × standard deviation": worth}


def combined(values: dict[str, Array]) -> dict[str, Array]:
    """Add the geometric mean and the mean rank of SHAP and effect × standard deviation."""
    *shap, effect = values
    added = {}
    for name in (shap[0], shap[-1]):
        short = name.replace("SHAP, ", "")
        product = np.maximum(values[name], 0.0) * values[effect]
        ranks = rankdata(values[name]) + rankdata(values[effect])
        added[f"geometric mean of SHAP ({short}) and effect"] = np.sqrt(product)
        # ties by the effect
        added[f"mean rank of SHAP ({short}) and effect"] = ranks + 1e-6 * rankdata(values[effect])
    return {**values, **added}


def score(given: Array, true: Array) -> list[float]:
    """Return the first four columns of one order of the drivers."""
    top, best = np.argsort(-given)[:TOP], np.argsort(-true)[:TOP]
    hits = len(set(top) & set(best))
    return [
        float(hits == TOP),
        hits / TOP,
        float(true[top].sum() / true[best].sum()),
        float(kendalltau(given, true).statistic),
    ]


def run(seed: int, customers: int, weeks: int) -> dict[str, list[float]] | None:
    """Return the columns of each order; None with fewer than four drivers with evidence."""
    world = make_world(KIND, customers, weeks, seed)
    truth, by = world.truth, orders(study_of(world, seed))
    *_, worth = by.values()
    drivers = sorted(b for b in truth.drivers if b in worth)
    if len(drivers) <= TOP:
        return None
    true = np.array([truth.effect[b] * truth.std[b] for b in drivers])
    values = {m: np.array([v[b] for b in drivers]) for m, v in by.items()}
    rows = {method: score(given, true) for method, given in combined(values).items()}
    following = [b for b, verdict in truth.verdicts.items() if verdict == "consequence"]
    for method, given in by.items():
        pairs = [given[b] > given[f] for b in drivers for f in following if f in given]
        rows[method].append(float(np.mean(pairs)) if method.startswith("SHAP") else float("nan"))
    return rows


def main() -> None:
    """Run all seeds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--weeks", type=int, default=60)
    arguments = parser.parse_args()
    collected: dict[str, list[list[float]]] = defaultdict(list)
    for seed in range(1, arguments.seeds + 1):
        started = time.perf_counter()
        rows = run(seed, arguments.customers, arguments.weeks)
        for method, values in (rows or {}).items():
            collected[method].append([*values, float("nan")][: len(COLUMNS)])
        state = "" if rows else ", fewer than four drivers with evidence"
        print(f"seed {seed}: {time.perf_counter() - started:.0f} s{state}", flush=True)
    n = len(next(iter(collected.values()), []))
    print(f"\n{n} data sets of {arguments.customers} customers and {arguments.weeks} weeks\n")
    print(f"| order | {' | '.join(COLUMNS)} |")
    print(f"| --- |{' --- |' * len(COLUMNS)}")
    for method, values in collected.items():
        means = np.mean(values, axis=0)
        cells = " | ".join("" if np.isnan(mean) else f"{mean:.2f}" for mean in means)
        print(f"| {method} | {cells} |")


if __name__ == "__main__":
    main()
