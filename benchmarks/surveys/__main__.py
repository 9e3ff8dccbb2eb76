"""Verdicts on a survey's score: false ones, and those that find what there is.

``python -m benchmarks.surveys``; ``--seeds 3`` for a short run. A verdict is false if it is
``driver`` or ``harmful`` where the score does not move margin, or ``consequence`` where purchases
do not move the score. ``found`` is the share of ``driver`` (of a detractor: ``harmful``) where it
does, ``held`` the share of 95% intervals of the last score's effect that hold the truth.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable

from benchmarks.surveys.panel import answers_of, panel_of
from benchmarks.surveys.worlds import ACTS, FOLLOWS, KINDS, LIMIT, simulate
from engagement_ml.scorecard.surveys.evidence import ScoreEvidence, score_evidence

OUTCOME = 12
"""Weeks of an outcome window."""


def verdicts(kind: str, seed: int, customers: int) -> tuple[tuple[ScoreEvidence, ...], float]:
    """Return the verdicts on one simulated survey, and the true change of the log rate."""
    world = simulate(kind, seed, customers)
    panel = panel_of(world)
    found = score_evidence(
        panel,
        answers_of(world),
        outcome=OUTCOME,
        smallest_share=0.01,
        controls=panel.behaviours,
    )
    return found, world.truth


def is_false(kind: str, verdict: str) -> bool:
    """Return whether a verdict claims what is not so."""
    if verdict in ("driver", "harmful"):
        return kind not in ACTS
    if verdict == "consequence":
        return kind not in FOLLOWS
    return verdict in ("vanity", "inert") and kind in ACTS


def main() -> None:
    """Print a line for each kind of data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=25)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    given = parser.parse_args()
    print(f"{given.seeds} data sets of each kind, {given.customers} customers, four forms each\n")
    print("| data set | false driver or harmful | other false | found | held | verdicts |")
    print("| --- | --- | --- | --- | --- | --- |")
    claims: list[bool] = []
    for kind in given.kinds:
        rows = [verdicts(kind, seed, given.customers) for seed in range(given.seeds)]
        line, claimed = summary(kind, rows)
        print(line, flush=True)
        if kind not in (*ACTS, *LIMIT):
            claims += claimed
    share = 100 * sum(claims) / max(len(claims), 1)
    print(f"\nfalse driver or harmful where nothing acts: {share:.1f}% of {len(claims)} verdicts")
    print("in 'mood first' only the behaviours say that the score does not act; timing cannot")


def summary(
    kind: str, rows: Iterable[tuple[tuple[ScoreEvidence, ...], float]]
) -> tuple[str, list[bool]]:
    """Return the line of one kind of data set, and whether each verdict falsely claims."""
    counts: Counter[str] = Counter()
    claims, other, found, held = [], [], [], []
    for evidence, truth in rows:
        for each in evidence:
            verdict, form = each.verdict.verdict, each.finding.form
            counts[verdict] += 1
            wrong = is_false(kind, verdict)
            claims.append(wrong and verdict in ("driver", "harmful"))
            other.append(wrong and verdict not in ("driver", "harmful"))
            found.append(verdict == ("harmful" if form == "detractor" else "driver"))
            effect = each.finding.effect
            if form == "last" and effect is not None:
                low, high = effect.interval
                held.append(low <= truth * effect.level <= high)

    def share(values: list[bool]) -> str:
        return f"{100 * sum(values) / len(values):.0f}%" if values else "–"

    exact = kind in ACTS
    told = ", ".join(f"{verdict} {n}" for verdict, n in counts.most_common())
    cells = (
        kind,
        share(claims),
        share(other),
        share(found) if exact else "–",
        share(held) if exact else "–",
        told,
    )
    return "| " + " | ".join(cells) + " |", claims


if __name__ == "__main__":
    main()
