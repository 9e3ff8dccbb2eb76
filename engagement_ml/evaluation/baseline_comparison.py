"""Comparison of the metric with its baselines, between and within customers.

Between customers: does a higher score predict a higher margin? Within customers: does margin change
after a customer's score has changed? The keys ``across`` and ``within`` of ``evaluation.json`` hold
the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.evaluation.bootstrap import Interval, interval
from engagement_ml.evaluation.cutoff_groups import MIN_ENTITIES, CutoffGroup, number_entities
from engagement_ml.evaluation.measurement import Measurement, Replicates, intervals_of
from engagement_ml.evaluation.names import METRIC
from engagement_ml.evaluation.paired_changes import CutoffPairs, group_by_pair
from engagement_ml.evaluation.prepared import Key
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    from engagement_ml.features.panel import Panel


TOO_FEW = (
    f"changes within customers are not measured: fewer than {MIN_ENTITIES} customers were there "
    "at both cutoffs of a pair and throughout the first observation window; a longer history "
    "would allow it"
)


def compare(
    rows: Panel,
    groups: Sequence[CutoffGroup],
    pairs: CutoffPairs,
    candidates: Mapping[str, FloatArray],
    vanity: Mapping[str, FloatArray],
    measurement: Measurement,
    windows: Windows,
    notes: list[str],
) -> dict[str, Any]:
    """Return the metric beside its baselines, between and within customers.

    Parameters
    ----------
    rows : Panel
        The test rows, then the rows at which changes start.
    groups : sequence of CutoffGroup
        One per test cutoff.
    pairs : CutoffPairs
    candidates, vanity : mapping of str to array of shape (n_rows,)
        As for `compare_within`.
    measurement : Measurement
    windows : Windows
    notes : list of str
        What could not be measured, and caveats, are added here.

    Returns
    -------
    dict
        The part ``metric`` of ``evaluation.json``.
    """
    margin = rows.frame["margin"].to_numpy(dtype=np.float64)
    codes, _ = number_entities(rows.frame)
    pair_groups = group_by_pair(
        rows.frame,
        codes,
        pairs.pairs,
        observation_days=windows.observation_days,
        segments=rows.segments,
        ends=rows.ends,
    )
    changes = {
        pair: group
        for pair, group in zip(pairs.pairs, pair_groups, strict=True)
        if group.is_measurable
    }
    if pairs.pairs and not changes:
        notes.append(TOO_FEW)
    elif (caveat := pairs.caveat(windows)) is not None:
        notes.append(caveat)
    across = compare_across(candidates, margin, groups, measurement, notes)
    within, within_vanity = compare_within(
        candidates, vanity, margin, [*changes.values()], measurement, notes
    )
    return {
        "across": across,
        "within": within,
        "vanity": within_vanity,
        "pairs": [[str(first), str(second)] for first, second in changes],
        "earlier_margin_seen_in_fitting": pairs.earlier_margin_seen if changes else None,
        "notes": notes,
    }


def compare_across(
    candidates: Mapping[str, FloatArray],
    margin: FloatArray,
    groups: Sequence[CutoffGroup],
    measurement: Measurement,
    notes: list[str],
) -> dict[str, dict[str, Any]]:
    """Return how well each candidate predicts future margin, between entities.

    Parameters
    ----------
    candidates : mapping of str to array of shape (n_rows,)
        Scores and predictions by name; relative measures need ``full_model``.
    margin : array of shape (n_rows,)
        Margin of the outcome window, in currency.
    groups : sequence of CutoffGroup
        One per test cutoff.
    measurement : Measurement
    notes : list of str
        What could not be measured is added here.

    Returns
    -------
    dict
        By name, the measures and ``difference``, as `compare_within` returns them.
    """
    replicates = measurement.replicates("across", groups, margin, candidates)
    measures = measurement.of_part("across")
    results = {}
    for name in candidates:
        row: dict[str, Any] = intervals_of(
            replicates, name, measures, label=f"across customers, {name}", notes=notes
        )
        row["difference"] = _difference(replicates, METRIC, name)
        results[name] = row
    return results


def compare_within(
    candidates: Mapping[str, FloatArray],
    vanity: Mapping[str, FloatArray],
    margin: FloatArray,
    groups: Sequence[CutoffGroup],
    measurement: Measurement,
    notes: list[str],
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return how each candidate's change is correlated with the change of margin after it.

    Parameters
    ----------
    candidates, margin, measurement, notes
        As for `compare_across`.
    vanity : mapping of str to array of shape (n_rows,)
        Counts of behaviours that are correlated with margin and do not move it.
    groups : sequence of CutoffGroup
        One per pair of cutoffs.

    Returns
    -------
    within, vanity : dict
        By name, the measures and ``difference``: the metric's Spearman minus this one's, paired
        in each bootstrap sample. It is None for the metric itself, and if there is no metric.
    """
    # A behaviour may have the name of a baseline, so both are keyed by their kind.
    predictions = {("candidate", name): values for name, values in candidates.items()}
    predictions |= {("vanity", name): values for name, values in vanity.items()}
    replicates = measurement.replicates("within", groups, margin, predictions)
    measures = measurement.of_part("within")
    metric_key = ("candidate", METRIC)
    results: dict[str, dict[str, dict[str, Any]]] = {"candidate": {}, "vanity": {}}
    for key in predictions:
        kind, name = key
        row: dict[str, Any] = intervals_of(
            replicates,
            key,
            measures,
            label=f"within customers, {name}",
            notes=notes if groups else [],
        )
        row["difference"] = _difference(replicates, metric_key, key)
        results[kind][name] = row
    return results["candidate"], results["vanity"]


def _difference(replicates: Replicates[Key], metric: Key, other: Key) -> Interval | None:
    """Return the metric's Spearman minus another's; None for itself and if one is missing."""
    ours, theirs = (replicates.get((key, "spearman")) for key in (metric, other))
    if ours is None or theirs is None or metric == other:
        return None
    return interval(ours - theirs)
