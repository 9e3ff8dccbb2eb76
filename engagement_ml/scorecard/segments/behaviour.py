"""Segments by behaviour: found in a sample of customers, assigned by the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import PERMANENT_RANDOM_NUMBERS
from engagement_ml.features.counts import plain_counts
from engagement_ml.formatting import plural
from engagement_ml.inputs import Tables
from engagement_ml.scorecard.segments.clustering import (
    Clusters,
    NoClusters,
    find_clusters,
    scores_of,
)
from engagement_ml.scorecard.segments.naming import segment_names
from engagement_ml.scorecard.segments.scale import BehaviourScale

SAMPLE = 2000
"""Customers that segments are found in; all are assigned."""
NO_ACTIVITY = "no activity"
"""Customers who are there and have no event in the observation window."""
_SPARE = 1.2


@dataclass(frozen=True)
class BehaviourSegments:
    """Segments by behaviour, or the reason why there are none.

    Attributes
    ----------
    as_of : date
        End of the observation window that behaviours are counted in.
    members : LazyFrame or None
        ``customer_id`` and ``segment`` (text): a row for each customer who was there on that day;
        None without segments.
    names : tuple of str
        The largest segment first.
    apart : tuple of mapping of str to float
        For each segment, the mean count of each behaviour as a ratio to that of all customers with
        an event.
    stability : float or None
        Mean adjusted Rand index of clusters of disjoint halves.
    reason : str or None
        Why there are no segments.
    """

    as_of: dt.date
    members: nw.LazyFrame[Any] | None = None
    names: tuple[str, ...] = ()
    apart: tuple[Mapping[str, float], ...] = ()
    stability: float | None = None
    reason: str | None = None


def find_behaviour_segments(
    tables: Tables, config: PipelineConfig, as_of: dt.date
) -> BehaviourSegments:
    """Look for stable segments of customers by what they did before a day.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
        ``windows.observation_days`` is the length of the window, ``random_seed`` makes the draws.
    as_of : date
        The window is ``[as_of − observation_days, as_of)``.

    Returns
    -------
    BehaviourSegments
        The same for the same tables and seed, in any order of rows. Up to `SAMPLE` customers with
        an event, it does not depend on the names of customers and behaviours either.
    """
    frame, names = plain_counts(tables, config, as_of)
    if not names:
        return BehaviourSegments(as_of, reason="no event type is a behaviour")
    columns = list(names.values())
    counts = _sampled(tables, frame, columns, config.random_seed)
    found = find_clusters(counts, seed=config.random_seed)
    if isinstance(found, NoClusters):
        reason = found.reason.replace("customers", plural(config.entity))
        return BehaviourSegments(as_of, stability=found.stability, reason=reason)
    coded = _coded(frame, columns, found)
    sizes, means = _profiles(tables, coded, columns, len(found.offsets))
    order = sorted(range(len(sizes)), key=lambda c: (-sizes[c], *means[c]))
    labels = [config.behaviours[b].label or b if b in config.behaviours else b for b in names]
    called = segment_names(_differences(found, counts)[order], labels)
    overall = sizes @ means / sizes.sum()
    apart = (
        {b: float(m / o) for b, m, o in zip(names, means[c], overall, strict=True) if o > 0}
        for c in order
    )
    name_of = dict(zip(order, called, strict=True))
    members = tables.engine.persist(_named(coded, name_of))
    return BehaviourSegments(as_of, members, called, tuple(apart), found.stability)


def _sampled(tables: Tables, frame: nw.LazyFrame[Any], columns: list[str], seed: int) -> FloatArray:
    """Return the counts of customers with an event, at most `SAMPLE` of them."""
    active = frame.filter(_total(columns) > 0)
    (row,) = tables.engine.rows(active.select(n_=nw.len()), source="events")
    n = int(row["n_"])
    if n > SAMPLE:
        numbered = tables.engine.permanent_random_numbers(active, "customer_id", seed, "draw_")
        limit = int(min(_SPARE * SAMPLE / n, 1.0) * PERMANENT_RANDOM_NUMBERS)
        active = numbered.filter(nw.col("draw_") < limit)
    parts = list(tables.engine.batches(active))
    values = np.concatenate([np.column_stack([p[c] for c in columns]) for p in parts])
    if n > SAMPLE:
        draws = np.concatenate([part["draw_"] for part in parts])
        values = values[np.argsort(draws, kind="stable")[:SAMPLE]]
    return values.astype(np.float64)


def _coded(frame: nw.LazyFrame[Any], columns: list[str], clusters: Clusters) -> nw.LazyFrame[Any]:
    """Add ``code_``, the cluster of each customer; −1 without an event."""
    scores = {
        f"s_{place}": _step(column, scale)
        for place, (column, scale) in enumerate(zip(columns, clusters.scales, strict=True))
    }
    costs = {f"d_{c}": _cost(clusters, c) for c in range(len(clusters.offsets))}
    code = nw.lit(len(costs) - 1)
    for c in reversed(range(len(costs) - 1)):
        nearest = nw.all_horizontal(
            *(nw.col(f"d_{c}") <= nw.col(f"d_{other}") for other in range(c + 1, len(costs))),
            ignore_nulls=False,
        )
        code = nw.when(nearest).then(nw.lit(c)).otherwise(code)
    code = nw.when(_total(columns) > 0).then(code).otherwise(nw.lit(-1))
    scored = frame.with_columns(**scores).with_columns(**costs).with_columns(code_=code)
    return scored.select("customer_id", "code_", *columns)


def _step(column: str, scale: BehaviourScale) -> nw.Expr:
    """Return the score of a count: the first level's, and the steps up to the count."""
    value = nw.lit(float(scale.scores[0]))
    for edge, step in zip(scale.edges[1:], np.diff(scale.scores), strict=True):
        reached = nw.when(nw.col(column) >= float(edge)).then(nw.lit(float(step)))
        value = value + reached.otherwise(nw.lit(0.0))
    return value


def _cost(clusters: Clusters, c: int) -> nw.Expr:
    value = nw.lit(float(clusters.offsets[c]))
    for place, weight in enumerate(clusters.weights[:, c]):
        if weight != 0:
            value = value + nw.col(f"s_{place}") * float(weight)
    return value


def _total(columns: list[str]) -> nw.Expr:
    return nw.sum_horizontal(*(nw.col(column) for column in columns))


def _profiles(
    tables: Tables, coded: nw.LazyFrame[Any], columns: list[str], k: int
) -> tuple[FloatArray, FloatArray]:
    """Return the number of customers in each cluster, and their mean counts (k, p)."""
    grouped = coded.group_by("code_").agg(
        nw.len().alias("size_"), *(nw.col(column).sum() for column in columns)
    )
    sizes, sums = np.zeros(k), np.zeros((k, len(columns)))
    for row in tables.engine.rows(grouped, source="events"):
        if row["code_"] >= 0:
            sizes[row["code_"]] = row["size_"]
            sums[row["code_"]] = [row[column] for column in columns]
    return sizes, sums / np.maximum(sizes, 1)[:, None]


def _differences(clusters: Clusters, counts: FloatArray) -> FloatArray:
    """Return the mean score of each cluster in the sample, in standard deviations, (k, p)."""
    scores, labels = scores_of(clusters.scales, counts), clusters.assign(counts)
    deviations = scores.std(axis=0)
    means = np.array([scores[labels == c].mean(axis=0) for c in range(len(clusters.offsets))])
    differences: FloatArray = means / np.where(deviations > 0, deviations, 1.0)
    return differences


def _named(coded: nw.LazyFrame[Any], names: Mapping[int, str]) -> nw.LazyFrame[Any]:
    text: nw.Expr = nw.lit(NO_ACTIVITY)
    for code, name in names.items():
        text = nw.when(nw.col("code_") == code).then(nw.lit(name)).otherwise(text)
    return coded.select("customer_id", segment=text)
