"""Cost and errors of training with many event types, of which at most two act.

``python -m benchmarks.event_types --types 20 60 200 2000`` trains once for each number of types
and seed, each in a process of its own, and prints its time, its peak memory and what it found.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

DAYS = 364
EVENTS_PER_CUSTOMER = 150
"""Events of all types together, so that only the number of types differs."""
ACTING = ("acts_0", "acts_1")
START = np.datetime64("2023-01-02")

IntArray = npt.NDArray[np.int64]


def make_tables(
    types: int, customers: int, seed: int, effect: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return events and transactions of customers who differ in activity and in margin.

    The types have shares that fall as 1 / rank. Active customers do more of everything and buy
    more, so that every type correlates with margin between customers. Within customers only
    `ACTING` act, and only with an `effect`: each event adds so many orders on average, spread over
    the four weeks after it.
    """
    rng = np.random.default_rng([types, seed])
    activity = rng.lognormal(0, 0.6, customers)
    total = rng.poisson(EVENTS_PER_CUSTOMER * activity / activity.mean())
    who = np.repeat(np.arange(customers), total)
    shares = 1 / np.arange(1, types + 1)
    chosen = rng.choice(types, size=len(who), p=shares / shares.sum())
    when = rng.integers(0, DAYS * 1440, len(who))
    names = np.array([f"page_{i}" for i in range(types)], dtype=object)
    names[[3, 6]] = ACTING
    orders_by, orders_at = [np.repeat(np.arange(customers), rng.poisson(8 * activity))], []
    orders_at.append(rng.integers(0, DAYS * 1440, len(orders_by[0])))
    acting = np.flatnonzero(np.isin(names[chosen], ACTING))
    caused = np.repeat(acting, rng.poisson(effect, len(acting)))
    orders_by.append(who[caused])
    orders_at.append(when[caused] + rng.integers(0, 28 * 1440, len(caused)))
    by, at = np.concatenate(orders_by), np.concatenate(orders_at)
    by, at = by[at < DAYS * 1440], at[at < DAYS * 1440]
    events = pd.DataFrame(
        {"customer_id": who, "timestamp": _moments(when), "event_type": names[chosen]}
    )
    margin = rng.gamma(2, 10, len(by)).round(2)
    return events, pd.DataFrame({"customer_id": by, "timestamp": _moments(at), "margin": margin})


def _moments(minutes: IntArray) -> npt.NDArray[np.datetime64]:
    return (START + minutes.astype("timedelta64[m]")).astype("datetime64[us]")


def train_once(options: argparse.Namespace) -> dict[str, Any]:
    """Train on one data set and return what it cost and found."""
    from engagement_ml.config import parse_config
    from engagement_ml.workflow.fitting import fit_pipeline

    events, transactions = make_tables(
        options.types[0], options.customers, options.seeds[0], options.effect
    )
    raw: dict[str, Any] = {"name": "many-types", "tracking": {"uri": None}}
    if options.at_most is not None:
        raw["event_types"] = {"at_most": options.at_most}
    config = parse_config(raw)
    begin = time.perf_counter()
    fitted = fit_pipeline(config, frames={"events": events, "transactions": transactions})
    seconds = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_SELF)
    found: dict[str, list[str]] = {}
    for row in fitted.record.drivers:
        found.setdefault(row.verdict, []).append(row.behaviour)
    named = [*found.get("driver", []), *found.get("harmful", [])]
    return {
        "types": options.types[0],
        "seed": options.seeds[0],
        "seconds": round(seconds, 1),
        "processor seconds": round(used.ru_utime + used.ru_stime, 1),
        "GB": round(used.ru_maxrss / 1e6, 2),
        "candidates": len(fitted.record.drivers),
        "acting found": sum(name in ACTING for name in named) if options.effect else None,
        "false": [name for name in named if not options.effect or name not in ACTING],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Train in a process for each data set, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--types", type=int, nargs="+", default=[20, 60, 200, 2000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--effect", type=float, default=0.3, help="orders per acting event")
    parser.add_argument("--at-most", type=int, help="event_types.at_most; default: the default")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.once:
        print(json.dumps(train_once(options)))
        return
    for types in options.types:
        for seed in options.seeds:
            command = [sys.executable, "-m", "benchmarks.event_types", "--once"]
            command += ["--types", str(types), "--seeds", str(seed)]
            command += ["--customers", str(options.customers), "--effect", str(options.effect)]
            if options.at_most is not None:
                command += ["--at-most", str(options.at_most)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
