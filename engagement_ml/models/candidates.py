"""What the metric is compared with: equal weights, one behaviour, all events, recency and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engagement_ml.errors import InputError, nearest
from engagement_ml.models.blocks import cutoff_blocks, number_entities
from engagement_ml.models.intervals import Resamples
from engagement_ml.models.measures import measure_blocks, rank_measures

if TYPE_CHECKING:
    import pandas as pd

    from engagement_ml.features.panel import Panel

FloatArray = npt.NDArray[np.float64]
Score = Callable[["pd.DataFrame"], npt.ArrayLike]

FREQUENCY = "__frequency"


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
    """Return a score: the mean of standardised log counts of `selected`, as they were in training.

    A behaviour that never varies in training adds nothing. `train` must have rows.
    """
    logs = np.column_stack([np.log1p(counts_of(train, name)) for name in selected])
    centre, spread = logs.mean(axis=0), logs.std(axis=0)
    factor = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)

    def score(counts: pd.DataFrame) -> FloatArray:
        values = np.column_stack([np.log1p(counts[name].to_numpy()) for name in selected])
        mean: FloatArray = ((values - centre) * factor).mean(axis=1)
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
