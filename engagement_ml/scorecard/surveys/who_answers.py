"""Who answers: how those who did differ from those who did not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import quantity
from engagement_ml.measures.kinds.kind import Z
from engagement_ml.measures.kinds.wilson import wilson
from engagement_ml.scorecard.surveys.answers import Answers
from engagement_ml.scorecard.surveys.covariates import described, in_logs
from engagement_ml.scorecard.surveys.propensity import (
    MIN_EFFECTIVE,
    MIN_PROBABILITY,
    fit_propensity,
    weighted_mean,
)

FEWEST = 30
"""Customers that each of the two groups needs."""


@dataclass(frozen=True)
class Candidates:
    """The customers who might have answered, one row each.

    Attributes
    ----------
    customer : int array (r,)
        Place in the panel.
    week : int array (r,)
        Week from which on an answer counts; what came before it describes the customer.
    answered : bool array (r,)
    score : float array (r,)
        NaN without an answer.
    weight : float array (r,)
        Inverse sampling fraction.
    asked : bool
        Whether they are those who were asked; else those on board.
    """

    customer: IntArray
    week: IntArray
    answered: BoolArray
    score: FloatArray
    weight: FloatArray
    asked: bool


def on_board(
    periods: Periods, answers: Answers, *, window: int, weight: FloatArray
) -> Candidates | None:
    """Return the customers on board before the last `window` weeks, and who answered in them.

    None if the history is shorter than two windows.
    """
    n, n_weeks = periods.gain.shape
    start = n_weeks - window
    if start < window:
        return None
    there = (periods.entry < start) & (periods.exit > start)
    score = np.full(n, np.nan)
    late = answers.week >= start
    score[answers.customer[late]] = answers.score[late]
    customer = np.flatnonzero(there)
    week = np.full(len(customer), start)
    chosen = score[customer]
    return Candidates(customer, week, ~np.isnan(chosen), chosen, weight[customer], asked=False)


def last_asked(
    customer: IntArray, sent_week: IntArray, score: FloatArray, weight: FloatArray
) -> Candidates | None:
    """Return the last survey that each customer was sent; None if none was sent.

    Parameters
    ----------
    customer, sent_week : int arrays (r,)
        In the order of time.
    score : float array (r,)
        NaN without an answer.
    weight : float array (n,)
        By place in the panel.
    """
    if len(customer) == 0:
        return None
    order = np.lexsort((np.arange(len(customer)), sent_week, customer))
    customer, sent_week, score = customer[order], sent_week[order], score[order]
    last = np.append(customer[1:] != customer[:-1], True)
    chosen = score[last]
    return Candidates(
        customer[last],
        sent_week[last],
        ~np.isnan(chosen),
        chosen,
        weight[customer[last]],
        asked=True,
    )


def response_card(
    periods: Periods,
    candidates: Candidates | None,
    *,
    window: int,
    behaviours: tuple[str, ...],
    is_promoters: bool,
) -> dict[str, Any]:
    """Return rate, differences and weighted score, as the card holds them.

    Returns
    -------
    dict
        ``of`` (``asked`` or ``on board``), ``people``, ``answered``, ``rate`` with ``low`` and
        ``high`` in percent (None unless the customers asked are on record), ``differences`` (a
        mapping of ``margin``, ``orders``, ``tenure`` and behaviours to their standardised
        difference with ``low`` and ``high``, and the means of both groups), ``weighted`` (the mean
        score or the Net Promoter Score with inverse-propensity weights, beside the ``raw`` one of
        the same customers; None with the reason in ``note``).
    """
    empty: dict[str, Any] = {"differences": {}, "weighted": None, "rate": None}
    if candidates is None:
        return empty | {"note": "the history is too short to describe customers before an answer"}
    kept = candidates.week > 0
    answered, weight = candidates.answered[kept], candidates.weight[kept]
    n, n_answered = len(answered), int(answered.sum())
    found = empty | {
        "of": "asked" if candidates.asked else "on board",
        "people": round(float(weight.sum())),
        "answered": round(float(weight[answered].sum())),
    }
    if candidates.asked and n:
        low, high = wilson(n_answered, n)
        found |= {"rate": 100 * n_answered / n, "low": 100 * low, "high": 100 * high}
    if min(n_answered, n - n_answered) < FEWEST:
        few = "answered" if n_answered < FEWEST else "did not answer"
        return found | {"note": f"fewer than {FEWEST} customers {few}: nothing to compare"}
    columns = described(
        periods, candidates.customer[kept], candidates.week[kept], window, behaviours
    )
    found["differences"] = {
        name: _difference(values, answered, weight) for name, values in columns.items()
    }
    return found | _weighted(
        in_logs(columns), answered, candidates.score[kept], weight, is_promoters=is_promoters
    )


def _difference(values: FloatArray, answered: BoolArray, weight: FloatArray) -> dict[str, Any]:
    """Return the standardised mean difference of those who answered, with its 95% interval.

    Source: Hedges and Olkin (1985), Statistical Methods for Meta-Analysis, chapter 5.
    """
    means, variances, sizes = [], [], []
    for group in (answered, ~answered):
        w = weight[group]
        mean = float(np.average(values[group], weights=w))
        means.append(mean)
        variances.append(float(np.average((values[group] - mean) ** 2, weights=w)))
        sizes.append(float(w.sum() ** 2 / (w**2).sum()))
    pooled = math.sqrt(sum(variances) / 2)
    shown: dict[str, Any] = {"answered": means[0], "others": means[1]}
    if pooled == 0:
        return shown | {"difference": None, "low": None, "high": None}
    d = (means[0] - means[1]) / pooled
    error = math.sqrt(1 / sizes[0] + 1 / sizes[1] + d * d / (2 * sum(sizes)))
    return shown | {"difference": d, "low": d - Z * error, "high": d + Z * error}


def _weighted(
    x: FloatArray,
    answered: BoolArray,
    score: FloatArray,
    weight: FloatArray,
    *,
    is_promoters: bool,
) -> dict[str, Any]:
    """Return the score weighted to all who might have answered, or why there is none."""
    fit = fit_propensity(x, answered, weight)
    if not fit.converged:
        return {"note": "the regression of who answers did not converge: no weighted score"}
    probability = fit.probability[answered]
    if probability.min() < MIN_PROBABILITY:
        return {
            "note": "some who answered are unlike all others who did: weights would rest on few "
            "answers, so no weighted score is shown"
        }
    values = score[answered]
    if is_promoters:
        values = 100.0 * ((values >= 9).astype(float) - (values < 7))
    mean, low, high, n = weighted_mean(values, probability, weight[answered])
    if n < MIN_EFFECTIVE:
        return {"note": f"the weights leave {quantity(n, 'answer')}: no weighted score"}
    raw = float(np.average(values, weights=weight[answered]))
    if is_promoters:
        low, high = max(low, -100.0), min(high, 100.0)
    shown = {"value": mean, "low": low, "high": high, "raw": raw, "effective_answers": n}
    return {"weighted": shown, "note": ""}
