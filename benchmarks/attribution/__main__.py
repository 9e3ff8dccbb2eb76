"""Credit beside verdicts where the truth is known: ``python -m benchmarks.attribution``.

For each kind of data set: the credit that retargeting gets by each rule, although it moves nothing;
how often it is called ``driver`` or ``harmful``; and for e-mail, which acts, how often it is found,
its effect over the truth, and how often the 95% interval holds the truth.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.attribution.worlds import KINDS, World, simulate
from engagement_ml.attribution import AttributionEvidence
from engagement_ml.attribution.evidence import RULES
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_engine
from engagement_ml.features import build_panel
from engagement_ml.inputs import read_tables
from engagement_ml.windows import plan_windows
from engagement_ml.workflow.further.attribution import find, gather
from engagement_ml.workflow.further.part import Fitted, Sources

WINDOW = 56


@dataclass(frozen=True)
class Outcome:
    """The evidence on one data set, and the truth."""

    evidence: AttributionEvidence
    truth: dict[str, float]


def measure(world: World) -> AttributionEvidence:
    """Run the part of training that divides credit, without the models."""
    config = PipelineConfig.model_validate(
        {
            "name": "attribution",
            "windows": {"observation_days": WINDOW, "outcome_days": WINDOW},
            "attribution": {"event_types": ["touch"], "lookback_days": 14},
        }
    )
    frames = {"events": world.events, "transactions": world.transactions}
    nothing: Any = None
    with open_engine(config.engine, frames) as engine:
        tables = read_tables(config, engine, frames, extra=True)
        windows = plan_windows(tables.history, config.windows)
        gathered = gather(Sources(tables, tables, config, windows))
        panel = build_panel(tables, config, windows)
    return find(gathered, Fitted(config, windows, panel, nothing, nothing, nothing))


def main() -> None:
    """Print a line for each kind of data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    given = parser.parse_args()
    print(
        "| kind | credit of retargeting: " + ", ".join(RULES) + " | retargeting "
        "| false verdicts | email found | effect over truth | interval holds |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    claims = []
    for kind in given.kinds:
        results = []
        for seed in range(given.first_seed, given.first_seed + given.seeds):
            world = simulate(kind, seed, given.customers, window=WINDOW)
            results.append(Outcome(measure(world), world.truth))
        line, claimed = summary(kind, results)
        claims += claimed
        print(line, flush=True)
    false = sum(claims)
    print(f"\n{false} of {len(claims)} verdicts driver or harmful are false")


def summary(kind: str, results: list[Outcome]) -> tuple[str, list[bool]]:
    """Return the line of a kind, and for each verdict driver or harmful whether it is false."""
    credit = [[getattr(_row(r.evidence, "retargeting"), rule) for rule in RULES] for r in results]
    verdicts = Counter(_row(r.evidence, "retargeting").verdict for r in results)
    claims = [
        r.truth[row.touchpoint] == 0.0 or row.verdict == "harmful"
        for r in results
        for row in r.evidence.rows
        if row.verdict in ("driver", "harmful")
    ]
    found, ratios, held = [], [], []
    for result in results:
        row, truth = _row(result.evidence, "email"), result.truth["email"]
        if truth == 0.0:
            continue
        found.append(row.verdict == "driver")
        if row.effect is not None and row.effect_low is not None and row.effect_high is not None:
            ratios.append(row.effect / truth)
            held.append(row.effect_low <= truth <= row.effect_high)
    cells = (
        kind,
        ", ".join(f"{100 * share:.0f}%" for share in np.mean(credit, axis=0)),
        ", ".join(f"{name} {n}" for name, n in verdicts.most_common()),
        f"{sum(claims)} of {len(claims)}",
        _share(found),
        f"{np.mean(ratios):.2f}" if ratios else "–",
        _share(held),
    )
    return "| " + " | ".join(cells) + " |", claims


def _row(evidence: AttributionEvidence, touchpoint: str) -> Any:
    return next(row for row in evidence.rows if row.touchpoint == touchpoint)


def _share(values: list[bool]) -> str:
    return f"{sum(values)} of {len(values)}" if values else "–"


if __name__ == "__main__":
    main()
