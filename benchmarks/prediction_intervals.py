"""Coverage of prediction intervals on later data of simulated shops.

Run: ``python -m benchmarks.prediction_intervals``. Each shop is cut off one outcome window before
its end. The profit model and its intervals are made from the rows before that day alone, and the
margin after it is then compared with the intervals. So the coverage is that of a later time, for
the same customers and new ones; the coverage that a run states is of other customers at its own
test cutoffs.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml import make_shop
from engagement_ml._typing import FloatArray
from engagement_ml.config import parse_config
from engagement_ml.datasets import Shop
from engagement_ml.engine import open_engine
from engagement_ml.features import build_panel
from engagement_ml.inputs import read_tables
from engagement_ml.models import ProfitModel
from engagement_ml.models.prediction_intervals import PredictionIntervals, calibrate_intervals
from engagement_ml.windows import DAY, History, Windows, plan_windows

TENTHS = 10
CONFIG = parse_config({"name": "intervals"})


@dataclass(frozen=True)
class Coverage:
    """Coverage of one shop's intervals: stated, later overall, and later by tenth of prediction.

    `width` is the mean width of an interval and `mean` the mean margin, both in currency.
    """

    stated: float
    later: float
    by_tenth: FloatArray
    width: float
    mean: float


def measure(shop: Shop, seed: int) -> Coverage:
    """Return the coverage of intervals on the last outcome window of a shop."""
    frames = {
        "events": shop.events,
        "transactions": shop.transactions,
        "customers": shop.customers,
    }
    with open_engine(CONFIG.engine, frames) as engine:
        tables = read_tables(CONFIG, engine, frames)
        history, outcome = tables.history, CONFIG.windows.outcome_days
        later = history.end - outcome * DAY
        known = plan_windows(History(history.start, later, history.paid_from), CONFIG.windows)
        panel = build_panel(tables, CONFIG, known)
        after = build_panel(tables, CONFIG, _at(known, later))
    model = ProfitModel().fit(panel, seed, windows=known)
    test = panel.part("test")
    intervals = calibrate_intervals(
        model.predict(test),
        test.frame["margin"].to_numpy(),
        test.frame["customer_id"].to_numpy(),
        seed=seed,
    )
    return _coverage(intervals, model.predict(after), after.frame["margin"].to_numpy())


def _at(windows: Windows, cutoff: object) -> Windows:
    return dataclasses.replace(windows, train=(), test=(cutoff,))


def _coverage(
    intervals: PredictionIntervals, predicted: FloatArray, margin: FloatArray
) -> Coverage:
    low, high = intervals.bounds(predicted)
    covered = (low <= margin) & (margin <= high)
    tenth = np.argsort(np.argsort(predicted, kind="stable")) * TENTHS // len(predicted)
    by_tenth = np.array([covered[tenth == t].mean() for t in range(TENTHS)])
    assert intervals.coverage is not None, intervals.reason
    return Coverage(
        intervals.coverage, covered.mean(), by_tenth, (high - low).mean(), margin.mean()
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the coverage for each number of customers, over seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[200, 500, 1500])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--weeks", type=int, default=90)
    given = parser.parse_args(arguments)
    tenths = "by tenth of the prediction, lowest first"
    print(f"customers  stated   later  lowest seed  width/mean  {tenths}")
    for n in given.customers:
        rows = [measure(make_shop(n, given.weeks, seed=s), s) for s in range(given.seeds)]
        stated, later = (np.mean([getattr(r, key) for r in rows]) for key in ("stated", "later"))
        tenths = " ".join(f"{share:4.0%}" for share in np.mean([r.by_tenth for r in rows], axis=0))
        lowest = min(row.later for row in rows)
        width = np.mean([row.width / row.mean for row in rows])
        print(
            f"{n:9,d}  {stated:6.1%}  {later:6.1%}  {lowest:11.1%}  {width:10.1f}  {tenths}",
            flush=True,
        )


if __name__ == "__main__":
    main()
