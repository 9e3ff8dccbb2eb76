"""Whom training learns from where there are more than it needs: a sample drawn by strata.

Everybody is as likely to be drawn as anybody else, so that averages, effects and weights of the
sample stand for all without being weighted; strata see to it that spenders of each size, and those
who never do anything, are there in proportion. The engine finds who is drawn; little more
than the sample comes here, whatever the number of customers.
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
"""Events from which on a level of activity begins; none are a level of their own."""
SPENDING = range(-8, 8)
"""Levels of spending begin at 2 to the power of these, times the mean of those who bring margin."""
MOST_COMBINATIONS = 100
"""Segments make strata of their own while they have no more combinations."""
KEYS = ("spending_", "activity_", "segment_")
"""What tells a stratum, the order of strata too: what matters most is shared out most exactly."""
_OFFSETS = 2**32
_LARGEST = 2**62
_PART = 2**20


@dataclass(frozen=True)
class Sample:
    """Who was drawn.

    Attributes
    ----------
    ids : array (n,)
        Their ``customer_id``, sorted.
    of : int
        How many there are in all.
    by : tuple of str
        What the strata are made of.
    n_strata : int
    name : str
        Tells this sample of these tables from others.
    """

    ids: AnyArray
    of: int
    by: tuple[str, ...]
    n_strata: int
    name: str


@dataclass(frozen=True)
class _Strata:
    """Strata in order, how many each holds, and how many of them are drawn."""

    keys: tuple[tuple[Any, ...], ...]
    sizes: tuple[int, ...]
    drawn: tuple[int, ...]


def draw_sample(tables: Tables, config: PipelineConfig, *, before: dt.date) -> Sample | None:
    """Draw ``sample.customers`` of the entities by strata; None where there are no more than that.

    Strata are levels of spending, in them levels of activity, and in these the segments that the
    configuration names. Each gets its share of the sample, up or down to a whole number, by
    systematic sampling along the strata; so does each level of spending as a whole. Within a
    stratum those with the smallest lots are drawn; see ``Engine.permanent_random_numbers``.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    before : date
        What strata are made of lies before it, so that nobody is chosen by what fitting may not
        see. Who came later is in the stratum of those who did nothing.

    Returns
    -------
    Sample or None
        The same for the same tables, size and seed, on any engine, in any order of rows. A larger
        sample holds nearly all of a smaller one.
    """
    n, seed = config.sample.customers, config.random_seed
    if n is None:
        return None
    who, segments = _with_strata(tables, config, before)
    rows = tables.engine.rows(
        who.group_by(*KEYS).agg(nw.len().alias("n_")), source="customers to draw from"
    )
    found = sorted((tuple(row[key] for key in KEYS), int(row["n_"])) for row in rows)
    sizes = [size for _, size in found]
    if sum(sizes) <= n:
        return None
    offset = int(np.random.default_rng(seed).integers(_OFFSETS))
    strata = _Strata(tuple(key for key, _ in found), tuple(sizes), tuple(allot(sizes, n, offset)))
    ids = _draw(tables, who, strata, seed)
    by = ("spending", "activity", *(f"segment {column}" for column in segments))
    name = f"{n} of {sum(sizes)} by {' '.join(by)} before {before}, seed {seed}"
    return Sample(ids, sum(sizes), by, len(found), name)


def sample_of(tables: Tables, sample: Sample) -> Tables:
    """Return the tables with the rows of those who were drawn alone.

    What tells of the tables as a whole stays: quality, history, behaviours, event counts.
    """
    chosen = tables.engine.small({"customer_id": sample.ids})

    def theirs(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return frame.join(chosen, on="customer_id", how="semi")

    def theirs_of(frame: nw.LazyFrame[Any] | None) -> nw.LazyFrame[Any] | None:
        return None if frame is None else theirs(frame)

    return dataclasses.replace(
        tables,
        events=theirs(tables.events),
        transactions=theirs(tables.transactions),
        customers=theirs_of(tables.customers),
        surveys=theirs_of(tables.surveys),
        ledger=tables.engine.persist(theirs(daily_events(tables))),
        sessions=theirs_of(tables.sessions),
        partitions=(),
        sample_key=sample.name,
    )


def allot(sizes: Sequence[int], n: int, offset: int) -> list[int]:
    """Share out `n` places over strata in proportion to their sizes, systematically.

    Places lie evenly along the strata put end to end, from a random start. So each stratum, and
    each run of neighbouring strata, gets its share within one, and over the random starts exactly
    its share on average.

    Parameters
    ----------
    sizes : sequence of int
    n : int
        No more than their sum.
    offset : int
        The random start, from 0 to 2³² − 1.

    Examples
    --------
    >>> allot([50, 30, 15, 5], 20, 2**31)
    [10, 6, 3, 1]
    >>> [allot([97, 3], 10, start) for start in (0, 2**32 - 1)]
    [[9, 1], [10, 0]]
    """
    total, ends, passed = sum(sizes), [0], 0
    for size in sizes:
        passed += size
        ends.append((passed * n * _OFFSETS + offset * total) // (total * _OFFSETS))
    return [end - start for start, end in pairwise(ends)]


def _with_strata(
    tables: Tables, config: PipelineConfig, before: dt.date
) -> tuple[nw.LazyFrame[Any], tuple[str, ...]]:
    """Return ``customer_id`` and what tells the stratum of each, and the segments among it."""
    who = entities(tables, config, before=before)
    usual = _mean_gain(tables, who)
    # From the smallest gain on; whoever lost as much as they brought is below it.
    bounds = [1, *(min(max(1, math.floor(usual * 2.0**k)), _LARGEST) for k in SPENDING)]
    bought = 1 + _level("margin", bounds)
    leveled = who.with_columns(
        activity_=_level("n_events", ACTIVITY),
        spending_=nw.when(nw.col("n_transactions") > 0).then(bought).otherwise(nw.lit(0)),
    )
    segments = _segments(tables, config)
    if tables.customers is None or not segments:
        return leveled.select("customer_id", *KEYS[:2], segment_=nw.lit("")), ()
    texts = [nw.col(column).cast(nw.String).fill_null("") for column in segments]
    # No value holds the separator, so no two combinations read alike.
    combined = tables.customers.select(
        "customer_id", segment_=nw.concat_str(*texts, separator="\x1f")
    )
    joined = leveled.join(combined, on="customer_id", how="left")
    return joined.select("customer_id", *KEYS[:2], nw.col("segment_").fill_null("")), segments


def _mean_gain(tables: Tables, who: nw.LazyFrame[Any]) -> int:
    """Return the mean margin of those who brought any, in millionths; 0 where nobody did."""
    gain = nw.col("margin")
    low = gain % _PART
    # All of it in one sum might not fit into 64 bits; a power of two divides without rounding.
    parts = {"low_": low, "high_": ((gain - low) / _PART).cast(nw.Int64)}
    split = who.filter(gain > 0).select(**parts)
    told = split.select(*(nw.col(c).sum().cast(nw.Int64) for c in parts), nw.len().alias("n_"))
    (found,) = tables.engine.rows(told, source="transactions")
    total = int(found["high_"] or 0) * _PART + int(found["low_"] or 0)
    return total // max(int(found["n_"]), 1)


def _level(column: str, bounds: Sequence[int]) -> nw.Expr:
    """Return how many of the bounds a column reaches."""
    one, zero = nw.lit(1), nw.lit(0)
    return nw.sum_horizontal(
        *(nw.when(nw.col(column) >= b).then(one).otherwise(zero) for b in bounds)
    )


def _segments(tables: Tables, config: PipelineConfig) -> tuple[str, ...]:
    """Return the segments, in order, while their values have few combinations."""
    if tables.customers is None or not config.segments:
        return ()
    places = {column: f"n_{i}" for i, column in enumerate(config.segments)}
    counted = tables.customers.select(nw.col(c).n_unique().alias(n) for c, n in places.items())
    (values,) = tables.engine.rows(counted, source="customers")
    taken, combinations = [], 1
    for column, name in places.items():
        if combinations * int(values[name]) <= MOST_COMBINATIONS:
            taken.append(column)
            combinations *= int(values[name])
    return tuple(taken)


def _draw(tables: Tables, who: nw.LazyFrame[Any], strata: _Strata, seed: int) -> AnyArray:
    """Return the ids of the smallest lots of each stratum, sorted.

    Lots are even, so a limit on them lets through a few more than are needed, which is all that
    comes here. Where it lets too few through, it is widened.
    """
    lots = tables.engine.permanent_random_numbers(who, "customer_id", seed, "lot_")
    needed = np.array(strata.drawn)
    codes = {key: [each[i] for each in strata.keys] for i, key in enumerate(KEYS)}
    slack = 1
    while True:
        limits = [_limit(n, of, slack) for n, of in zip(strata.drawn, strata.sizes, strict=True)]
        places = np.arange(len(needed), dtype=np.int32)
        small = tables.engine.small({**codes, "limit_": limits, "stratum_": places})
        inside = lots.join(small, on=list(KEYS), how="inner").filter(
            nw.col("lot_") < nw.col("limit_")
        )
        found = collect(inside.select("customer_id", "stratum_", "lot_"))
        if (np.bincount(found["stratum_"], minlength=len(needed)) >= needed).all():
            return _smallest(found, needed)
        slack *= 4


def _limit(n: int, of: int, slack: int) -> int:
    """Return the lot below which `n` of a stratum lie, all but surely."""
    enough = n + slack * (6 * math.isqrt(n) + 20)
    return 0 if n == 0 else min(PERMANENT_RANDOM_NUMBERS, PERMANENT_RANDOM_NUMBERS * enough // of)


def _smallest(found: dict[str, AnyArray], needed: npt.NDArray[np.int_]) -> AnyArray:
    by_id = np.argsort(found["customer_id"], kind="stable")
    ids, stratum, lot = (found[c][by_id] for c in ("customer_id", "stratum_", "lot_"))
    order = np.lexsort((lot, stratum))
    ids, stratum = ids[order], stratum[order]
    rank = np.arange(len(ids)) - np.searchsorted(stratum, stratum, side="left")
    chosen: AnyArray = np.sort(ids[rank < needed[stratum]])
    return chosen
