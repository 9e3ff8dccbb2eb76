"""Turning responses over several seeds: sign, effect, optimum, and false turns.

Run: ``python -m benchmarks.turning [--seeds 5] [--customers 4000] [--weeks 80]``. It prints one row
per simulated shop and behaviour called turning, then the requirements: the right sign in all, the
optimum within 25%, the effect within 20% on average, and false turns in at most 2% of behaviours.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.turning_data import BEHAVIOURS, KINDS, TurningShop, make_turning_shop
from engagement_ml.config import parse_config
from engagement_ml.workflow import train


@dataclass(frozen=True)
class Outcome:
    """What was estimated of one simulated shop.

    Attributes
    ----------
    kind : str
    verdict : str
        Of the messages.
    effect, low, high, truth : float
    optimum : float or None
        Estimated, with `optimum_low` and `optimum_high`.
    true_optimum : float or None
        None if the response does not turn or differs by segment.
    false_turns : int
        Number of behaviours that turn and should not.
    seconds : float
    """

    kind: str
    verdict: str
    effect: float
    low: float
    high: float
    truth: float
    optimum: float | None
    optimum_low: float | None
    optimum_high: float | None
    true_optimum: float | None
    false_turns: int
    segments: str
    seconds: float


def run(kind: str, seed: int, customers: int, weeks: int) -> Outcome:
    """Train on one simulated shop."""
    shop = make_turning_shop(kind, customers, weeks, seed)
    settings: dict[str, object] = {
        "name": "turning", "tracking": {"uri": None}, "random_seed": seed
    }  # fmt: skip
    if KINDS[kind].second is not None:
        settings["segments"] = ["plan"]
    frames = {
        "events": shop.events, "transactions": shop.transactions, "customers": shop.customers
    }  # fmt: skip
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = train(parse_config(settings), frames=frames, output=Path(folder) / "run")
    seconds = time.perf_counter() - started
    rows = {row.behaviour: row for row in result.record.drivers}
    mail, curve = rows["mail"], result.record.evidence.responses.get("mail")
    turned = [b for b, row in rows.items() if row.optimum is not None]
    expected = {"mail"} if KINDS[kind].turns else set()
    optima = () if curve is None else curve.optima
    return Outcome(
        kind, mail.verdict, *(_number(v) for v in (mail.effect, mail.effect_low, mail.effect_high)),
        shop.effect, mail.optimum, mail.optimum_low, mail.optimum_high, _true_optimum(shop),
        len(set(turned) - expected),
        ", ".join(f"{row.value} {_text(row.optimum)}" for row in optima), seconds,
    )  # fmt: skip


def _true_optimum(shop: TurningShop) -> float | None:
    values = set(shop.optimum.values())
    return values.pop() if len(values) == 1 else None


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def line(seed: int, outcome: Outcome) -> str:
    """Return a row of the table."""
    interval = f"{outcome.low:6.2f} to {outcome.high:6.2f}"
    optimum = "–"
    if outcome.optimum is not None:
        bounds = f"{_text(outcome.optimum_low)} to {_text(outcome.optimum_high)}"
        optimum = f"{outcome.optimum:.1f} ({bounds})"
    return (
        f"{outcome.kind:18} {seed:4d}  {outcome.verdict:12} {outcome.effect:6.2f} ({interval}) "
        f"true {outcome.truth:6.2f}  optimum {optimum:22} true {_text(outcome.true_optimum):5} "
        f"false turns {outcome.false_turns}  {outcome.seconds:5.1f}s  {outcome.segments}"
    )


def requirements(outcomes: list[Outcome]) -> list[tuple[str, bool]]:
    """Return each requirement with its figures, and whether it is met."""
    turning = [o for o in outcomes if KINDS[o.kind].turns]
    found = [o for o in turning if o.optimum is not None]
    # a sign is wrong if the interval excludes the true one
    wrong = [o for o in turning if (o.low > 0 > o.truth) or (o.high < 0 < o.truth)]
    ratios = [o.effect / o.truth for o in turning]
    off = [abs(o.optimum / o.true_optimum - 1) for o in found if o.optimum and o.true_optimum]
    covered = [
        o.optimum_low <= o.true_optimum <= o.optimum_high
        for o in found
        if o.true_optimum and o.optimum_low is not None and o.optimum_high is not None
    ]
    effects = [o.low <= o.truth <= o.high for o in turning]
    n_behaviours = len(BEHAVIOURS) * len(outcomes) - len(turning)
    false_share = sum(o.false_turns for o in outcomes) / max(n_behaviours, 1)
    error = float(np.mean(np.abs(np.array(ratios) - 1))) if ratios else 0.0
    return [
        (f"turns found: {len(found)} of {len(turning)}", len(found) == len(turning)),
        (f"wrong signs: {len(wrong)}", not wrong),
        (f"mean error of the effect: {error:.0%}", error <= 0.20),
        (f"largest error of the optimum: {max(off, default=0.0):.0%}", max(off, default=0) <= 0.25),
        (f"optimum's interval holds: {sum(covered)} of {len(covered)}", True),
        (f"effect's interval holds: {sum(effects)} of {len(effects)}", True),
        (f"false turns: {false_share:.1%} of {n_behaviours}", false_share <= 0.02),
    ]


def main() -> int:
    """Train on all kinds and seeds and print the results; exit status 1 if a bound fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--weeks", type=int, default=80)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    arguments = parser.parse_args()
    outcomes = []
    for kind in arguments.kinds:
        for seed in range(1, arguments.seeds + 1):
            outcomes.append(run(kind, seed, arguments.customers, arguments.weeks))
            print(line(seed, outcomes[-1]), flush=True)
    print()
    checked = requirements(outcomes)
    for text, passed in checked:
        print(f"{'ok  ' if passed else 'FAIL'} {text}")
    return int(not all(passed for _, passed in checked))


if __name__ == "__main__":
    sys.exit(main())
