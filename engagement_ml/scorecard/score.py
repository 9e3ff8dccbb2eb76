"""The engagement metric on the scorecard: mean score, and what its change is worth in margin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from engagement_ml.drivers.evidence import DriverRow
from engagement_ml.measures.kinds.kind import Z
from engagement_ml.scorecard.card import ScoreCard, Value
from engagement_ml.scorecard.cards import trend_of

Summary = Mapping[str, Mapping[str, float]]
"""By period: ``n``, ``mean``, ``variance``, and the mean count ``n_0``, … of each behaviour."""


def score_card(
    name: str,
    evidence: str,
    weights: Mapping[str, float],
    effects: Mapping[str, DriverRow],
    summary: Summary,
    labels: Sequence[str],
) -> ScoreCard:
    """Return the card of a metric.

    Parameters
    ----------
    name, evidence : str
    weights : mapping of behaviour to float
        In the metric's order.
    effects : mapping of behaviour to DriverRow
    summary : Summary
    labels : sequence of str
        Of the periods, in order.
    """
    series = {label: _mean(summary[label]) for label in labels if label in summary}
    known = list(series)
    margin = Value(note="there is no period to compare with")
    if len(known) > 1:
        before, after = summary[known[-2]], summary[known[-1]]
        margin = margin_of_change(evidence, list(weights), effects, before, after)
    return ScoreCard(
        name=name,
        evidence=evidence,
        behaviours=weights,
        series=series,
        trend=trend_of([series.get(label, Value()) for label in labels], "more"),
        margin=margin,
    )


def margin_of_change(
    evidence: str,
    behaviours: Sequence[str],
    effects: Mapping[str, DriverRow],
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> Value:
    """Return what the change of the metric's behaviours is worth, in margin per customer.

    The sum over behaviours of the effect of one more event times the change of the mean count. The
    interval is that of the effects, as if their errors were independent; it holds if the effects
    are causal. An indicator's behaviours have no effects, so there is no number.

    Parameters
    ----------
    evidence : str
        Of the metric.
    behaviours : sequence of str
    effects : mapping of behaviour to DriverRow
    before, after : mapping
        Mean counts ``n_0``, ``n_1``, …, and ``n``, the customers.
    """
    if evidence != "driver":
        return Value(note=f"the metric is {_evidence(evidence)}, so its changes have no margin")
    total, variance = 0.0, 0.0
    for place, name in enumerate(behaviours):
        row = effects.get(name)
        if row is None or row.effect is None or row.effect_low is None or row.effect_high is None:
            return Value(note=f"the effect of {name} is not known")
        change = after[f"n_{place}"] - before[f"n_{place}"]
        total += row.effect * change
        variance += (change * (row.effect_high - row.effect_low) / (2 * Z)) ** 2
    half = Z * math.sqrt(variance)
    return Value(
        total, total - half, total + half, int(after["n"]), note="if the effects are causal"
    )


def _evidence(evidence: str) -> str:
    return "an indicator" if evidence == "indicator" else "set by hand"


def _mean(row: Mapping[str, float]) -> Value:
    n = int(row["n"])
    if n < 2:
        return Value(row["mean"], None, None, n, note="one customer gives no interval")
    half = Z * math.sqrt(row["variance"] / (n - 1))
    low, high = max(row["mean"] - half, 0.0), min(row["mean"] + half, 100.0)
    return Value(row["mean"], low, high, n, row["mean"] * n, float(n))
