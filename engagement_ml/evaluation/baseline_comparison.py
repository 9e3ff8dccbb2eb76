"""The metric beside its baselines: who will be worth more, and whose change is followed by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.evaluation.baselines import FULL, METRIC
from engagement_ml.evaluation.bootstrap import Resamples, interval
from engagement_ml.evaluation.cutoff_groups import FEWEST_ENTITIES, Block, number_entities
from engagement_ml.evaluation.measures import (
    Measured,
    intervals_of,
    measure_blocks,
    rank_measures,
    targeting_measures,
)
from engagement_ml.evaluation.paired_changes import Pairs, change_blocks
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    from engagement_ml.features.panel import Panel


FLAT = "its values, or all margins, are equal"
TOO_FEW = (
    f"changes within customers are not measured: fewer than {FEWEST_ENTITIES} customers were there "
    "from the first window of any pair of cutoffs to its last; a longer history would allow it"
)
NOT_POSITIVE = "mean margin is not positive"


def compare(
    rows: Panel,
    blocks: Sequence[Block],
    pairs: Pairs,
    candidates: Mapping[str, FloatArray],
    vanity: Mapping[str, FloatArray],
    resamples: Resamples,
    windows: Windows,
    notes: list[str],
) -> dict[str, Any]:
    """Return the metric beside its baselines, across entities and within them.

    Parameters
    ----------
    rows : Panel
        The test rows, then those at which changes start.
    blocks : sequence of Block
        One a test cutoff.
    pairs : Pairs
    candidates, vanity : mapping of str to array of shape (n_rows,)
        As for `compare_within`.
    resamples : Resamples
    windows : Windows
    notes : list of str
        What could not be measured, and what else to know, is added here.

    Returns
    -------
    dict
        The part ``metric`` of ``evaluation.json``.
    """
    margin = rows.frame["margin"].to_numpy(dtype=np.float64)
    codes, _ = number_entities(rows.frame)
    every = change_blocks(
        rows.frame,
        codes,
        pairs.pairs,
        observation_days=windows.observation_days,
        segments=rows.segments,
        ends=rows.ends,
    )
    changes = {
        pair: block for pair, block in zip(pairs.pairs, every, strict=True) if block.big_enough
    }
    if pairs.pairs and not changes:
        notes.append(TOO_FEW)
    elif (note := pairs.note(windows)) is not None:
        notes.append(note)
    across = compare_across(candidates, margin, blocks, resamples, notes)
    within, of_vanity = compare_within(
        candidates, vanity, margin, [*changes.values()], resamples, notes
    )
    return {
        "across": across,
        "within": within,
        "vanity": of_vanity,
        "pairs": [[str(first), str(second)] for first, second in changes],
        "earlier_margin_seen_in_fitting": pairs.seen if changes else None,
        "notes": notes,
    }


def compare_across(
    candidates: Mapping[str, FloatArray],
    margin: FloatArray,
    blocks: Sequence[Block],
    resamples: Resamples,
    notes: list[str],
) -> dict[str, dict[str, Any]]:
    """Return how each candidate orders entities by future margin: foretelling.

    Parameters
    ----------
    candidates : mapping of str to array of shape (n_rows,)
        Scores and predictions; ``full_model`` is what `signal_kept` is measured against.
    margin : array of shape (n_rows,)
    blocks : sequence of Block
        One a test cutoff.
    resamples : Resamples
    notes : list of str
        What could not be measured is added here.
    """
    measured = measure_blocks(blocks, margin, candidates, resamples, targeting_measures)
    _add_signal_kept(measured, candidates)
    reasons = {
        "spearman": FLAT,
        "top_decile_lift": NOT_POSITIVE,
        "signal_kept": "it or the full model has no positive Spearman to compare with",
    }
    return {
        name: intervals_of(measured, name, reasons, where=f"across customers, {name}", notes=notes)
        for name in candidates
    }


def compare_within(
    candidates: Mapping[str, FloatArray],
    vanity: Mapping[str, FloatArray],
    margin: FloatArray,
    blocks: Sequence[Block],
    resamples: Resamples,
    notes: list[str],
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return how each candidate's change goes with the change of margin after it: steering.

    Parameters
    ----------
    candidates, margin, resamples, notes
        As for `compare_across`.
    vanity : mapping of str to array of shape (n_rows,)
        Counts of behaviours that go with margin and do not move it.
    blocks : sequence of Block
        One a pair of cutoffs.

    Returns
    -------
    within, vanity : dict
        By name, ``spearman`` and ``difference``: the metric's Spearman minus this one's, paired
        in each bootstrap sample; None for the metric itself and where there is no metric.
    """
    labelled = {("candidate", name): values for name, values in candidates.items()}
    labelled |= {("vanity", name): values for name, values in vanity.items()}
    keys = {label: str(number) for number, label in enumerate(labelled)}
    measured = measure_blocks(
        blocks,
        margin,
        {keys[label]: values for label, values in labelled.items()},
        resamples,
        rank_measures,
    )
    of_metric = measured.get((keys.get(("candidate", METRIC), ""), "spearman"))
    results: dict[str, dict[str, dict[str, Any]]] = {"candidate": {}, "vanity": {}}
    for (kind, name), key in keys.items():
        found = intervals_of(
            measured,
            key,
            {"spearman": "no change of it, or of margin, differs between customers"},
            where=f"within customers, {name}",
            notes=notes if blocks else [],
        )
        found["difference"] = None
        if of_metric is not None and (kind, name) != ("candidate", METRIC):
            found["difference"] = interval(of_metric - measured[key, "spearman"])
        results[kind][name] = found
    return results["candidate"], results["vanity"]


def _add_signal_kept(measured: Measured, candidates: Mapping[str, FloatArray]) -> None:
    full = measured.get((FULL, "spearman"))
    if full is None:
        return
    positive = full > 0
    for name in candidates:
        share = measured[name, "spearman"] / np.where(positive, full, 1.0)
        measured[name, "signal_kept"] = np.where(positive, share, np.nan)
