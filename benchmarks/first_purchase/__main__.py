"""Verdicts on first purchases: false ones, recall, and whether effects and intervals hold.

``python -m benchmarks.first_purchase``; ``--seeds 2`` for a short run, ``--unseen`` for the kinds
that were kept back. A verdict is false if it is ``driver`` where nothing acts, or ``harmful``.
``over truth`` is the mean effect of drivers that were found over the true one, and ``held`` the
share of their 95% intervals that hold the truth. The last line has the share of intervals that hold
the truth among all behaviours whose timing nothing disturbs: those of `OWN_TIMING`.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections import Counter

import numpy as np

from benchmarks.first_purchase.worlds import DAYS, OUTCOME, UNSEEN, WORLDS, Data, simulate
from engagement_ml.config import PipelineConfig
from engagement_ml.outcomes.first_purchase import Prospects, find_first_purchase


def prospects_of(data: Data) -> Prospects:
    """Return a simulated data set as prospects."""
    entity, day, behaviour = np.nonzero(data.counts)
    return Prospects(
        ids=np.arange(len(data.entry)),
        behaviours=data.behaviours,
        start=dt.date(2025, 1, 1),
        n_days=DAYS,
        entry=data.entry.astype(np.int64),
        bought=data.bought.astype(np.int64),
        entity=entity.astype(np.int32),
        day=day.astype(np.int32),
        behaviour=behaviour.astype(np.int32),
        n=data.counts[entity, day, behaviour],
    )


def main() -> None:
    """Print a line for each kind of data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--prospects", type=int, default=3000)
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--kinds", nargs="*")
    given = parser.parse_args()
    kinds = UNSEEN if given.unseen else WORLDS
    windows = {"observation_days": OUTCOME, "outcome_days": OUTCOME}
    config = PipelineConfig(name="first-purchases", windows=windows)
    print("| data set | claims | false | recall | over truth | held | verdicts |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    claims = false = 0
    ratios: list[float] = []
    held: list[bool] = []
    for kind in given.kinds or kinds:
        counts: Counter[str] = Counter()
        own_claims = own_false = acting = 0
        own_ratios, own_held = [], []
        for seed in range(given.first, given.first + given.seeds):
            data = simulate(kinds[kind], seed, given.prospects)
            for row in find_first_purchase(prospects_of(data), config).drivers:
                truth = data.truth[row.behaviour]
                acts = row.behaviour in kinds[kind].effects
                counts[row.verdict] += 1
                acting += acts
                if row.verdict not in ("driver", "harmful"):
                    continue
                own_claims += 1
                if not acts or row.verdict == "harmful":
                    own_false += 1
                    print(f"  false: {kind}, seed {seed}: {row.behaviour} {row.reason}")
                    continue
                own_ratios.append(row.effect / truth)
                own_held.append(row.effect_low <= truth <= row.effect_high)
        claims, false = claims + own_claims, false + own_false
        ratios, held = ratios + own_ratios, held + own_held
        _print(kind, own_claims, own_false, acting, own_ratios, own_held, counts)
    _print("all", claims, false, 0, ratios, held, Counter())


def _print(
    kind: str,
    claims: int,
    false: int,
    acting: int,
    ratios: list[float],
    held: list[bool],
    counts: Counter[str],
) -> None:
    found = len(ratios)
    cells = (
        kind,
        str(claims),
        str(false),
        f"{found}/{acting}" if acting else "–",
        f"{np.mean(ratios):.2f}" if ratios else "–",
        f"{100 * np.mean(held):.0f}%" if held else "–",
        ", ".join(f"{verdict} {n}" for verdict, n in counts.most_common()),
    )
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
