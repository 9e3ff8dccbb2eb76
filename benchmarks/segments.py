"""Effects by segment over many simulated data sets: power, size, coverage and pooling.

Run ``python -m benchmarks.segments`` for the table, ``--quick`` for a small one.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engagement_ml.config import PipelineConfig, parse_config
from engagement_ml.drivers.estimators.observation import ObservationEstimator
from engagement_ml.drivers.finding import Finding, Verdict
from engagement_ml.drivers.segment_evidence import SegmentRow
from engagement_ml.drivers.study import Study
from engagement_ml.drivers.validation.heterogeneity import compare_segments
from engagement_ml.features.period_panel import Periods

Array = NDArray[np.float64]

PRICE = 20.0
OUTCOME = 12
START = dt.date(2023, 1, 2)


@dataclass(frozen=True)
class Kind:
    """Effects of one event on gains and losses of the outcome window, by plan, in currency.

    Attributes
    ----------
    call_gain, call_loss : tuple of float
        Of behaviour `call`, for the plans basic and plus.
    memory : int
        Weeks over which the effect is spread evenly.
    frequency, level : tuple of float
        Calls per week, and orders per week, by plan.
    """

    call_gain: tuple[float, float]
    call_loss: tuple[float, float] = (0.0, 0.0)
    memory: int = 6
    frequency: tuple[float, float] = (0.3, 0.3)
    level: tuple[float, float] = (0.3, 0.3)

    @property
    def effects(self) -> tuple[float, float]:
        """Net effects by plan."""
        gain, loss = self.call_gain, self.call_loss
        return gain[0] - loss[0], gain[1] - loss[1]


KINDS = {
    "same": Kind((3.0, 3.0)),
    "same, other levels": Kind((3.0, 3.0), frequency=(0.2, 0.5), level=(0.25, 0.45)),
    "twice as large": Kind((2.0, 4.0)),
    "twice, short memory": Kind((2.0, 4.0), memory=2),
    "twice, other levels": Kind((2.0, 4.0), frequency=(0.2, 0.5), level=(0.25, 0.45)),
    "losses in one plan": Kind((4.0, 4.0), (0.0, 2.0)),
    "opposite signs": Kind((5.0, 1.0), (0.5, 3.5)),
}
PLANS = ("basic", "plus")
REGIONS = ("north", "south", "west", "east")
BEHAVIOURS = ("call", "newsletter", "page_view", "like")


def simulate(kind: Kind, n: int, n_weeks: int, seed: int) -> Periods:
    """Simulate weekly counts and amounts.

    `call` has the effects of the kind, by plan. `newsletter` raises gains by the same amount for
    everybody. `page_view` and `like` depend on the customer's affinity and have no effect. The
    region has nothing to do with any effect. Gains and losses add up in currency.
    """
    rng = np.random.default_rng([seed, 11])
    plan, region = rng.integers(0, 2, n), rng.integers(0, len(REGIONS), n)
    affinity = rng.standard_normal((n, 1))
    rates = (np.array(kind.frequency)[plan][:, None], 0.4, 1.0, 0.6)
    counts = []
    for rate, loading in zip(rates, (0.2, 0.2, 0.8, 0.8), strict=True):
        wave = np.zeros((n, n_weeks))
        for t in range(1, n_weeks):
            wave[:, t] = 0.8 * wave[:, t - 1] + 0.35 * rng.standard_normal(n)
        counts.append(rng.poisson(rate * np.exp(loading * affinity + wave - 0.2)).astype(float))
    season = 1.0 + 0.25 * np.sin(2 * np.pi * np.arange(n_weeks) / 52)
    level = np.array(kind.level)[plan][:, None] * np.exp(0.6 * affinity - 0.18) * season
    call, newsletter = _stock(counts[0], kind.memory), _stock(counts[1], 4)
    gain = PRICE * level + np.array(kind.call_gain)[plan][:, None] * call + 3.0 * newsletter
    loss = 0.15 * PRICE * level + np.array(kind.call_loss)[plan][:, None] * call
    orders, returns = rng.poisson(gain / PRICE), rng.poisson(loss / PRICE)
    size = rng.lognormal(-0.125, 0.5, (n, n_weeks))
    return Periods(
        entities=np.array([f"c{i:06d}" for i in range(n)], dtype=object),
        behaviours=BEHAVIOURS,
        period_days=7,
        start=START,
        until=START + dt.timedelta(weeks=n_weeks),
        counts=np.stack(counts, axis=2).astype(np.float32),
        gain=PRICE * size * orders,
        loss=PRICE * size * returns,
        orders=orders.astype(np.float32),
        entry=np.zeros(n, dtype=np.int32),
        exit=np.full(n, n_weeks, dtype=np.int32),
        segments={
            "plan": np.array(PLANS, dtype=object)[plan],
            "region": np.array(REGIONS, dtype=object)[region],
        },
    )


def _stock(counts: Array, memory: int) -> Array:
    """Return the effect of past events in each week, an even share of 1 in each of some weeks."""
    stock = np.zeros_like(counts)
    for lag in range(1, memory + 1):
        stock[:, lag:] += counts[:, :-lag] / memory
    return stock


def window_share(memory: int) -> float:
    """Return the share of an event's effect that falls into the outcome window, on average.

    An event of the observation window lies 1 to 12 weeks before the outcome window begins.
    """
    shares = [
        sum(1 for lag in range(1, memory + 1) if s <= lag < s + OUTCOME) / memory
        for s in range(1, OUTCOME + 1)
    ]
    return float(np.mean(shares))


@dataclass
class Tally:
    """What happened over the seeds of a kind."""

    runs: int = 0
    found: int = 0
    false: int = 0
    false_tests: int = 0
    tests: int = 0
    covered: list[bool] = field(default_factory=list)
    covered_pooled: list[bool] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    errors_pooled: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    z: list[float] = field(default_factory=list)
    opposite: int = 0
    seconds: list[float] = field(default_factory=list)


def run(kind: Kind, n: int, n_weeks: int, seed: int, tally: Tally) -> None:
    """Simulate one data set, compare its segments, and add the outcome to the tally."""
    periods = simulate(kind, n, n_weeks, seed)
    study = Study(periods, None, None, _config())
    estimates = ObservationEstimator().estimate(study)
    findings, verdicts = _findings(study, estimates)
    start = time.perf_counter()
    comparison = compare_segments(study, estimates, findings, verdicts)
    tally.seconds.append(time.perf_counter() - start)
    tally.runs += 1
    tally.z.append(estimates.within["call"].z)
    true = dict(zip(PLANS, kind.effects, strict=True))
    differs = true[PLANS[0]] != true[PLANS[1]]
    wrong = 0
    for test in comparison.tests:
        really = differs and (test.segment, test.behaviour) == ("plan", "call")
        if really:
            tally.found += test.differs
            tally.opposite += bool(test.opposite)
        else:
            tally.tests += 1
            wrong += test.differs
    tally.false_tests += wrong
    tally.false += wrong > 0
    share = window_share(kind.memory)
    for row in comparison.rows:
        if (row.segment, row.behaviour) == ("plan", "call"):
            _measure(row, true[row.value] * share, tally)
    own = [r for r in comparison.rows if (r.segment, r.behaviour) == ("plan", "call")]
    sizes = {r.value: r.effect for r in own}
    if len(sizes) == 2:
        tally.ratios.append(sizes["plus"] / sizes["basic"])


def _measure(row: SegmentRow, truth: float, tally: Tally) -> None:
    tally.covered.append(row.low <= truth <= row.high)
    tally.errors.append(row.effect - truth)
    if row.pooled_effect is not None and row.pooled_low is not None and row.pooled_high is not None:
        tally.covered_pooled.append(row.pooled_low <= truth <= row.pooled_high)
        tally.errors_pooled.append(row.pooled_effect - truth)


def _config() -> PipelineConfig:
    return parse_config({"name": "segments", "segments": ["plan", "region"]}, origin="benchmark")


def _findings(study: Study, estimates: object) -> tuple[dict[str, Finding], dict[str, Verdict]]:
    """Return findings with a verdict by z alone: what is tested does not hang on other checks."""
    findings, verdicts = {}, {}
    for b in study.behaviours:
        within = estimates.within.get(b)  # type: ignore[attr-defined]
        findings[b] = Finding(
            behaviour=b,
            role="behaviour",
            within=within,
            half_z=(0.0, 0.0),
            association=study.associations[b],
            purchase_response=estimates.responses[b],  # type: ignore[attr-defined]
            leads=None,
            frequency=1.0,
            cost=0.0,
            min_effect=0.0,
        )
        strong = within is not None and abs(within.z) >= study.thresholds.min_z
        positive = within is not None and within.effect > 0
        verdicts[b] = (
            Verdict("driver" if positive else "harmful", "passed")
            if strong
            else Verdict("unverifiable", "inconclusive")
        )
    return findings, verdicts


HEADER = (
    f"{'kind':<22}{'runs':>5}{'z':>7}{'found':>8}{'false runs':>12}{'false tests':>13}"
    f"{'covered':>9}{'pooled':>8}{'rmse':>7}{'pooled':>8}{'ratio':>7}{'opposite':>10}{'s':>6}"
)


def line(name: str, tally: Tally) -> str:
    """Return the table's line of a kind."""
    n = max(tally.runs, 1)
    kind = KINDS[name]
    found = f"{tally.found / n:.0%}" if kind.effects[0] != kind.effects[1] else "-"
    return (
        f"{name:<22}{tally.runs:>5}{np.mean(tally.z):>7.1f}{found:>8}{tally.false / n:>12.0%}"
        f"{tally.false_tests / max(tally.tests, 1):>13.1%}{np.mean(tally.covered):>9.0%}"
        f"{np.mean(tally.covered_pooled):>8.0%}{_rms(tally.errors):>7.2f}"
        f"{_rms(tally.errors_pooled):>8.2f}{np.median(tally.ratios):>7.2f}"
        f"{tally.opposite / n:>10.0%}{np.median(tally.seconds):>6.1f}"
    )


def _rms(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values else float("nan")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds, 1,500 customers, 52 weeks")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--weeks", type=int, default=80)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    options = parser.parse_args(arguments)
    if options.quick:
        options.seeds, options.customers, options.weeks = 2, 1500, 52
    tallies: dict[str, Tally] = defaultdict(Tally)
    sys.stdout.write(HEADER + "\n")
    for name in options.kinds:
        for seed in range(options.seeds):
            run(KINDS[name], options.customers, options.weeks, seed, tallies[name])
        sys.stdout.write(line(name, tallies[name]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
