"""What the metric is compared with: equal weights, one behaviour, all events, recency and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engagement_ml._typing import FloatArray
from engagement_ml.errors import InputError, nearest
from engagement_ml.evaluation.bootstrap import Resamples
from engagement_ml.evaluation.cutoff_groups import cutoff_blocks, number_entities
from engagement_ml.evaluation.measures import measure_blocks, rank_measures

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel

Score = Callable[["pd.DataFrame"], npt.ArrayLike]

FREQUENCY = "__frequency"
METRIC, FULL = "metric", "full_model"
MODEL, RFM, EQUAL = "model", "recency_frequency_monetary", "equal_weights"


def count_frame(panel: Panel) -> pd.DataFrame:
    """Return ``customer_id`` and, named by behaviour, each behaviour's count of events.

    Rows are the panel's, in its order, numbered from 0; a null count is 0.
    """
    import pandas as pd

    columns = {"customer_id": panel.frame["customer_id"].to_numpy()}
    for behaviour in panel.behaviours:
        columns[behaviour] = counts_of(panel, behaviour)
    return pd.DataFrame(columns)


def counts_of(panel: Panel, behaviour: str) -> FloatArray:
    """Return one behaviour's count of events in each row, shape (n_rows,); a null count is 0.

    Raises
    ------
    InputError
        Where the panel has no such behaviour.
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


def equal_weights(train: Panel, selected: Sequence[str]) -> Score:
    """Return a score: the mean of the log counts of `selected`, in standard deviations of training.

    It is 0 where nothing was done, as a metric is. A behaviour that never varies in training adds
    nothing. `train` must have rows.
    """
    logs = np.column_stack([np.log1p(counts_of(train, name)) for name in selected])
    spread = logs.std(axis=0)
    factor = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)

    def score(counts: pd.DataFrame) -> FloatArray:
        values = np.column_stack([np.log1p(counts[name].to_numpy()) for name in selected])
        mean: FloatArray = (values * factor).mean(axis=1)
        return mean

    return score


def best_single_behaviour(train: Panel) -> str | None:
    """Return the behaviour whose count goes best with margin, by Spearman in the training part.

    The correlation is taken within each cutoff and averaged; of equal ones the first by name is
    chosen; None where none is defined.
    """
    codes, n_entities = number_entities(train.frame)
    measured = measure_blocks(
        cutoff_blocks(train.frame, codes),
        train.frame["margin"].to_numpy(dtype=np.float64),
        {name: counts_of(train, name) for name in sorted(train.behaviours)},
        Resamples(n_entities=n_entities, n=0, seed=0),
        rank_measures,
    )
    known = {name: v[0] for (name, _), v in measured.items() if np.isfinite(v[0])}
    return max(known, key=lambda name: known[name]) if known else None


def scored(
    scorers: Mapping[str, Score], counts: pd.DataFrame, notes: list[str]
) -> dict[str, FloatArray]:
    """Return each score of `counts`; one that gives nulls is left out, with a note.

    Raises
    ------
    InputError
        Where a score gives another number of values than there are rows.
    """
    found = {}
    for name, score in scorers.items():
        values = np.asarray(score(counts), dtype=np.float64)
        if values.shape != (len(counts),):
            raise InputError(
                f"scorer '{name}': expected {len(counts)} values, one a row, found shape "
                f"{values.shape}"
            )
        if np.isfinite(values).all():
            found[name] = values
        else:
            missing = int((~np.isfinite(values)).sum())
            notes.append(f"{name} is left out, as it gives no number for {missing} rows")
    return found


def candidate_scores(
    train: Panel,
    rows: Panel,
    score: Score | None,
    selected: Sequence[str],
    scorers: Mapping[str, Score],
    predictions: Mapping[str, FloatArray],
    notes: list[str],
) -> dict[str, FloatArray]:
    """Return what the metric is measured beside, and the metric, in each of `rows`.

    Parameters
    ----------
    train, rows : Panel
        What baselines are made on, and what is to be scored.
    score, selected, scorers
        As for ``evaluate``.
    predictions : mapping of str to array of shape (n_rows,)
        Those of the full model and of the recency-frequency-monetary one, where there is one.
    notes : list of str
        What is left out is added here.
    """
    chosen: dict[str, Score] = {}
    if score is None:
        notes.append("the metric abstained, so neither it nor equal weights are measured")
        scorers = {name: value for name, value in scorers.items() if name != EQUAL}
    else:
        chosen[METRIC] = score
        if EQUAL not in scorers and selected and len(train.frame):
            chosen[EQUAL] = equal_weights(train, selected)
    chosen |= {name: value for name, value in scorers.items() if name != METRIC}
    counts = count_frame(rows)
    values = scored(chosen, counts, notes)
    best = best_single_behaviour(train)
    if best is not None:
        values["best_single_behaviour"] = counts_of(rows, best)
        notes.append(f"best_single_behaviour is {best}, chosen on the training cutoffs")
    values["total_events"] = np.sum([counts_of(rows, name) for name in rows.behaviours], axis=0)
    if RFM in predictions:
        values[RFM] = predictions[RFM]
    values[FULL] = predictions[MODEL]
    return values
