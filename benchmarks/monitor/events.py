"""False alarms of the checks of events in quiet weeks, and how often they find faults.

Run it with ``python -m benchmarks.monitor.events``; ``--worlds NAME`` and ``--tries N`` shorten it.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import Counter

import numpy as np

from benchmarks.monitor.worlds import (
    WORLDS,
    Simulated,
    World,
    duplicate_shares,
    simulate,
    week_totals,
    window_classes,
    with_fault,
)
from engagement_ml.lifecycle.monitoring.event_types import event_type_rows
from engagement_ml.lifecycle.monitoring.events import VOLUME_SHARE
from engagement_ml.lifecycle.monitoring.forecasts import VolumeForecast, forecast_volumes
from engagement_ml.lifecycle.monitoring.logging_faults import LoggingShares, logging_rows
from engagement_ml.lifecycle.monitoring.rows import RATE_SHARES
from engagement_ml.lifecycle.monitoring.shapes import WindowShapes, shape_rows
from engagement_ml.lifecycle.monitoring.volumes import judge
from engagement_ml.lifecycle.monitoring.weekly import WEEK, WeeklyTotals

FIRST, QUIET = 65, 200
"""Weeks of history before the first quiet week that is judged, and quiet weeks."""
RATE = 0.05
FAULTS = ("halved", "vanished", "doubled", "doubled, new times")
MEMORY = 104
"""Weeks of history before a fault; forecasts are made again with it."""
ENOUGH = 50
"""Events a week that a type has in the median, for a fault to be put into it."""
Forecasts = dict[int, VolumeForecast]


def alarms(totals: WeeklyTotals, forecasts: Forecasts, week: int) -> set[str]:
    """Return the checks of volumes and event types that give an alarm in a week."""
    rate = RATE * RATE_SHARES["events"]
    found = set()
    for weeks, forecast in forecasts.items():
        limits = judge(totals, weeks, rate * VOLUME_SHARE / 2, 0.25, None, week, forecast)
        if limits is None:
            continue
        counts = forecast.counts[week]
        if ((counts < limits.alarm[0]) | (counts > limits.alarm[1])).any():
            found.add("volume")
    rows = event_type_rows(totals.until(week + 1), rate * (1 - VOLUME_SHARE))
    return found | {row.kind for row in rows if row.status == "alarm"}


def quiet_weeks(world: World, seed: int) -> tuple[Counter[str], Simulated, WeeklyTotals]:
    """Count the alarms of each check in quiet weeks; ``any`` counts weeks."""
    simulated = simulate(world, FIRST + QUIET, seed)
    events, active = simulated.totals()
    totals = WeeklyTotals(simulated.starts, simulated.names, events, active)
    forecasts = {weeks: forecast_volumes(totals, weeks=weeks) for weeks in (1, 2)}
    shares, rows = duplicate_shares(simulated, seed)
    classes = window_classes(simulated)
    counted: Counter[str] = Counter()
    for week in range(FIRST, FIRST + QUIET):
        found = alarms(totals, forecasts, week)
        found |= other_alarms(simulated, week, shares, rows, classes)
        counted.update(found)
        counted["any"] += bool(found)
    return counted, simulated, totals


def other_alarms(
    simulated: Simulated,
    week: int,
    shares: dict[tuple[str, str], np.ndarray],
    rows: dict[tuple[str, str], np.ndarray],
    classes: dict[str, np.ndarray],
) -> set[str]:
    """Return the checks of logging and of shapes that give an alarm in a week."""
    last = slice(max(0, week - 26), week + 1)
    logged = LoggingShares(
        simulated.starts[last],
        {key: values[last] for key, values in rows.items()},
        {key: values[last] for key, values in shares.items()},
    )
    ends = list(range(week + 1, 12, -4))[:27][::-1]
    shapes = WindowShapes(
        tuple(simulated.starts[end - 1] + WEEK for end in ends),
        {name: values[np.array(ends) - 1] for name, values in classes.items()},
    )
    found = [*logging_rows(logged), *shape_rows(shapes, RATE * RATE_SHARES["shapes"])]
    return {row.kind for row in found if row.status == "alarm"}


def found_faults(
    simulated: Simulated, totals: WeeklyTotals, fault: str, tries: int, seed: int
) -> tuple[int, int]:
    """Return how many of some faults are found within two weeks, and how many there were."""
    rng = np.random.default_rng([seed, FAULTS.index(fault)])
    large = np.flatnonzero(np.median(totals.events.sum(axis=1), axis=0) >= ENOUGH)
    if not large.size:
        return 0, 0
    first_seen, hits = simulated.first_seen(), 0
    for _ in range(tries):
        week, kind = int(rng.integers(FIRST, FIRST + QUIET - 2)), int(rng.choice(large))
        if fault == "doubled":
            hits += _identical(simulated, week, kind, seed)
            continue
        events, active = totals.events.copy(), totals.active.copy()
        for place in (week, week + 1):
            counts = with_fault(simulated.counts[place], fault, kind, rng)
            events[place], active[place] = week_totals(counts, place - first_seen)
        part = slice(max(0, week - MEMORY), week + 2)
        changed = WeeklyTotals(totals.starts[part], totals.event_types, events[part], active[part])
        forecasts = {weeks: forecast_volumes(changed, weeks=weeks) for weeks in (1, 2)}
        last = changed.n_weeks - 1
        hits += any(alarms(changed, forecasts, place) for place in (last - 1, last))
    return hits, tries


def _identical(simulated: Simulated, week: int, kind: int, seed: int) -> bool:
    """Return whether rows that are logged twice, with the same time, are found at once."""
    shares, rows = duplicate_shares(simulated, seed)
    key = "identical_rows", simulated.names[kind]
    shares[key] = shares[key].copy()
    shares[key][week] = 0.5 + 0.5 * shares[key][week]
    last = slice(max(0, week - 26), week + 1)
    logged = LoggingShares(simulated.starts[last], {key: rows[key][last]}, {key: shares[key][last]})
    return any(row.status == "alarm" for row in logging_rows(logged))


def main() -> None:
    """Print a line per world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="*", default=[world.name for world in WORLDS])
    parser.add_argument("--tries", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    heads = ["false alarms", *FAULTS]
    print(f"| simulated data set | {' | '.join(heads)} | false alarms by check | seconds |")
    print("|" + " --- |" * (len(heads) + 3))
    sums: Counter[str] = Counter()
    for place, world in enumerate(WORLDS):
        if world.name not in options.worlds:
            continue
        began, seed = time.process_time(), 100 * options.seed + place
        counted, simulated, totals = quiet_weeks(world, seed)
        cells = [f"{100 * counted['any'] / QUIET:.1f}%"]
        for fault in FAULTS:
            hits, tries = found_faults(simulated, totals, fault, options.tries, seed)
            sums[fault] += hits
            sums[f"{fault} tried"] += tries
            cells.append(f"{hits}/{tries}")
        sums["any"] += counted["any"]
        sums["weeks"] += QUIET
        by_check = ", ".join(f"{kind} {n}" for kind, n in counted.items() if kind != "any" and n)
        seconds = time.process_time() - began
        print(f"| {world.name} | {' | '.join(cells)} | {by_check} | {seconds:.0f} |", flush=True)
    cells = [f"{100 * sums['any'] / max(sums['weeks'], 1):.1f}%"]
    cells += [f"{100 * sums[f] / max(sums[f'{f} tried'], 1):.0f}%" for f in FAULTS]
    print(f"| all | {' | '.join(cells)} | | |")


if __name__ == "__main__":
    main()
