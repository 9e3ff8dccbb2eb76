"""Links: false alarms while every link holds, and how soon a lost one is found.

``python -m benchmarks.monitor.links``; ``--seeds 3`` for a short run.
"""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import replace

import numpy as np

from benchmarks.monitor.link_data import FIT_WEEKS, KINDS, MEMORY, WEEKS, LinkWorld, simulate
from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods
from engagement_ml.lifecycle.monitoring.link_estimates import estimate_links
from engagement_ml.lifecycle.monitoring.links import link_rows, place_windows
from engagement_ml.lifecycle.monitoring.rows import MonitorRow
from engagement_ml.lifecycle.monitoring.spending import Look
from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

START = dt.date(2021, 1, 4)
SPANS = Spans(7, MEMORY, 12, 0)
TRAINED_WEEKS = FIT_WEEKS + 36
STEP = 4


def metric_of(world: LinkWorld) -> EngagementMetric:
    """Return the metric that a training would choose: the two drivers, saturating."""
    rows = []
    for b, weight in ((0, 60), (1, 40)):
        cap = max(2.0, float(np.quantile(world.counts[:, 40 : 40 + MEMORY, b].sum(axis=1), 0.95)))
        curve = Transform("log1p", scale=6.0, shape=None, cap=cap)
        rows.append(WeightedBehaviour(f"b{b}", weight, None, None, "frequency", "events", curve))
    return EngagementMetric("simulated", "driver", 84, 84, tuple(rows))


def periods_of(world: LinkWorld, weeks: int) -> Periods:
    """Return the first weeks as the period panel that the product builds from tables."""
    n, margin = len(world.margin), world.margin[:, :weeks]
    return Periods(
        entities=np.arange(n),
        behaviours=("b0", "b1", "b2"),
        period_days=7,
        start=START,
        until=START + dt.timedelta(7 * weeks),
        counts=world.counts[:, :weeks].astype(np.float32),
        gain=margin,
        loss=np.zeros_like(margin),
        orders=(margin > 0).astype(np.float32),
        entry=world.entry.astype(np.int32),
        exit=np.full(n, weeks, dtype=np.int32),
        segments={},
    )


def look_at(world: LinkWorld, number: int) -> list[MonitorRow]:
    """Return the rows of one look."""
    weeks = TRAINED_WEEKS + STEP * number
    periods = periods_of(world, weeks)
    present = periods.entry < weeks
    periods = replace(
        periods,
        entities=periods.entities[present],
        counts=periods.counts[present],
        gain=periods.gain[present],
        loss=periods.loss[present],
        orders=periods.orders[present],
        entry=periods.entry[present],
        exit=periods.exit[present],
    )
    look = Look(number, periods.until)
    windows = place_windows(periods, SPANS, START + dt.timedelta(7 * FIT_WEEKS), look)
    assert not isinstance(windows, str), windows
    estimates = estimate_links(periods, metric_of(world), SPANS, windows)
    return link_rows(estimates, look, START + dt.timedelta(7 * windows.recent))


def main() -> None:
    """Print, by kind, the share of quiet looks with an alarm, and of lost links found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    arguments = parser.parse_args()
    last = (WEEKS - TRAINED_WEEKS) // STEP
    print(f"{'':20}  quiet looks           histories    driver stops, found within    other link")
    print(f"{'kind':20}  looks alarm unknown   any alarm    1 window  2 windows  of       kept")
    for name in arguments.kinds:
        looks = alarms = unknown = ever = kept = 0
        found = np.zeros(2, dtype=int)
        for seed in range(arguments.seeds):
            quiet = simulate(KINDS[name], seed)
            histories = [look_at(quiet, k) for k in range(0, last + 1, 2)]
            bad = [any(row.status == "alarm" for row in rows) for rows in histories]
            looks, alarms, ever = looks + len(bad), alarms + sum(bad), ever + any(bad)
            unknown += sum(rows[0].status == "unknown" for rows in histories)
            lost = simulate(KINDS[name], seed, stops=TRAINED_WEEKS)
            status = {k: {r.subject: r.status for r in look_at(lost, k)} for k in (3, 6)}
            found += [status[3]["b0"] == "alarm", any(s["b0"] == "alarm" for s in status.values())]
            kept += all(s["b1"] != "alarm" for s in status.values())
        n = arguments.seeds
        print(
            f"{name:20}  {looks:5} {alarms / looks:5.1%} {unknown / looks:7.0%}   "
            f"{ever:4} of {n:<3}  {found[0] / n:8.0%}  {found[1] / n:9.0%}  {n:<7}  {kept / n:.0%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
