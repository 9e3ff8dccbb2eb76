"""Outcomes and predictions, block by block, measured on the data and on every bootstrap sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.evaluation import weighted_measures
from engagement_ml.evaluation.bootstrap import Resamples, average, interval, rounded
from engagement_ml.evaluation.cutoff_groups import FEWEST_ENTITIES, Block
from engagement_ml.evaluation.weighted_measures import Ranking

Measured = dict[tuple[str, str], FloatArray]


@dataclass(frozen=True)
class Prepared:
    """One block's outcome and predictions, sorted once for all bootstrap samples."""

    entities: IntArray
    outcome: FloatArray
    outcome_ranking: Ranking
    predictions: dict[str, FloatArray]
    rankings: dict[str, Ranking]

    @classmethod
    def of(
        cls, block: Block, outcome: FloatArray, predictions: Mapping[str, FloatArray]
    ) -> Prepared:
        """Take the block's rows (or their changes) of the outcome and of each prediction."""
        own = block.of(outcome)
        parts = {name: block.of(values) for name, values in predictions.items()}
        return cls(
            entities=block.entities,
            outcome=own,
            outcome_ranking=Ranking.of(own),
            predictions=parts,
            rankings={name: Ranking.of(values) for name, values in parts.items()},
        )


Measure = Callable[[Prepared, FloatArray], Measured]


def measure_blocks(
    blocks: Sequence[Block],
    outcome: FloatArray,
    predictions: Mapping[str, FloatArray],
    resamples: Resamples,
    measure: Measure,
) -> Measured:
    """Measure every prediction in each block and average over blocks, for every bootstrap sample.

    Parameters
    ----------
    blocks : sequence of Block
        Those with fewer than ten entities are left out.
    outcome : array of shape (n_rows,)
    predictions : mapping of str to array of shape (n_rows,)
    resamples : Resamples
    measure : callable
        From a prepared block and weights of shape (n_rows, n) to arrays of shape (n,) by name of
        prediction and of measure; NaN where a measure is not defined.

    Returns
    -------
    dict of (prediction, measure) to array of shape (resamples.n + 1,)
        The first value is the estimate on the data as they are. A block where a measure is not
        defined takes no part in the average. Empty without blocks.
    """
    prepared = [Prepared.of(b, outcome, predictions) for b in blocks if b.big_enough]
    if not prepared:
        return {}
    parts: dict[tuple[str, str], list[FloatArray]] = {}
    for weights in resamples.chunks():
        found = [measure(one, weights[one.entities]) for one in prepared]
        for key in found[0]:
            parts.setdefault(key, []).append(average(np.stack([one[key] for one in found])))
    return {key: np.concatenate(chunks) for key, chunks in parts.items()}


def rank_measures(prepared: Prepared, W: FloatArray) -> Measured:
    """Return Spearman's correlation of each prediction with the outcome."""
    y_ranks = prepared.outcome_ranking.midranks(W)
    return {
        (name, "spearman"): weighted_measures.spearman(ranking.midranks(W), y_ranks, W)
        for name, ranking in prepared.rankings.items()
    }


def targeting_measures(prepared: Prepared, W: FloatArray) -> Measured:
    """Return Spearman and top-decile lift of each prediction of margin."""
    lifts: Measured = {
        (name, "top_decile_lift"): weighted_measures.top_decile_lift(prepared.outcome, ranking, W)
        for name, ranking in prepared.rankings.items()
    }
    return rank_measures(prepared, W) | lifts


def margin_measures(prepared: Prepared, W: FloatArray) -> Measured:
    """Return R², Spearman and Gini of each prediction of margin."""
    y, y_ranks = prepared.outcome, prepared.outcome_ranking.midranks(W)
    found: Measured = {}
    for name, ranking in prepared.rankings.items():
        x_ranks = ranking.midranks(W)
        found[name, "r2"] = weighted_measures.r_squared(y, prepared.predictions[name], W)
        found[name, "spearman"] = weighted_measures.spearman(x_ranks, y_ranks, W)
        found[name, "gini"] = weighted_measures.gini(y, x_ranks, y_ranks, W)
    return found


def churn_measures(prepared: Prepared, W: FloatArray) -> Measured:
    """Return rate, ROC AUC, PR AUC and Brier score of each predicted probability of churn."""
    y = prepared.outcome
    found: Measured = {}
    for name, ranking in prepared.rankings.items():
        found[name, "rate"] = weighted_measures.mean_of(y, W)
        found[name, "roc_auc"] = weighted_measures.roc_auc(y, ranking, W)
        found[name, "pr_auc"] = weighted_measures.average_precision(y, ranking, W)
        found[name, "brier"] = weighted_measures.mean_of((prepared.predictions[name] - y) ** 2, W)
    return found


def intervals_of(
    measured: Measured,
    name: str,
    measures: Mapping[str, str],
    *,
    where: str,
    notes: list[str],
) -> dict[str, Any]:
    """Return the intervals of one prediction's measures, and note those that are not defined.

    Parameters
    ----------
    measured : dict
        As `measure_blocks` returns it.
    name : str
        The prediction.
    measures : mapping of str to str
        From the measure to why it would not be defined.
    where : str
        How a note calls this part.
    notes : list of str
        Notes are added here.
    """
    found: dict[str, Any] = {}
    for measure, reason in measures.items():
        values = measured.get((name, measure))
        found[measure] = interval(values) if values is not None else None
        if found[measure] is None:
            why = (
                reason if measured else f"no test cutoff has {FEWEST_ENTITIES} entities to measure"
            )
            notes.append(f"{where}: {measure} is not measured, as {why}")
    return found


def calibration(prediction: FloatArray, observed: FloatArray) -> list[dict[str, float]]:
    """Return mean prediction and mean outcome in each decile of the prediction.

    Rows with equal predictions share a decile; a decile left empty by them is left out.

    Examples
    --------
    >>> calibration(np.repeat([1.0, 3.0], 5), np.repeat([2.0, 3.0], 5))[0]
    {'decile': 3, 'predicted': 1.0, 'observed': 2.0, 'n': 5}
    """
    decile = weighted_measures.deciles(prediction)
    return [
        {
            "decile": int(number),
            "predicted": rounded(prediction[decile == number].mean()),
            "observed": rounded(observed[decile == number].mean()),
            "n": int((decile == number).sum()),
        }
        for number in np.unique(decile)
    ]
