"""Out-of-time evaluation of models and metric: what ``evaluation.json`` holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.evaluation.baseline_comparison import compare
from engagement_ml.evaluation.baselines import Score, candidate_scores, counts_of
from engagement_ml.evaluation.bootstrap import Resamples
from engagement_ml.evaluation.cutoff_groups import (
    CutoffGroup,
    cluster_numbers,
    cutoffs_of,
    group_by_cutoff,
    number_entities,
)
from engagement_ml.evaluation.measurement import Measurement, calibration, intervals_of
from engagement_ml.evaluation.measures import MEASURES, Measure, check_measures
from engagement_ml.evaluation.names import BASE_RATE, LAST_PERIOD, MODEL, RFM
from engagement_ml.evaluation.paired_changes import choose_pairs, with_earlier_rows
from engagement_ml.models.churn import ChurnModel, RecencyFrequencyMonetaryChurn
from engagement_ml.models.profit import ProfitModel, RecencyFrequencyMonetary
from engagement_ml.models.tail_extrapolation import PAST_MARGIN
from engagement_ml.windows import Windows

if TYPE_CHECKING:
    from engagement_ml.features.panel import Panel


FORMAT = 1


def evaluate(
    panel: Panel,
    *,
    profit: ProfitModel,
    churn: ChurnModel,
    score: Score | None,
    windows: Windows,
    equal_weights: Score | None = None,
    vanity: Sequence[str] = (),
    scorers: Mapping[str, Score] | None = None,
    measures: Sequence[Measure] = MEASURES,
    seed: int,
    n_bootstrap: int = 200,
    fit_until: dt.date | None = None,
) -> dict[str, Any]:
    """Evaluate the models and the metric on the test cutoffs, compared with baselines.

    **Estimates.** Each measure is computed within each test cutoff and averaged over the cutoffs,
    so that a season common to all customers gives no score an advantage.

    **Intervals** are 95% percentile intervals of a cluster bootstrap by entity: entities are drawn
    with all their rows. All measures use the same draws, so that differences and ratios are
    paired, and ranks are recomputed in each sample. Models are not refitted: the intervals show
    what a sample of other entities would have shown for the same models.

    **Between customers** (``across``), a score is compared with the margin of the outcome window.

    **Within customers** (``within``), the change of a score between two cutoffs is compared with
    the change of margin after them. The later cutoff is a test cutoff. The earlier one lies at
    least observation, gap and outcome window before it, so that no windows overlap. If the history
    is long enough, the margin after the earlier cutoff was unseen in fitting, too; else a note says
    so. If no cutoff is early enough, changes are not measured. Score and margin of the later cutoff
    are first rescaled to the mean of the earlier one, over the customers of the pair and within
    each of the panel's segments (see `rescale_to_earlier_mean`), which removes time shocks common
    to all. The factors are those of the data, not of each bootstrap sample.

    Parameters
    ----------
    panel : Panel
        Its ``test`` rows are measured. Its ``train`` rows fit the recency-frequency-monetary
        baselines, choose the best single behaviour, and may be the start of a change.
    profit, churn : fitted models
    score : callable or None
        The metric: from a frame of ``customer_id`` and a column of event counts per behaviour to
        one score per row. None if the metric abstained.
    windows : Windows
        Determines which two cutoffs are far enough apart to compare a change.
    equal_weights : callable, optional
        The metric with equal weights: the same behaviours and transforms, each behaviour with
        100/k points. It is measured as the baseline of that name, unless the metric abstained.
    vanity : sequence of str
        Behaviours whose changes are compared with the metric's.
    scorers : mapping of str to callable, optional
        Further scores by name, measured like the metric.
    measures : sequence of Measure, optional
        By default all of `MEASURES`.
    seed : int
    n_bootstrap : int, default 200
    fit_until : date, optional
        If the models were fitted on other data: the first day that this fitting did not use.

    Returns
    -------
    dict
        Plain JSON types. A measure is ``{"value", "low", "high"}``, or None if it is not defined,
        with the reason in ``notes``. Numbers have ten significant digits.

    Raises
    ------
    InputError
        If the panel lacks a behaviour, a score does not return one value per row, or a measure
        cannot be listed (see `check_measures`).

    Examples
    --------
    >>> import datetime as dt, pandas as pd
    >>> from engagement_ml.features.panel import Panel
    >>> from engagement_ml.windows import Window
    >>> day, n = [dt.date(2024, 1, 29), dt.date(2024, 2, 26)], 40
    >>> lessons = np.tile(np.arange(n) % 5.0, 2)
    >>> frame = pd.DataFrame(
    ...     {
    ...         "customer_id": np.tile(np.arange(n), 2),
    ...         "cutoff": pd.to_datetime(np.repeat(day, n)),
    ...         "part": np.repeat(["train", "test"], n),
    ...         "lesson__frequency": lessons,
    ...         **{f"history__{name}": 1.0 for name in (
    ...             "recency_days", "frequency", "monetary_value", "tenure_days", "past_margin"
    ...         )},
    ...         "margin": 3 * lessons,
    ...         "churned": np.nan,
    ...     }
    ... )
    >>> history = tuple(name for name in frame if name.startswith("history__"))
    >>> panel = Panel(frame, ("lesson",), {"lesson": ("lesson__frequency",)}, history)
    >>> span = Window(dt.date(2024, 1, 1), dt.date(2024, 3, 25))
    >>> windows = Windows(28, 28, 0, (day[0],), (day[1],), day[1], span)
    >>> result = evaluate(
    ...     panel,
    ...     profit=ProfitModel().fit(panel),
    ...     churn=ChurnModel().fit(panel),
    ...     score=lambda counts: 20 * counts["lesson"],
    ...     windows=windows,
    ...     seed=0,
    ... )
    >>> result["metric"]["across"]["metric"]["spearman"]
    {'value': 1.0, 'low': 1.0, 'high': 1.0}
    >>> result["churn"]
    {'reason': 'no row of the test cutoffs is at risk of churn'}
    """
    train, test = panel.part("train"), panel.part("test")
    codes, n_entities = number_entities(test.frame)
    groups = group_by_cutoff(test.frame, codes)
    clusters = cluster_numbers(test.frame, codes, n_entities)
    resamples = Resamples(n_entities, n_bootstrap, seed, clusters)
    measurement = Measurement(check_measures(measures), resamples)
    margin = test.frame["margin"].to_numpy(dtype=np.float64)
    notes = _notes_on_parts(train, test)
    metric_notes: list[str] = []

    pairs = choose_pairs(
        cutoffs_of(panel.frame), cutoffs_of(test.frame), windows, fit_until=fit_until
    )
    rows = with_earlier_rows(test, train, pairs)
    predictions = {MODEL: profit.predict(rows)}
    if len(train.frame):
        baseline = RecencyFrequencyMonetary().fit(train, seed, windows=windows)
        predictions[RFM] = baseline.predict(rows)
    test_predictions = {LAST_PERIOD: last_period_margin(test, windows)}
    test_predictions |= {name: values[: len(margin)] for name, values in predictions.items()}
    return {
        "format": FORMAT,
        "train_cutoffs": [str(cutoff) for cutoff in cutoffs_of(train.frame)],
        "test_cutoffs": [str(cutoff) for cutoff in cutoffs_of(test.frame)],
        "n_entities": n_entities,
        "n_rows": len(test.frame),
        "profit": evaluate_profit(test_predictions, margin, groups, measurement, notes),
        "churn": evaluate_churn(train, test, churn, codes, measurement, seed, windows, notes),
        "metric": compare(
            rows,
            groups,
            pairs,
            candidate_scores(
                train, rows, score, equal_weights, scorers or {}, predictions, metric_notes
            ),
            {name: counts_of(rows, name) for name in vanity},
            measurement,
            windows,
            metric_notes,
        ),
        "notes": notes,
    }


def last_period_margin(panel: Panel, windows: Windows) -> FloatArray:
    """Return the margin of the observation window, scaled to the length of the outcome window.

    In currency, shape (n_rows,); null is 0.
    """
    past = panel.frame[PAST_MARGIN].to_numpy(dtype=np.float64, na_value=np.nan)
    scaled: FloatArray = np.nan_to_num(past) * (windows.outcome_days / windows.observation_days)
    return scaled


def _notes_on_parts(train: Panel, test: Panel) -> list[str]:
    notes = []
    if test.frame.empty:
        notes.append("no cutoff could be kept for evaluation; a longer history would allow one")
    if train.frame.empty:
        notes.append(
            "there are no training rows, so no recency-frequency-monetary baseline was fitted and "
            "no best single behaviour chosen"
        )
    return notes


def evaluate_profit(
    predictions: Mapping[str, FloatArray],
    margin: FloatArray,
    groups: Sequence[CutoffGroup],
    measurement: Measurement,
    notes: list[str],
) -> dict[str, Any]:
    """Return the part ``profit`` of ``evaluation.json``; what is not measured is added to notes."""
    replicates = measurement.replicates("profit", groups, margin, predictions)
    measures = measurement.of_part("profit")
    results = {
        name: intervals_of(replicates, name, measures, label=f"profit, {name}", notes=notes)
        for name in predictions
    }
    model = results.pop(MODEL)
    return {**model, "calibration": calibration(predictions[MODEL], margin), "baselines": results}


def evaluate_churn(
    train: Panel,
    test: Panel,
    churn: ChurnModel,
    codes: IntArray,
    measurement: Measurement,
    seed: int,
    windows: Windows,
    notes: list[str],
) -> dict[str, Any]:
    """Return the part ``churn`` of ``evaluation.json``; what is not measured is added to notes."""
    churned = test.frame["churned"].to_numpy(dtype=np.float64, na_value=np.nan)
    at_risk = np.flatnonzero(~np.isnan(churned))
    if not len(at_risk) or np.isnan(churn.base_rate_):
        part = "test" if not len(at_risk) else "training"
        return {"reason": f"no row of the {part} cutoffs is at risk of churn"}
    groups = group_by_cutoff(test.frame, codes, keep=~np.isnan(churned))
    predictions = {
        MODEL: churn.predict(test),
        BASE_RATE: np.full(len(churned), churn.base_rate_),
    }
    if len(train.frame):
        baseline = RecencyFrequencyMonetaryChurn().fit(train, seed, windows=windows)
        predictions[RFM] = baseline.predict(test)
    replicates = measurement.replicates("churn", groups, churned, predictions)
    measures = measurement.of_part("churn")
    of_outcome = [measure for measure in measures if measure.outcome_only]
    of_prediction = [measure for measure in measures if not measure.outcome_only]
    rates = intervals_of(replicates, MODEL, of_outcome, label="churn", notes=[])
    results = {
        name: intervals_of(replicates, name, of_prediction, label=f"churn, {name}", notes=notes)
        for name in predictions
    }
    if churn.reason_ is not None:
        notes.append(f"churn, {MODEL}: {churn.reason_}")
    model = results.pop(MODEL)
    deciles = calibration(predictions[MODEL][at_risk], churned[at_risk])
    return {**rates, **model, "calibration": deciles, "baselines": results}
