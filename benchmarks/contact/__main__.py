"""Verdicts on contacts and their optima, on simulated companies whose truth is known.

Run: ``python -m benchmarks.contact [--seeds 2] [--first 1] [--kinds ...]``. It prints a row per
company and seed, then the targets: false verdicts at most 2%, the effect within 15% on average,
and intervals of the optimum that hold the truth in 92% to 97%.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.contact.worlds import KINDS, Company, make_company
from engagement_ml.config import parse_config
from engagement_ml.contact import ContactRow
from engagement_ml.contact.find import find_contact
from engagement_ml.contact.reading import read_contacts
from engagement_ml.drivers import period_days
from engagement_ml.engine import open_engine
from engagement_ml.features import build_panel, build_periods
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows

ACTS = ("driver", "harmful", "turns")


@dataclass(frozen=True)
class Outcome:
    """What was found about one company, and the truth."""

    kind: str
    seed: int
    rows: tuple[ContactRow, ...]
    company: Company
    seconds: float

    @property
    def overall(self) -> ContactRow:
        """The row of all customers."""
        return self.rows[0]

    def truth(self, row: ContactRow) -> float | None:
        """Return the best number of contacts of a row; None if there is none, or several."""
        best = set(self.company.best.values())
        if row.value is None:
            return best.pop() if len(best) == 1 else None
        return self.company.best[row.value]

    def is_false(self, row: ContactRow) -> bool:
        """Return whether a row says that contacts act as they do not."""
        responses = KINDS[self.kind].responses
        if row.verdict not in ACTS or row.pooled:
            return False
        if row.value is None or len(responses) == 1:
            return row.verdict not in KINDS[self.kind].verdicts
        place = ("basic", "plus").index(row.value)
        if KINDS[self.kind].best[place] is not None:
            return row.verdict != "turns"
        return not _agrees(row.verdict, responses[place](np.arange(12.0)))


def _agrees(verdict: str, response: np.ndarray) -> bool:
    steps = np.diff(response)
    return bool((verdict == "driver" and (steps > 0).all()) or (
        verdict == "harmful" and (steps < 0).all()
    ))  # fmt: skip


def run(kind: str, seed: int, customers: int, weeks: int) -> Outcome:
    """Find the response to contacts of one company."""
    company = make_company(kind, customers, weeks, seed)
    config = parse_config({
        "name": "contact", "tracking": {"uri": None}, "random_seed": seed, "segments": ["plan"],
        "contact": {},
    })  # fmt: skip
    frames = {
        "events": company.events, "transactions": company.transactions,
        "customers": company.customers,
    }  # fmt: skip
    started = time.process_time()
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames, extra=True)
        windows = plan_windows(tables.history, config.windows)
        panel = build_panel(tables, config, windows)
        days = period_days(config.windows)
        periods = build_periods(tables, config, until=windows.fit_until, period_days=days)
        data = read_contacts(tables, tables, config, windows)
    evidence, _ = find_contact(data, periods, panel, windows, config)
    return Outcome(kind, seed, evidence.rows, company, time.process_time() - started)


def line(outcome: Outcome, row: ContactRow) -> str:
    """Return a row of the table."""
    optimum, truth = "–", outcome.truth(row)
    if row.optimum is not None and not row.pooled:
        optimum = f"{row.optimum:.1f} ({row.optimum_low:.1f} to {row.optimum_high:.1f})"
    effect = "–"
    if row.effect is not None and not row.pooled:
        effect = f"{row.effect:.2f} ({row.effect_low:.2f} to {row.effect_high:.2f})"
    true_effect = f"true {outcome.company.effect:5.2f}" if row.value is None else " " * 10
    false = "FALSE" if outcome.is_false(row) else ""
    verdict = "pooled" if row.pooled else row.verdict
    return (
        f"{outcome.kind:16} {outcome.seed:4d} {row.value or 'all':6} {verdict:13} "
        f"optimum {optimum:20} true {'–' if truth is None else f'{truth:.1f}':5} "
        f"effect {effect:24} {true_effect} {outcome.seconds:5.0f}s {false}"
    )


def requirements(outcomes: list[Outcome]) -> list[tuple[str, bool]]:
    """Return each target with its figures, and whether it is met."""
    own = [(o, r) for o in outcomes for r in o.rows if not r.pooled]
    said = [(o, r) for o, r in own if r.verdict in ACTS]
    false = [o.is_false(r) for o, r in said]
    wrong_turns = [o.is_false(r) for o, r in own if r.verdict == "turns"]
    held, errors = [], []
    for outcome in outcomes:
        for row in outcome.rows:
            truth = outcome.truth(row)
            if truth is None or row.optimum is None or row.optimum_low is None:
                continue
            if (
                row.pooled
                and row.value is not None
                and len(set(outcome.company.best.values())) == 1
            ):
                continue  # the same number as that of all customers
            held.append(row.optimum_low <= truth <= (row.optimum_high or 0))
            errors.append(row.optimum / truth - 1)
    acting = [o for o in outcomes if o.overall.verdict in ACTS and o.company.effect]
    acting = [o for o in acting if "driver" in KINDS[o.kind].verdicts[:1]
              or "harmful" in KINDS[o.kind].verdicts[:1]]  # fmt: skip
    ratios = [(o.overall.effect or 0) / o.company.effect for o in acting if len(o.rows)]
    real = [o for o in outcomes if KINDS[o.kind].verdicts[0] in ACTS]
    recalled = sum(o.overall.verdict in KINDS[o.kind].verdicts for o in real)
    covers = [
        (r.effect_low or 0) <= o.company.effect <= (r.effect_high or 0)
        for o in outcomes if (r := o.overall).effect is not None
    ]  # fmt: skip
    share = float(np.mean(false)) if false else 0.0
    error = abs(float(np.mean(ratios)) - 1) if ratios else 0.0
    coverage = float(np.mean(held)) if held else 1.0
    return [
        (f"false verdicts: {sum(false)} of {len(said)}", share <= 0.02),
        (f"false turns: {sum(wrong_turns)} of {len(wrong_turns)}", not any(wrong_turns)),
        (f"recall: {recalled} of {len(real)}", True),
        (f"effect over truth: {1 + (np.mean(ratios) - 1 if ratios else 0):.2f}", error <= 0.15),
        (f"effect's interval holds: {sum(covers)} of {len(covers)}", True),
        (f"optimum's interval holds: {sum(held)} of {len(held)}", coverage >= 0.92),
        (
            f"optimum over truth: mean {1 + np.mean(errors or [0]):.2f}, "
            f"largest error {np.max(np.abs(errors or [0])):.0%}",
            abs(float(np.mean(errors or [0]))) <= 0.15,
        ),
    ]


def main() -> int:
    """Run kinds and seeds and print the results; exit status 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--customers", type=int, default=2500)
    parser.add_argument("--weeks", type=int, default=80)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    arguments = parser.parse_args()
    outcomes = []
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        for kind in arguments.kinds:
            outcome = run(kind, seed, arguments.customers, arguments.weeks)
            outcomes.append(outcome)
            print("\n".join(line(outcome, row) for row in outcome.rows), flush=True)
    print()
    checked = requirements(outcomes)
    for text, passed in checked:
        print(f"{'ok  ' if passed else 'FAIL'} {text}")
    return int(not all(passed for _, passed in checked))


if __name__ == "__main__":
    sys.exit(main())
