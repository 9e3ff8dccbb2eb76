"""Judge what a method found in a world against the truth: pure functions on plain records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Record = dict[str, Any]
AT_MOST = 3


def truth_record(truth: Any) -> Record:
    """Plain JSON types of a world's truth."""
    return {
        "verdicts": truth.verdicts,
        "accepted": {name: sorted(found) for name, found in truth.accepted.items()},
        "either": sorted(truth.either),
        "effect": truth.effect,
        "spread": truth.spread,
        "mean_margin": truth.mean_margin,
        "identifiable": truth.identifiable,
    }


def drivers(truth: Record) -> set[str]:
    return {b for b, v in truth["verdicts"].items() if v == "driver"} - set(truth["either"])


def f1(truth: Record, found: Record) -> float:
    """F1 of the chosen behaviours, at most three of which can be asked for.

    Where nothing acts, or nothing could be told, the only right answer is to choose nothing.
    Behaviours that may be chosen or not count neither way.
    """
    chosen = set(found["chosen"])
    if not truth["identifiable"]:
        return float(not (chosen if "verdicts" not in found else called(found, "driver")))
    chosen -= set(truth["either"])
    real = drivers(truth)
    if not real:
        return float(not chosen)
    hits = len(chosen & real)
    if not hits:
        return 0.0
    precision, recall = hits / len(chosen), hits / min(len(real), AT_MOST)
    return 2 * precision * recall / (precision + recall)


def called(found: Record, verdict: str) -> set[str]:
    return {b for b, row in found.get("verdicts", {}).items() if row["verdict"] == verdict}


def right_verdicts(truth: Record, behaviour: str) -> set[str]:
    own = truth["verdicts"][behaviour]
    return {own, *truth["accepted"].get(behaviour, ())}


def verdict_pairs(truth: Record, found: Record) -> list[tuple[str, str, bool]]:
    """(true verdict, said verdict, right or accepted) of each behaviour that has one answer."""
    pairs = []
    for behaviour, row in found.get("verdicts", {}).items():
        if behaviour in truth["verdicts"] and behaviour not in truth["either"]:
            said, own = row["verdict"], truth["verdicts"][behaviour]
            pairs.append((own, said, said in right_verdicts(truth, behaviour)))
    return pairs


def shares(truth: Record, among: Iterable[str]) -> dict[str, float]:
    worth = {b: truth["effect"][b] * truth["spread"][b] for b in among}
    total = sum(worth.values())
    return {b: w / total for b, w in worth.items()} if total else {}


def weight_rows(truth: Record, found: Record) -> list[tuple[float, float, float, float]]:
    """(weight, low, high, true share), of metrics made of two or more true drivers alone."""
    weights = found.get("weights", {})
    allowed = {b for b, v in truth["verdicts"].items() if v == "driver"}
    if len(weights) < 2 or not set(weights) <= allowed or not truth["identifiable"]:
        return []
    true = shares(truth, weights)
    return [(w / 100, low / 100, high / 100, true[b]) for b, (w, low, high) in weights.items()]


def effect_rows(truth: Record, found: Record) -> list[tuple[str, float, float, float, float]]:
    """(verdict said, effect, low, high, true effect) of each behaviour with an interval."""
    rows = []
    for behaviour, row in found.get("verdicts", {}).items():
        numbers = [row["effect"], row["low"], row["high"]]
        if None not in numbers and truth["identifiable"] and behaviour in truth["effect"]:
            rows.append((row["verdict"], *numbers, truth["effect"][behaviour]))
    return rows


def steering(found: Record) -> dict[str, float] | None:
    """How much better the metric's change foretells the change of margin than each baseline's."""
    within = found.get("within", {})
    if "metric" not in within:
        return None
    others = {k: v for k, v in within.items() if k not in ("metric", "full_model")}
    if found.get("vanity"):
        others["best vanity"] = max(found["vanity"].values())
    return {name: within["metric"] - value for name, value in others.items()}


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else float("nan")
