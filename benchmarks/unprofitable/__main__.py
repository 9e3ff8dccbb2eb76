"""``python -m benchmarks.unprofitable --seeds N``: groups that lose, and coverage by world."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.unprofitable.worlds import KINDS, WORLDS, Customers, draw
from engagement_ml.profiles import UnprofitableProfile, profile_unprofitable
from engagement_ml.profiles.rules import meets


def judge(customers: Customers, seed: int) -> dict[str, float]:
    """Return what one profile gets right and wrong."""
    profile = profile_unprofitable(
        customers.frame, customers.net, KINDS, {name: name for name in KINDS}, seed=seed
    )
    inside = [meets(customers.frame, group.conditions) for group in profile.groups]
    assert all(g.n_entities == m.sum() for g, m in zip(profile.groups, inside, strict=True))
    named = np.zeros(len(customers.net), dtype=bool)
    for group, members in zip(profile.groups, inside, strict=True):
        named |= members if group.loses else False
    truth = [float(customers.mean[members].mean()) for members in inside]
    return {
        "groups": len(profile.groups),
        "lose": sum(g.loses for g in profile.groups),
        "false": sum(g.loses and t >= 0 for g, t in zip(profile.groups, truth, strict=True)),
        "covered": sum(g.low <= t <= g.high for g, t in zip(profile.groups, truth, strict=True)),
        "covered in all": _covered_in_all(profile, customers),
        "shares covered": sum(
            g.share_low <= customers.unprofitable[members].mean() <= g.share_high
            for g, members in zip(profile.groups, inside, strict=True)
        ),
        "found": float((named & customers.loses).sum()),
        "losing": float(customers.loses.sum()),
        "named": float(named.sum()),
    }


def _covered_in_all(profile: UnprofitableProfile, customers: Customers) -> float:
    if profile.low is None or profile.high is None:
        return 0.0
    return float(profile.low <= customers.mean.mean() <= profile.high)


def main() -> None:
    """Print one row a world."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--customers", type=int, default=2000)
    given = parser.parse_args()
    print("| world | runs with groups | runs with a group that loses | false, of losing groups | "
          "recall | precision | intervals hold | seconds |")  # fmt: skip
    print("| --- |" + " --- |" * 7)
    all_rows = []
    for world in WORLDS:
        start = time.perf_counter()
        rows = [
            judge(draw(world, given.customers, seed), seed)
            for seed in range(given.first, given.first + given.seeds)
        ]
        all_rows += rows
        _print(world, rows, (time.perf_counter() - start) / given.seeds)
    _print("all", all_rows, 0.0)


def _print(world: str, rows: Sequence[dict[str, float]], seconds: float) -> None:
    total = {key: sum(row[key] for row in rows) for key in rows[0]}
    cells = [
        f"{sum(row['groups'] > 0 for row in rows)}/{len(rows)}",
        f"{sum(row['lose'] > 0 for row in rows)}/{len(rows)}",
        f"{total['false']:.0f}/{total['lose']:.0f}",
        _share(total["found"], total["losing"]),
        _share(total["found"], total["named"]),
        f"{_share(total['covered'], total['groups'])} of {total['groups']:.0f}; shares "
        f"{_share(total['shares covered'], total['groups'])}; all engaged "
        f"{_share(total['covered in all'], len(rows))}",
        f"{seconds:.2f}",
    ]
    print(f"| {world} | " + " | ".join(cells) + " |", flush=True)


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "–"


if __name__ == "__main__":
    main()
