"""Comparison of two versions of a metric on the same customers, paired in each bootstrap sample."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.evaluation.baseline_comparison import compare
from engagement_ml.evaluation.baselines import counts_of
from engagement_ml.evaluation.bootstrap import Resamples
from engagement_ml.evaluation.cutoff_groups import (
    cluster_numbers,
    cutoffs_of,
    group_by_cutoff,
    number_entities,
)
from engagement_ml.evaluation.measurement import Measurement
from engagement_ml.evaluation.measures import MEASURES
from engagement_ml.evaluation.names import METRIC, RFM, TOTAL
from engagement_ml.evaluation.paired_changes import choose_pairs, with_earlier_rows
from engagement_ml.models.profit import RecencyFrequencyMonetary
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    from engagement_ml.features.panel import Panel

CHAMPION = "champion"
_MEASURES = tuple(m for m in MEASURES if m.part in ("across", "within") and m.name == "spearman")


def compare_versions(
    panel: Panel,
    scores: Mapping[str, FloatArray],
    *,
    vanity: Sequence[str],
    windows: Windows,
    fit_until: dt.date,
    seed: int,
    n_bootstrap: int = 200,
) -> dict[str, Any]:
    """Measure a metric beside the champion, total events, vanity behaviours and past purchases.

    Parameters
    ----------
    panel : Panel
        Its ``test`` rows are measured; its ``train`` rows fit the recency-frequency-monetary
        baseline, and may be the start of a change.
    scores : mapping of str to array of shape (n_rows,)
        The scores of the panel's rows: ``metric`` and, if there is one, ``champion``.
    vanity : sequence of str
        Behaviours of the panel.
    windows : Windows
        Its observation window is the longer one of the two metrics, so that no windows of a pair
        of cutoffs overlap.
    fit_until : date
        The first day that neither metric was fitted on.
    seed : int
    n_bootstrap : int, default 200

    Returns
    -------
    dict
        ``n_entities``, and ``across``, ``within``, ``vanity``, ``pairs`` and ``notes`` as in the
        part ``metric`` of ``evaluation.json``, with Spearman's correlation as the only measure.
    """
    columns = {name: f"score__{name}" for name in scores}
    # The scores travel with their rows.
    named = {columns[name]: np.asarray(values) for name, values in scores.items()}
    panel = replace(panel, frame=panel.frame.assign(**named))
    train, test = panel.part("train"), panel.part("test")
    codes, n_entities = number_entities(test.frame)
    clusters = cluster_numbers(test.frame, codes, n_entities)
    pairs = choose_pairs(
        cutoffs_of(panel.frame), cutoffs_of(test.frame), windows, fit_until=fit_until
    )
    rows = with_earlier_rows(test, train, pairs)
    candidates = {name: rows.frame[column].to_numpy() for name, column in columns.items()}
    candidates[TOTAL] = np.sum([counts_of(rows, name) for name in rows.behaviours], axis=0)
    notes: list[str] = []
    if len(train.frame):
        baseline = RecencyFrequencyMonetary().fit(train, seed, windows=windows)
        candidates[RFM] = baseline.predict(rows)
    else:
        notes.append("no training rows: recency-frequency-monetary is not measured")
    assert METRIC in candidates
    measured = compare(
        rows,
        group_by_cutoff(test.frame, codes),
        pairs,
        candidates,
        {name: counts_of(rows, name) for name in vanity},
        Measurement(
            _MEASURES,
            Resamples(n_entities, n_bootstrap, seed, clusters),
        ),
        windows,
        notes,
    )
    return {"n_entities": n_entities, **measured}
