"""Paths of touches to conversions, built and counted in the engine.

What the rules need are counts by touchpoint and by pair of touchpoints, so only these leave the
engine: memory does not grow with customers, events or distinct paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import FloatArray, Int64Array
from engagement_ml.engine import Engine

OUTSIDE = -1
"""The code before the first touch of a path."""
_PATH = ("customer_id", "group_", "converted", "run_")
_ZERO, _ONE = nw.lit(0).cast(nw.Int64), nw.lit(1).cast(nw.Int64)


@dataclass(frozen=True)
class Tally:
    """Counts by group of paths; all arrays have shape (R,).

    Attributes
    ----------
    converted : int64 array
        1 for paths that end with a conversion, else 0.
    code : int64 array
        Place of the touchpoint.
    by : int64 array
        What else the counts are by; see `PathCounts`.
    n : int64 array
        Touches or paths.
    value : float64 array
        Margin of the conversions, in currency; 0 for paths without one.
    """

    converted: Int64Array
    code: Int64Array
    by: Int64Array
    n: Int64Array
    value: FloatArray


@dataclass(frozen=True)
class PathCounts:
    """All counts that credit is computed from. K touchpoints have the codes 0 to K - 1.

    Attributes
    ----------
    steps : Tally
        Touches by the touchpoint before them in the path (``by``, `OUTSIDE` for the first touch).
    ends : Tally
        Paths by their last touchpoint; ``by`` is 1 for a path that could still convert when the
        history ended.
    touches : Tally
        Touches by the number of touches in their path (``by``).
    members : Tally
        Pairs of path and touchpoint by the number of different touchpoints in the path (``by``).
    n_same_moment : int
        Touches at the same moment as the customer's touch before them, by another touchpoint.
    """

    steps: Tally
    ends: Tally
    touches: Tally
    members: Tally
    n_same_moment: int = 0


def count_paths(
    engine: Engine,
    touches: nw.LazyFrame[Any],
    conversions: nw.LazyFrame[Any],
    *,
    lookback: int,
    end: int,
) -> PathCounts:
    """Build paths and count them.

    A path with a conversion at c has the customer's touches in ``[max(c', c - lookback), c)``,
    where c' is the conversion before. All other touches form paths without a conversion, which end
    at the next conversion, when more than `lookback` passes without a touch, or with the history.
    Consecutive touches by one touchpoint are one touch.

    Parameters
    ----------
    engine : Engine
    touches : LazyFrame
        ``customer_id``, ``micros`` (microseconds since 1970) and ``code`` (int64).
    conversions : LazyFrame
        ``customer_id``, ``micros`` and ``value`` (millionths, int64); one row a customer and
        moment.
    lookback, end : int
        Length of the lookback, and end of the history, in microseconds.
    """
    rows = engine.persist(_touches_in_paths(touches, conversions, lookback, end))
    members = engine.persist(_members(rows))
    steps = rows.filter(nw.col("stay_") == 1).with_columns(by=nw.col("before_"))
    ends = rows.filter(nw.col("last_") == 1).with_columns(by=nw.col("open_"))
    same = rows.select(n=nw.col("same_").sum().cast(nw.Int64))
    return PathCounts(
        steps=_tally(steps, _ONE, nw.col("value")),
        ends=_tally(ends, _ONE, nw.col("value")),
        touches=_tally(
            members.with_columns(by=nw.col("length")),
            nw.col("stays"),
            nw.col("stays") * nw.col("value"),
        ),
        members=_tally(members.with_columns(by=nw.col("size")), _ONE, nw.col("value")),
        n_same_moment=int(engine.rows(same, source="events")[0]["n"] or 0),
    )


def _touches_in_paths(
    touches: nw.LazyFrame[Any], conversions: nw.LazyFrame[Any], lookback: int, end: int
) -> nw.LazyFrame[Any]:
    """Return the touches that differ from the one before or end a path, with their path.

    Returns
    -------
    LazyFrame
        The columns of `_PATH`; ``code``, ``before_`` (the code before it, `OUTSIDE` for none),
        ``stay_`` (1 if it differs from that), ``last_``, ``open_``, ``same_`` (1 or 0), ``value``.
    """
    order = ("micros", "code")
    path = list(_PATH)
    following = nw.col("conversion_") - nw.col("micros")
    in_time = ~nw.col("conversion_").is_null() & (following <= lookback)
    apart = (nw.col("converted") == 0) & (nw.col("micros") - nw.col("previous_") > lookback)
    in_paths = (
        _with_next_conversion(touches, conversions)
        .with_columns(converted=_flag(in_time))
        .with_columns(
            previous_=nw.col("micros").shift(1).over("customer_id", "group_", "converted",
                                                     order_by=order)
        )
        .with_columns(gap_=_flag(~nw.col("previous_").is_null() & apart))
        .with_columns(
            run_=nw.col("gap_").cum_sum().over("customer_id", "group_", "converted",
                                               order_by=order).cast(nw.Int64)
        )
    )  # fmt: skip
    first = nw.col("before_") == OUTSIDE
    changed = nw.col("before_") != nw.col("code")
    last = nw.col("after_").is_null()
    # A path without a conversion may still get one within the lookback of its last touch.
    still_open = (nw.col("converted") == 0) & nw.col("conversion_").is_null()
    return (
        in_paths.with_columns(
            before_=nw.col("code").shift(1).over(*path, order_by=order).fill_null(OUTSIDE),
            after_=nw.col("code").shift(-1).over(*path, order_by=order),
        )
        .select(
            *path,
            "code",
            nw.col("before_").cast(nw.Int64),
            stay_=_flag(changed),
            last_=_flag(last),
            open_=_flag(last & still_open & (nw.col("micros") + lookback >= end)),
            same_=_flag(~first & changed & (nw.col("micros") == nw.col("previous_"))),
            value=nw.when(nw.col("converted") == 1).then(nw.col("value_")).otherwise(_ZERO),
        )
        .filter((nw.col("stay_") == 1) | (nw.col("last_") == 1))
    )


def _with_next_conversion(
    touches: nw.LazyFrame[Any], conversions: nw.LazyFrame[Any]
) -> nw.LazyFrame[Any]:
    """Add to touches the moment and value of the customer's next conversion, null without one.

    ``group_`` numbers the spans between conversions. A touch at the moment of a conversion comes
    after it, as windows are half-open.
    """
    of_conversions = conversions.select(
        "customer_id", "micros", code=nw.lit(OUTSIDE).cast(nw.Int64), is_=_ONE, value_="value"
    )
    # Without equal rows all orders are total, so every engine numbers the same rows alike.
    once = touches.group_by("customer_id", "micros", "code").agg(n_=nw.len())
    of_touches = once.select("customer_id", "micros", "code", is_=_ZERO, value_=_ZERO)
    together = nw.concat([of_touches, of_conversions])
    done = nw.col("is_").cum_sum().over("customer_id", order_by=("micros", "code"))
    moment = nw.when(nw.col("is_") == 1).then(nw.col("micros"))
    grouped = together.with_columns(group_=(done - nw.col("is_")).cast(nw.Int64), moment_=moment)
    return grouped.with_columns(
        conversion_=nw.col("moment_").max().over("customer_id", "group_"),
        value_=nw.col("value_").sum().over("customer_id", "group_").cast(nw.Int64),
    ).filter(nw.col("is_") == 0)


def _members(rows: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return a row for each path and touchpoint in it, with the path's length and size."""
    grouped = rows.group_by(*_PATH, "code").agg(
        nw.col("stay_").sum().cast(nw.Int64).alias("stays"), nw.col("value").max()
    )
    return grouped.with_columns(
        length=nw.col("stays").sum().over(*_PATH).cast(nw.Int64),
        size=nw.col("code").count().over(*_PATH).cast(nw.Int64),
    )


def _tally(frame: nw.LazyFrame[Any], n: nw.Expr, value: nw.Expr) -> Tally:
    """Add up by ``converted``, ``code`` and ``by``, in whole numbers."""
    chosen = frame.select("converted", "code", "by", n_=n, sum_=value)
    added = (
        chosen.group_by("converted", "code", "by")
        .agg(nw.col("n_").sum().cast(nw.Int64), nw.col("sum_").sum().cast(nw.Int64))
        .collect("pyarrow")
    )
    columns = {name: added[name].to_numpy().astype(np.int64) for name in added.columns}
    order = np.lexsort((columns["by"], columns["code"], columns["converted"]))
    sorted_ = {name: column[order] for name, column in columns.items()}
    return Tally(
        sorted_["converted"], sorted_["code"], sorted_["by"], sorted_["n_"], sorted_["sum_"] / 1e6
    )


def _flag(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(_ONE).otherwise(_ZERO)
