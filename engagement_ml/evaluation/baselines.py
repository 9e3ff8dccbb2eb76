"""Baselines of the metric: equal weights, the best single behaviour, all events, RFM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import FloatArray
from engagement_ml.errors import InputError, nearest
from engagement_ml.evaluation.bootstrap import Resamples
from engagement_ml.evaluation.cutoff_groups import group_by_cutoff, number_entities
from engagement_ml.evaluation.measurement import measure_groups
from engagement_ml.evaluation.measures import SPEARMAN_ACROSS
from engagement_ml.evaluation.names import BEST_SINGLE, EQUAL, FULL, METRIC, MODEL, RFM, TOTAL

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel

Score = Callable[["pd.DataFrame"], npt.ArrayLike]

FREQUENCY = "__frequency"


def count_frame(panel: Panel) -> pd.DataFrame:
    """Return ``customer_id`` and a column of event counts per behaviour, named as the behaviour.

    The rows are the panel's, in its order, with a new index from 0; a null count is 0.
    """
    import pandas as pd

    columns = {"customer_id": panel.frame["customer_id"].to_numpy()}
    for behaviour in panel.behaviours:
        columns[behaviour] = counts_of(panel, behaviour)
    return pd.DataFrame(columns)


def counts_of(panel: Panel, behaviour: str) -> FloatArray:
    """Return the event counts of one behaviour, shape (n_rows,); a null count is 0.

    Raises
    ------
    InputError
        If the panel has no such behaviour.
    """
    column = f"{behaviour}{FREQUENCY}"
    if column not in panel.behaviour_features.get(behaviour, ()):
        raise InputError(
            f"panel: behaviour '{behaviour}' has no column '{column}'"
            f"{nearest(behaviour, panel.behaviours)}; the panel's behaviours are "
            f"{', '.join(panel.behaviours) or 'none'}"
        )
    values = panel.frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    counts: FloatArray = np.nan_to_num(values)
    return counts


def best_single_behaviour(train: Panel) -> str | None:
    """Return the behaviour whose count has the highest Spearman with margin in the training rows.

    The correlation is computed within each cutoff and averaged. The first name is returned if
    several are equal; None if no correlation is defined.
    """
    codes, n_entities = number_entities(train.frame)
    replicates = measure_groups(
        group_by_cutoff(train.frame, codes),
        train.frame["margin"].to_numpy(dtype=np.float64),
        {name: counts_of(train, name) for name in sorted(train.behaviours)},
        Resamples(n_entities=n_entities, n=0, seed=0),
        [SPEARMAN_ACROSS],
    )
    estimates = {name: v[0] for (name, _), v in replicates.items() if np.isfinite(v[0])}
    return max(estimates, key=lambda name: estimates[name]) if estimates else None


def apply_scores(
    scores: Mapping[str, Score], counts: pd.DataFrame, notes: list[str]
) -> dict[str, FloatArray]:
    """Return each score's values; a score with nulls is left out, with a note.

    Raises
    ------
    InputError
        If the number of values is not the number of rows.
    """
    results = {}
    for name, score in scores.items():
        values = np.asarray(score(counts), dtype=np.float64)
        if values.shape != (len(counts),):
            raise InputError(
                f"scorer '{name}': expected {len(counts)} values, one per row, found shape "
                f"{values.shape}"
            )
        if np.isfinite(values).all():
            results[name] = values
        else:
            missing = int((~np.isfinite(values)).sum())
            notes.append(f"{name} is left out, as it gives no number for {missing} rows")
    return results


def candidate_scores(
    train: Panel,
    rows: Panel,
    score: Score | None,
    equal_weights: Score | None,
    scorers: Mapping[str, Score],
    predictions: Mapping[str, FloatArray],
    notes: list[str],
) -> dict[str, FloatArray]:
    """Return the values of the metric and of what it is compared with, for each of `rows`.

    - ``equal_weights`` is the metric with equal weights: the same behaviours and the same
      transforms, and 100/k points for each of k behaviours. The difference to the metric is what
      the weights add.
    - ``best_single_behaviour`` is the count of the behaviour that `best_single_behaviour` chooses
      on the training cutoffs; a note names it.
    - ``total_events`` is the number of events of all behaviours.
    - ``recency_frequency_monetary`` and ``full_model`` are predictions of margin.

    Parameters
    ----------
    train, rows : Panel
        The training rows, and the rows to score.
    score, equal_weights, scorers
        As for ``evaluate``.
    predictions : mapping of str to array of shape (n_rows,)
        The predictions of the profit model and, if there is one, of the RFM baseline.
    notes : list of str
        What is left out is added here.
    """
    scores: dict[str, Score] = {}
    if score is None:
        notes.append("the metric abstained, so neither it nor equal weights are measured")
    else:
        scores[METRIC] = score
        if equal_weights is not None:
            scores[EQUAL] = equal_weights
    scores |= {name: value for name, value in scorers.items() if name not in (METRIC, EQUAL)}
    candidates = apply_scores(scores, count_frame(rows), notes)
    best = best_single_behaviour(train)
    if best is not None:
        candidates[BEST_SINGLE] = counts_of(rows, best)
        notes.append(f"{BEST_SINGLE} is {best}, chosen on the training cutoffs")
    candidates[TOTAL] = np.sum([counts_of(rows, name) for name in rows.behaviours], axis=0)
    if RFM in predictions:
        candidates[RFM] = predictions[RFM]
    candidates[FULL] = predictions[MODEL]
    return candidates
