"""Scores of a method's output against the ground truth: pure functions on plain records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Record = dict[str, Any]
MAX_BEHAVIOURS = 3


def truth_record(truth: Any) -> Record:
    """Return the ground truth as plain JSON types."""
    return {
        "verdicts": truth.verdicts,
        "accepted": {name: sorted(verdicts) for name, verdicts in truth.accepted.items()},
        "optional": sorted(truth.optional),
        "effect": truth.effect,
        "std": truth.std,
        "mean_margin": truth.mean_margin,
        "identifiable": truth.identifiable,
        # of daily data sets only
        "unmeasured": sorted(getattr(truth, "unmeasured", ())),
        "optimum": getattr(truth, "optimum", {}),
        "curve": getattr(truth, "curve", {}),
        "segment_effect": getattr(truth, "segment_effect", {}),
        "segment_optimum": getattr(truth, "segment_optimum", {}),
    }


def drivers(truth: Record) -> set[str]:
    """Return the drivers that must be selected."""
    return {b for b, v in truth["verdicts"].items() if v == "driver"} - set(truth["optional"])


def f1(truth: Record, output: Record) -> float:
    """Return the F1 score of the selected behaviours, of which there are at most three.

    If no behaviour has an effect, or effects are not identified, only an empty selection is
    correct and scores 1. Optional behaviours are ignored.
    """
    selected = set(output["chosen"])
    if not truth["identifiable"]:
        return float(
            not (selected if "verdicts" not in output else behaviours_with(output, "driver"))
        )
    selected -= set(truth["optional"])
    true_drivers = drivers(truth)
    if not true_drivers:
        return float(not selected)
    hits = len(selected & true_drivers)
    if not hits:
        return 0.0
    precision, recall = hits / len(selected), hits / min(len(true_drivers), MAX_BEHAVIOURS)
    return 2 * precision * recall / (precision + recall)


def behaviours_with(output: Record, verdict: str) -> set[str]:
    """Return the behaviours to which the method gave a verdict."""
    return {b for b, row in output.get("verdicts", {}).items() if row["verdict"] == verdict}


def correct_verdicts(truth: Record, behaviour: str) -> set[str]:
    """Return the true verdict and the accepted ones."""
    return {truth["verdicts"][behaviour], *truth["accepted"].get(behaviour, ())}


def verdict_pairs(truth: Record, output: Record) -> list[tuple[str, str, bool]]:
    """Return (true verdict, given verdict, whether correct) of each behaviour not optional."""
    pairs = []
    for behaviour, row in output.get("verdicts", {}).items():
        if behaviour in truth["verdicts"] and behaviour not in truth["optional"]:
            given, true = row["verdict"], truth["verdicts"][behaviour]
            pairs.append((true, given, given in correct_verdicts(truth, behaviour)))
    return pairs


def shares(truth: Record, among: Iterable[str]) -> dict[str, float]:
    """Return true weight shares: effect times standard deviation, normalised."""
    margin = {b: truth["effect"][b] * truth["std"][b] for b in among}
    total = sum(margin.values())
    return {b: m / total for b, m in margin.items()} if total else {}


def weight_rows(truth: Record, output: Record) -> list[tuple[float, float, float, float]]:
    """Return (weight, low, high, true share) of metrics with only true drivers, at least two."""
    weights = output.get("weights", {})
    allowed = {b for b, v in truth["verdicts"].items() if v == "driver"}
    if len(weights) < 2 or not set(weights) <= allowed or not truth["identifiable"]:
        return []
    true = shares(truth, weights)
    return [(w / 100, low / 100, high / 100, true[b]) for b, (w, low, high) in weights.items()]


def effect_rows(truth: Record, output: Record) -> list[tuple[str, float, float, float, float]]:
    """Return (verdict, effect, low, high, true effect) of each behaviour with an interval."""
    rows = []
    measured = set(truth["effect"]) - set(truth.get("unmeasured", ()))
    for behaviour, row in output.get("verdicts", {}).items():
        numbers = [row["effect"], row["low"], row["high"]]
        if None not in numbers and truth["identifiable"] and behaviour in measured:
            rows.append((row["verdict"], *numbers, truth["effect"][behaviour]))
    return rows


def differs_by_segment(truth: Record, behaviour: str) -> bool | None:
    """Return whether true effects differ between segments; None if neither clearly."""
    effects = list(truth.get("segment_effect", {}).get(behaviour, {}).values())
    if not effects or not any(effects):
        return None
    least, most = min(effects, key=abs), max(effects, key=abs)
    if abs(least) < 0.6 * abs(most) or least * most < 0:
        return True
    return False if abs(least) > 0.85 * abs(most) else None


def rests_on_no_convergence(row: Record) -> bool:
    """Return whether a verdict other than `unverifiable` rests on a fit that did not converge."""
    failed = row.get("converged") is False or "not converge" in str(row.get("reason", ""))
    return failed and row["verdict"] != "unverifiable"


def leads_over_baselines(output: Record) -> dict[str, float] | None:
    """Return the metric's lead in within-customer Spearman correlation over each baseline."""
    within = output.get("within", {})
    if "metric" not in within:
        return None
    baselines = {k: v for k, v in within.items() if k not in ("metric", "full_model")}
    if output.get("vanity"):
        baselines["best vanity"] = max(output["vanity"].values())
    return {name: within["metric"] - value for name, value in baselines.items()}


def mean(values: Iterable[float]) -> float:
    """Return the arithmetic mean, NaN of nothing."""
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else float("nan")
