"""Stratified sample of customers for training, with proportional allocation.

Each customer has the same inclusion probability, so averages, effects and weights of the sample
need no survey weights. Strata keep customers of each level of spending and activity in proportion.
The engine selects the sample; little more than the sample is fetched, whatever the number of
customers.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt

from engagement_ml._typing import AnyArray
from engagement_ml.config import PipelineConfig
from engagement_ml.engine import PERMANENT_RANDOM_NUMBERS
from engagement_ml.features.daily_totals import daily_events, entities
from engagement_ml.features.population import collect
from engagement_ml.inputs import Tables

ACTIVITY = tuple(4**k for k in range(12))
"""Numbers of events at which levels of activity begin; customers without events are level 0."""
SPENDING = range(-8, 8)
"""Levels of spending begin at 2 to these powers, times the mean over positive margins."""
MAX_COMBINATIONS = 100
"""Segments are added to the strata while their values have no more combinations."""
KEYS = ("spending_", "activity_", "segment_")
"""Keys of a stratum; strata are sorted by them, so allocation is most exact for the first key."""
_OFFSETS = 2**32
_LARGEST = 2**62
_PART = 2**20


@dataclass(frozen=True)
class Sample:
    """A sample of customers.

    Attributes
    ----------
    ids : array (n,)
        ``customer_id`` of the sampled customers, sorted.
    of : int
        Size of the population.
    by : tuple of str
        The variables that define the strata.
    n_strata : int
    name : str
        Identifies the sample, for cache keys.
    """

    ids: AnyArray
    of: int
    by: tuple[str, ...]
    n_strata: int
    name: str


@dataclass(frozen=True)
class _Strata:
    """Strata in order, their sizes, and the sample size allotted to each."""

    keys: tuple[tuple[Any, ...], ...]
    sizes: tuple[int, ...]
    drawn: tuple[int, ...]


def draw_sample(tables: Tables, config: PipelineConfig, *, before: dt.date) -> Sample | None:
    """Draw a stratified sample of ``sample.customers`` customers, None if there are no more.

    Strata are levels of spending, within them levels of activity, and within these the segments
    that the configuration names. Systematic sampling along the sorted strata gives each stratum,
    and each level of spending as a whole, its proportional share up to rounding. Within a stratum
    the customers with the smallest permanent random numbers are drawn; see
    ``Engine.permanent_random_numbers``.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    before : date
        Strata use data before this day only, so that the sample does not depend on data that
        fitting must not see. Customers who entered later are in the stratum without activity.

    Returns
    -------
    Sample or None
        The same for the same tables, size and seed, on any engine, in any order of rows. A larger
        sample contains nearly all customers of a smaller one.
    """
    n, seed = config.sample.customers, config.random_seed
    if n is None:
        return None
    customers, segments = _with_strata(tables, config, before)
    rows = tables.engine.rows(
        customers.group_by(*KEYS).agg(nw.len().alias("n_")), source="customers to draw from"
    )
    strata_sizes = sorted((tuple(row[key] for key in KEYS), int(row["n_"])) for row in rows)
    sizes = [size for _, size in strata_sizes]
    if sum(sizes) <= n:
        return None
    offset = int(np.random.default_rng(seed).integers(_OFFSETS))
    keys = tuple(key for key, _ in strata_sizes)
    strata = _Strata(keys, tuple(sizes), tuple(allot(sizes, n, offset)))
    ids = _draw(tables, customers, strata, seed)
    by = ("spending", "activity", *(f"segment {column}" for column in segments))
    name = f"{n} of {sum(sizes)} by {' '.join(by)} before {before}, seed {seed}"
    return Sample(ids, sum(sizes), by, len(keys), name)


def sample_of(tables: Tables, sample: Sample) -> Tables:
    """Return the tables restricted to the rows of the sampled customers.

    Metadata of the tables as a whole stay: quality, history, behaviours, event counts.
    """
    sampled_ids = tables.engine.small({"customer_id": sample.ids})

    def sampled(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame.join(sampled_ids, on="customer_id", how="semi")

    def sampled_optional(frame: nw.LazyFrame[Any] | None) -> nw.LazyFrame[Any] | None:
        return None if frame is None else sampled(frame)

    return dataclasses.replace(
        tables,
        events=sampled(tables.events),
        transactions=sampled(tables.transactions),
        customers=sampled_optional(tables.customers),
        surveys=sampled_optional(tables.surveys),
        ledger=tables.engine.persist(sampled(daily_events(tables))),
        sessions=sampled_optional(tables.sessions),
        partitions=(),
        sample_key=sample.name,
    )


def allot(sizes: Sequence[int], n: int, offset: int) -> list[int]:
    """Allocate a sample of `n` to strata in proportion to their sizes, by systematic sampling.

    Sampling points lie evenly along the concatenated strata, from a random start. Each stratum, and
    each run of neighbouring strata, gets its proportional share rounded up or down, and exactly
    that share on average over the random starts.

    Parameters
    ----------
    sizes : sequence of int
    n : int
        At most the sum of `sizes`.
    offset : int
        The random start, from 0 to 2³² − 1.

    Examples
    --------
    >>> allot([50, 30, 15, 5], 20, 2**31)
    [10, 6, 3, 1]
    >>> [allot([97, 3], 10, start) for start in (0, 2**32 - 1)]
    [[9, 1], [10, 0]]
    """
    total, ends, cumulative = sum(sizes), [0], 0
    for size in sizes:
        cumulative += size
        ends.append((cumulative * n * _OFFSETS + offset * total) // (total * _OFFSETS))
    return [end - start for start, end in pairwise(ends)]


def _with_strata(
    tables: Tables, config: PipelineConfig, before: dt.date
) -> tuple[nw.LazyFrame[Any], tuple[str, ...]]:
    """Return ``customer_id`` with the stratum keys, and the segments among the keys."""
    customers = entities(tables, config, before=before)
    mean_gain = _mean_gain(tables, customers)
    # The first bound is the smallest gain, a millionth: buyers without a net gain are below it.
    bounds = [1, *(min(max(1, math.floor(mean_gain * 2.0**k)), _LARGEST) for k in SPENDING)]
    bought = 1 + _level("margin", bounds)
    leveled = customers.with_columns(
        activity_=_level("n_events", ACTIVITY),
        spending_=nw.when(nw.col("n_transactions") > 0).then(bought).otherwise(nw.lit(0)),
    )
    segments = _segments(tables, config)
    if tables.customers is None or not segments:
        return leveled.select("customer_id", *KEYS[:2], segment_=nw.lit("")), ()
    texts = [nw.col(column).cast(nw.String).fill_null("") for column in segments]
    # Values do not contain the separator, so different combinations stay different.
    combined = tables.customers.select(
        "customer_id", segment_=nw.concat_str(*texts, separator="\x1f")
    )
    joined = leveled.join(combined, on="customer_id", how="left")
    return joined.select("customer_id", *KEYS[:2], nw.col("segment_").fill_null("")), segments


def _mean_gain(tables: Tables, customers: nw.LazyFrame[Any]) -> int:
    """Return the mean of the positive margins of customers, in millionths; 0 without any."""
    gain = nw.col("margin")
    low = gain % _PART
    # The sum might overflow 64 bits, so low and high parts are added apart; dividing by a power
    # of two does not round.
    parts = {"low_": low, "high_": ((gain - low) / _PART).cast(nw.Int64)}
    split = customers.filter(gain > 0).select(**parts)
    sums = split.select(*(nw.col(c).sum().cast(nw.Int64) for c in parts), nw.len().alias("n_"))
    (row,) = tables.engine.rows(sums, source="transactions")
    total = int(row["high_"] or 0) * _PART + int(row["low_"] or 0)
    return total // max(int(row["n_"]), 1)


def _level(column: str, bounds: Sequence[int]) -> nw.Expr:
    """Return the level of a column: the number of bounds that it reaches."""
    one, zero = nw.lit(1), nw.lit(0)
    return nw.sum_horizontal(
        *(nw.when(nw.col(column) >= b).then(one).otherwise(zero) for b in bounds)
    )


def _segments(tables: Tables, config: PipelineConfig) -> tuple[str, ...]:
    """Return the segments, in order, that keep the combinations of values few enough."""
    if tables.customers is None or not config.segments:
        return ()
    names = {column: f"n_{i}" for i, column in enumerate(config.segments)}
    counts = tables.customers.select(nw.col(c).n_unique().alias(n) for c, n in names.items())
    (n_values,) = tables.engine.rows(counts, source="customers")
    segments, combinations = [], 1
    for column, name in names.items():
        if combinations * int(n_values[name]) <= MAX_COMBINATIONS:
            segments.append(column)
            combinations *= int(n_values[name])
    return tuple(segments)


def _draw(tables: Tables, customers: nw.LazyFrame[Any], strata: _Strata, seed: int) -> AnyArray:
    """Return the ids with the smallest permanent random numbers of each stratum, sorted.

    The numbers are uniform, so a limit on them selects a few candidates more than are needed, and
    only these are fetched. The limit is raised if it selects too few.
    """
    numbered = tables.engine.permanent_random_numbers(customers, "customer_id", seed, "number_")
    needed = np.array(strata.drawn)
    codes = {key: [stratum[i] for stratum in strata.keys] for i, key in enumerate(KEYS)}
    slack = 1
    while True:
        limits = [
            _limit(n, size, slack) for n, size in zip(strata.drawn, strata.sizes, strict=True)
        ]
        places = np.arange(len(needed), dtype=np.int32)
        small = tables.engine.small({**codes, "limit_": limits, "stratum_": places})
        inside = numbered.join(small, on=list(KEYS), how="inner").filter(
            nw.col("number_") < nw.col("limit_")
        )
        candidates = collect(inside.select("customer_id", "stratum_", "number_"))
        if (np.bincount(candidates["stratum_"], minlength=len(needed)) >= needed).all():
            return _smallest(candidates, needed)
        slack *= 4


def _limit(n: int, size: int, slack: int) -> int:
    """Return the number below which `n` of `size` customers lie, almost surely (six sigma)."""
    enough = n + slack * (6 * math.isqrt(n) + 20)
    return 0 if n == 0 else min(PERMANENT_RANDOM_NUMBERS, PERMANENT_RANDOM_NUMBERS * enough // size)


def _smallest(candidates: dict[str, AnyArray], needed: npt.NDArray[np.int_]) -> AnyArray:
    by_id = np.argsort(candidates["customer_id"], kind="stable")
    ids, stratum, number = (candidates[c][by_id] for c in ("customer_id", "stratum_", "number_"))
    order = np.lexsort((number, stratum))
    ids, stratum = ids[order], stratum[order]
    rank = np.arange(len(ids)) - np.searchsorted(stratum, stratum, side="left")
    selected: AnyArray = np.sort(ids[rank < needed[stratum]])
    return selected
