"""Everything measured out of time, beside honest baselines: what ``evaluation.json`` holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engagement_ml._typing import FloatArray, IntArray
from engagement_ml.evaluation.baseline_comparison import FLAT, compare
from engagement_ml.evaluation.baselines import MODEL, RFM, Score, candidate_scores, counts_of
from engagement_ml.evaluation.bootstrap import Resamples
from engagement_ml.evaluation.cutoff_groups import Block, cutoff_blocks, cutoffs_of, number_entities
from engagement_ml.evaluation.measures import (
    calibration,
    churn_measures,
    intervals_of,
    margin_measures,
    measure_blocks,
)
from engagement_ml.evaluation.paired_changes import choose_pairs, with_earlier
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
    selected: Sequence[str],
    windows: Windows,
    vanity: Sequence[str] = (),
    scorers: Mapping[str, Score] | None = None,
    seed: int,
    n_bootstrap: int = 200,
    fit_until: dt.date | None = None,
) -> dict[str, Any]:
    """Measure the models and the metric on the test cutoffs, beside their baselines.

    Each measure is taken within each test cutoff and averaged over the cutoffs, so that a season
    that lifts everybody earns nobody credit. Intervals are 95% percentile intervals of a
    bootstrap by entity: whole entities are drawn with all their rows, the same ones for every
    measure, so that differences and ratios are paired; ranks are made anew in each sample. Models
    are not fitted anew: the intervals tell what other entities would have shown of these models.

    Within customers, the change of a score between two cutoffs meets the change of margin after
    them. The cutoffs lie at least observation, gap and outcome window apart, so that the later
    behaviour does not fall on the earlier margin, and the later one is a test cutoff. So is the
    earlier one where the history is long enough; else its margin, the level to compare with, may
    have been seen in fitting, which is said; where no cutoff is that far back, nothing is measured.
    Score and margin of the later cutoff are first put on the mean level of the earlier one, over
    the customers of the pair and within each of the panel's segments (see `on_level`), whatever the
    score: what everybody shares in time earns nobody credit. The level is that of the data, not of
    each bootstrap sample.

    Parameters
    ----------
    panel : Panel
        Its ``test`` rows are measured; its ``train`` rows fit the recency-frequency-monetary
        baselines, choose the best single behaviour, and may be where a change starts.
    profit, churn : fitted models
    score : callable or None
        From a frame of ``customer_id`` and, named by behaviour, its counts, to one score a row;
        None where the metric abstained.
    selected : sequence of str
        The metric's behaviours.
    windows : Windows
        Tells which two cutoffs are far enough apart to compare a change.
    vanity : sequence of str
        Behaviours whose change is measured against the metric's.
    scorers : mapping of str to callable, optional
        Further scores by name, measured like the metric; one called ``equal_weights`` replaces
        the one made here of log counts.
    seed : int
    n_bootstrap : int, default 200
    fit_until : date, optional
        Where the models were fitted on other data: the day from which they saw nothing.

    Returns
    -------
    dict
        Plain JSON types. A measure is ``{"value", "low", "high"}``, or None where it is not
        defined, with the reason in ``notes``. Numbers have ten significant digits.

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
    >>> found = evaluate(
    ...     panel,
    ...     profit=ProfitModel().fit(panel),
    ...     churn=ChurnModel().fit(panel),
    ...     score=lambda counts: 20 * counts["lesson"],
    ...     selected=["lesson"],
    ...     windows=windows,
    ...     seed=0,
    ... )
    >>> found["metric"]["across"]["metric"]["spearman"]
    {'value': 1.0, 'low': 1.0, 'high': 1.0}
    >>> found["churn"]
    {'reason': 'no row of the test cutoffs is at risk of churn'}
    """
    train, test = panel.part("train"), panel.part("test")
    codes, n_entities = number_entities(test.frame)
    blocks = cutoff_blocks(test.frame, codes)
    resamples = Resamples(n_entities=n_entities, n=n_bootstrap, seed=seed)
    margin = test.frame["margin"].to_numpy(dtype=np.float64)
    notes = _notes_on_parts(train, test)
    of_metric: list[str] = []

    pairs = choose_pairs(
        cutoffs_of(panel.frame), cutoffs_of(test.frame), windows, fit_until=fit_until
    )
    rows = with_earlier(test, train, pairs)
    predictions = {MODEL: profit.predict(rows)}
    if len(train.frame):
        baseline = RecencyFrequencyMonetary().fit(train, seed, windows=windows)
        predictions[RFM] = baseline.predict(rows)
    of_test = {name: values[: len(margin)] for name, values in predictions.items()}
    past = {"last_period_margin": last_period_margin(test, windows)}
    return {
        "format": FORMAT,
        "train_cutoffs": [str(cutoff) for cutoff in cutoffs_of(train.frame)],
        "test_cutoffs": [str(cutoff) for cutoff in cutoffs_of(test.frame)],
        "n_entities": n_entities,
        "n_rows": len(test.frame),
        "profit": _profit(past | of_test, margin, blocks, resamples, notes),
        "churn": _churn(train, test, churn, codes, resamples, seed, windows, notes),
        "metric": compare(
            rows,
            blocks,
            pairs,
            candidate_scores(train, rows, score, selected, scorers or {}, predictions, of_metric),
            {name: counts_of(rows, name) for name in vanity},
            resamples,
            windows,
            of_metric,
        ),
        "notes": notes,
    }


def last_period_margin(panel: Panel, windows: Windows) -> FloatArray:
    """Return the margin of the observation window, brought to the outcome window's length."""
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


def _profit(
    predictions: Mapping[str, FloatArray],
    margin: FloatArray,
    blocks: Sequence[Block],
    resamples: Resamples,
    notes: list[str],
) -> dict[str, Any]:
    measured = measure_blocks(blocks, margin, predictions, resamples, margin_measures)
    found = {
        name: intervals_of(
            measured,
            name,
            {"r2": "all margins are equal", "spearman": FLAT, "gini": FLAT},
            where=f"profit, {name}",
            notes=notes,
        )
        for name in predictions
    }
    own = found.pop(MODEL)
    return {**own, "calibration": calibration(predictions[MODEL], margin), "baselines": found}


def _churn(
    train: Panel,
    test: Panel,
    churn: ChurnModel,
    codes: IntArray,
    resamples: Resamples,
    seed: int,
    windows: Windows,
    notes: list[str],
) -> dict[str, Any]:
    churned = test.frame["churned"].to_numpy(dtype=np.float64, na_value=np.nan)
    at_risk = np.flatnonzero(~np.isnan(churned))
    if not len(at_risk) or np.isnan(churn.base_rate_):
        where = "test" if not len(at_risk) else "training"
        return {"reason": f"no row of the {where} cutoffs is at risk of churn"}
    blocks = cutoff_blocks(test.frame, codes, keep=~np.isnan(churned))
    predictions = {
        MODEL: churn.predict(test),
        "base_rate": np.full(len(churned), churn.base_rate_),
    }
    if len(train.frame):
        baseline = RecencyFrequencyMonetaryChurn().fit(train, seed, windows=windows)
        predictions[RFM] = baseline.predict(test)
    measured = measure_blocks(blocks, churned, predictions, resamples, churn_measures)
    rate = intervals_of(measured, MODEL, {"rate": "no row"}, where="churn", notes=[])
    one_class = "at every test cutoff all of those at risk churned, or none did"
    found = {
        name: intervals_of(
            measured,
            name,
            {"roc_auc": one_class, "pr_auc": one_class, "brier": "no row is at risk"},
            where=f"churn, {name}",
            notes=notes,
        )
        for name in predictions
    }
    if churn.reason_ is not None:
        notes.append(f"churn, {MODEL}: {churn.reason_}")
    own = found.pop(MODEL)
    steps = calibration(predictions[MODEL][at_risk], churned[at_risk])
    return {**rate, **own, "calibration": steps, "baselines": found}
