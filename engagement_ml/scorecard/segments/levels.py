"""Values of a segment: rare ones are put together, missing ones are called unknown."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from engagement_ml.engine import Engine

OTHER, UNKNOWN = "other", "unknown"
MAX_LEVELS = 50
"""Values that are kept apart, the most frequent first."""


def common_levels(
    engine: Engine, frame: nw.LazyFrame[Any], column: str, at_least: int
) -> tuple[str, ...]:
    """Return the values of a text column that enough customers have, the most frequent first.

    Values of the same frequency are in the order of their text.
    """
    counted = (frame.filter(_known(column)).group_by(column).agg(nw.len().alias("n_"))).filter(
        nw.col("n_") >= at_least
    )
    first = counted.sort("n_", column, descending=[True, False]).head(MAX_LEVELS)
    rows = engine.rows(first.select(level_=nw.col(column), n_="n_"), source="customers")
    return tuple(str(row["level_"]) for row in rows)


def put_together(
    engine: Engine, frame: nw.LazyFrame[Any], column: str, kept: tuple[str, ...]
) -> nw.LazyFrame[Any]:
    """Replace the values that are not kept by ``other``, and missing ones by ``unknown``."""
    levels = engine.small({column: list(kept), "kept_": list(kept)}) if kept else None
    joined = (
        frame.with_columns(kept_=nw.lit(None).cast(nw.String))
        if levels is None
        else frame.join(levels, on=column, how="left")
    )
    known = nw.when(_known(column)).then(nw.lit(OTHER)).otherwise(nw.lit(UNKNOWN))
    shown = nw.coalesce(nw.col("kept_"), known)
    return joined.with_columns(shown.alias(column)).drop("kept_")


def _known(column: str) -> nw.Expr:
    """Return whether a text is neither null nor empty."""
    return nw.col(column).fill_null("") != ""
