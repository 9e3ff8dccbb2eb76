"""Backtest of early warnings: whose margin was lost later, compared with other rankings.

At past cutoffs each ranking names its first k customers: 5% of all, or as many as were warned if
that is more. Precision is the share of them whose later margin was below half of their usual one,
and the share caught is their part of all margin that was lost later. Intervals are of a bootstrap
by customer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engagement_ml._typing import BoolArray, FloatArray, IntArray
from engagement_ml.evaluation.bootstrap import Resamples, interval

WARNED = "warned customers"
WARNINGS = "early warnings"
RFM = "recency-frequency-monetary"
CHURN = "churn model"
EVERYONE = "all customers"

LOST_SHARE = 0.5
"""A customer is lost if later margin is below this share of the usual one."""

TOP_SHARE = 0.05
"""Share of the customers of a cutoff that each ranking names, or more if more were warned."""

MIN_NAMED = 20
"""Customers that must be named, over all cutoffs, for a precision that says anything."""

N_BOOTSTRAP = 200


@dataclass(frozen=True)
class PastWarnings:
    """One row per customer and past cutoff.

    Attributes
    ----------
    customer, cutoff : int arrays (R,)
        As numbers from 0 on.
    warned : bool array (R,)
    priority : array (R,)
        Rank of early warnings also of those who are not warned; high values come first, after the
        warned.
    usual, later : arrays (R,)
        Usual margin of an outcome window before the cutoff, and margin of the one after it.
    rankings : mapping of name to array (R,)
        Other rankings; high values are named first.
    """

    customer: IntArray
    cutoff: IntArray
    warned: BoolArray
    priority: FloatArray
    usual: FloatArray
    later: FloatArray
    rankings: Mapping[str, FloatArray]


def backtest(past: PastWarnings, *, seed: int = 0) -> dict[str, Any]:
    """Compare warnings with other rankings of the same customers at the same cutoffs.

    What moves the margin of all customers, such as a season, is taken out of the usual margin.

    Returns
    -------
    dict
        Plain JSON types: ``cutoffs``, ``customers``, ``warned``, ``named`` (over all cutoffs),
        ``reason`` (why nothing was measured, or None) and ``rankings``: by name ``precision`` and
        ``caught`` as ``{"value", "low", "high"}``. Other rankings also have
        ``precision_difference`` and ``caught_difference``, early warnings less theirs, paired.
        ``warned customers`` are the warned alone; they are left out if they are too few.
    """
    n_warned = int(past.warned.sum())
    named = {WARNINGS: _first(past, np.where(past.warned, np.inf, past.priority))}
    named |= {name: _first(past, values) for name, values in past.rankings.items()}
    n_named = int(named[WARNINGS].sum())
    result: dict[str, Any] = {
        "cutoffs": int(past.cutoff.max(initial=-1)) + 1,
        "customers": len(np.unique(past.customer)),
        "warned": n_warned,
        "named": n_named,
        "reason": None,
        "rankings": {},
    }
    if n_named < MIN_NAMED:
        return result | {
            "reason": f"past cutoffs with known outcomes have only {n_named} customers to name; "
            f"{MIN_NAMED} are needed"
        }
    if n_warned >= MIN_NAMED:
        named = {WARNED: past.warned, **named}
    named[EVERYONE] = np.ones(len(past.customer), dtype=np.bool_)
    expected = _expected(past)
    shortfall = np.maximum(expected - past.later, 0.0)
    lost = (expected > 0) & (past.later < LOST_SHARE * expected)
    replicates = _replicates(past, named, shortfall, lost, seed)
    for name, values in replicates.items():
        row = {measure: interval(drawn) for measure, drawn in values.items()}
        if name in past.rankings:
            for measure, drawn in values.items():
                difference = replicates[WARNINGS][measure] - drawn
                row[f"{measure}_difference"] = interval(difference)
        result["rankings"][name] = row
    return result


def _expected(past: PastWarnings) -> FloatArray:
    """Return the usual margin times the common change after each cutoff, at least 0."""
    usual = np.maximum(past.usual, 0.0)
    before = np.bincount(past.cutoff, usual)
    after = np.bincount(past.cutoff, np.where(usual > 0, past.later, 0.0))
    change = np.where(before > 0, np.maximum(after, 0.0) / np.maximum(before, 1e-300), 1.0)
    return np.asarray(usual * change[past.cutoff])


def _first(past: PastWarnings, values: FloatArray) -> BoolArray:
    """Name the first customers of each cutoff, by descending values."""
    named = np.zeros(len(values), dtype=np.bool_)
    for cutoff in np.unique(past.cutoff):
        rows = np.flatnonzero(past.cutoff == cutoff)
        n = max(int(past.warned[rows].sum()), math.ceil(TOP_SHARE * len(rows)))
        named[rows[np.argsort(-values[rows], kind="stable")[:n]]] = True
    return named


def _replicates(
    past: PastWarnings,
    named: Mapping[str, BoolArray],
    shortfall: FloatArray,
    lost: BoolArray,
    seed: int,
) -> dict[str, dict[str, FloatArray]]:
    """Return precision and share caught, on the data and on each bootstrap sample."""
    n = int(past.customer.max()) + 1
    total = np.bincount(past.customer, shortfall, n)
    sums = {
        name: (
            np.bincount(past.customer, rows.astype(np.float64), n),
            np.bincount(past.customer, (rows & lost).astype(np.float64), n),
            np.bincount(past.customer, rows * shortfall, n),
        )
        for name, rows in named.items()
    }
    parts: dict[str, dict[str, list[FloatArray]]] = {
        name: {"precision": [], "caught": []} for name in named
    }
    for weights in Resamples(n, N_BOOTSTRAP, seed).chunks():
        all_lost = total @ weights
        for name, (size, hits, caught) in sums.items():
            drawn = size @ weights
            safe = np.where(drawn > 0, drawn, np.nan)
            parts[name]["precision"].append(hits @ weights / safe)
            share = caught @ weights / np.where(all_lost > 0, all_lost, np.nan)
            parts[name]["caught"].append(share)
    return {
        name: {measure: np.concatenate(drawn) for measure, drawn in measures.items()}
        for name, measures in parts.items()
    }


def backtest_sentences(result: Mapping[str, Any]) -> list[str]:
    """Return the backtest in sentences, for the terminal and the page."""
    if result["reason"] is not None:
        return [f"The early warnings could not be backtested: {result['reason']}."]
    sentences = [
        f"Backtest: each ranking names {result['named']:,} customers at {result['cutoffs']} past "
        f"cutoffs, of whom {result['warned']:,} were warned."
    ]
    for name, row in result["rankings"].items():
        precision, caught = row["precision"], row["caught"]
        if precision is None or caught is None:
            sentences.append(f"{name}: not measured, as too few bootstrap samples had a value.")
            continue
        sentences.append(
            f"{name[:1].upper()}{name[1:]}: {_interval(precision)} of them later brought less than "
            f"half of their usual margin; they held {_interval(caught)} of the margin lost."
        )
    return sentences


def _interval(value: Mapping[str, float]) -> str:
    return f"{value['value']:.0%} ({value['low']:.0%} to {value['high']:.0%})"
