"""Paths and credit by brute force, in plain Python; shares no code with the package."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise, permutations

Touch = tuple[str, int, int]
Sale = tuple[str, int, float]


Path = tuple[list[int], bool, float]


def paths(touches: list[Touch], sales: list[Sale], lookback: int) -> list[Path]:
    """Return (touchpoints in order without repeats in a row, converted, margin) of each path."""
    found = []
    for customer in sorted({who for who, _, _ in touches}):
        own = sorted((at, code) for who, at, code in touches if who == customer)
        bought = sorted((at, margin) for who, at, margin in sales if who == customer)
        borders = [-(10**18), *(at for at, _ in bought), 10**18]
        for i, (low, high) in enumerate(pairwise(borders)):
            between = [(at, code) for at, code in own if low <= at < high]
            last = i == len(bought)
            near = [] if last else [t for t in between if t[0] >= high - lookback]
            far = between[: len(between) - len(near)]
            if near:
                found.append((_merged(near), True, bought[i][1]))
            run: list[tuple[int, int]] = []
            for touch in far:
                if run and touch[0] - run[-1][0] > lookback:
                    found.append((_merged(run), False, 0.0))
                    run = []
                run.append(touch)
            if run:
                found.append((_merged(run), False, 0.0))
    return found


def credit(found: list[Path], k: int, *, by_value: bool) -> dict[str, list[float]]:
    """Return the credit of k touchpoints by each rule."""
    won = [(path, margin if by_value else 1.0) for path, converted, margin in found if converted]
    first, last, linear = [0.0] * k, [0.0] * k, [0.0] * k
    for path, worth in won:
        first[path[0]] += worth
        last[path[-1]] += worth
        for code in path:
            linear[code] += worth / len(path)
    return {
        "first": first,
        "last": last,
        "linear": linear,
        "markov": _markov(found, k, by_value),
        "shapley": _shapley(won, k),
    }


def _merged(touches: list[tuple[int, int]]) -> list[int]:
    codes = [code for _, code in touches]
    return [code for i, code in enumerate(codes) if i == 0 or codes[i - 1] != code]


def _shapley(won: list[tuple[list[int], float]], k: int) -> list[float]:
    """Average each touchpoint's marginal contribution over all orders of arrival."""

    def worth(coalition: frozenset[int]) -> float:
        return sum(value for path, value in won if set(path) <= coalition)

    orders = list(permutations(range(k)))
    total = [0.0] * k
    for order in orders:
        there: frozenset[int] = frozenset()
        for player in order:
            joined = there | {player}
            total[player] += worth(joined) - worth(there)
            there = joined
    return [each / len(orders) for each in total]


def _markov(found: list[Path], k: int, by_value: bool) -> list[float]:
    """Walk the chain step by step, whole and with each touchpoint leading nowhere."""
    moves: dict[object, list[tuple[object, float]]] = defaultdict(list)
    for path, converted, margin in found:
        states = ["start", *path, "won" if converted else "lost"]
        for here, there in pairwise(states):
            moves[here].append((there, (margin if by_value else 1.0) if there == "won" else 0.0))

    def expected(removed: object) -> float:
        mass, gained = {"start": 1.0}, 0.0
        while sum(mass.values()) > 1e-13:
            after: dict[object, float] = defaultdict(float)
            for here, chance in mass.items():
                for there, worth in moves[here]:
                    share = chance / len(moves[here])
                    gained += share * worth
                    if there not in ("won", "lost", removed):
                        after[there] += share
            mass = dict(after)
        return gained

    whole = expected(None)
    lost = [whole - expected(code) for code in range(k)]
    total = sum((margin if by_value else 1.0) for _, converted, margin in found if converted)
    return [each * total / sum(lost) if sum(lost) else 0.0 for each in lost]
