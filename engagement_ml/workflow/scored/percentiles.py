"""Percentiles of the scores: among the customers scored now, and among those of the training."""

from __future__ import annotations

import narwhals as nw
import numpy as np

from engagement_ml.features.population import collect
from engagement_ml.metric.percentiles import DECIMALS, percentile_among, percentile_in
from engagement_ml.workflow.scored.table import SCORE, ScoreTable

NOW, IN_TRAINING = "percentile", "percentile_in_training"
_KEY = "score_key"
_UNITS = 10**DECIMALS


def with_percentiles(table: ScoreTable) -> ScoreTable:
    """Add ``percentile`` and, if the metric has quantiles, ``percentile_in_training``.

    The engine counts the customers of each distinct score, to four decimals; at most a million
    distinct scores come to this process, whatever the number of customers.
    """
    engine, quantiles = table.engine, table.metric.score_quantiles
    # Engines differ in how they cast a fraction to an integer, so it is rounded before.
    key = (nw.col(SCORE) * _UNITS).round().cast(nw.Int64())
    keyed = table.frame.with_columns(key.alias(_KEY))
    groups = collect(keyed.group_by(_KEY).agg(nw.len().alias("n")))
    order = np.argsort(groups[_KEY])
    keys, counts = groups[_KEY][order].astype(np.int64), groups["n"][order]
    columns = {_KEY: keys, NOW: percentile_among(keys, counts)}
    if quantiles:
        columns[IN_TRAINING] = percentile_in(keys / _UNITS, quantiles)
    frame = keyed.join(engine.small(columns), on=_KEY, how="left").drop(_KEY)
    names = {name: name for name in columns if name != _KEY}
    return table.extended(frame, names)
