"""The tables of a pipeline, read and checked on a lazy engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import LazyEngine
from engagement_ml.errors import InputError
from engagement_ml.inputs.read_result import Found, check_two_customers
from engagement_ml.ledger.lazy import LazyKept, keep, keep_events
from engagement_ml.tables.lazy_opening import Source, canonical, ids_are_integers, open_lazily
from engagement_ml.tables.lazy_validation import check_values
from engagement_ml.windows import DAY


def read_lazily(engine: LazyEngine, config: PipelineConfig, sources: Mapping[str, Any]) -> Found:
    """Read and check the tables of `sources`, paths or frames by name.

    Raises
    ------
    EngagementError
        See ``read_tables``.
    """
    opened = _open(engine, config, sources)
    small = {name: one for name, one in opened.items() if name != "events"}
    for one in small.values():
        check_values(engine, one)
    integer_ids = all(ids_are_integers(engine, one) for one in opened.values())
    kept = {
        name: keep(engine, one, canonical(engine, one, integer_ids=integer_ids))
        for name, one in small.items()
    }
    last = kept["transactions"].quality.last
    assert last is not None
    events = keep_events(engine, opened["events"], integer_ids=integer_ids, end=last.date() + DAY)
    kept["events"] = events
    assert events.ledger is not None
    label = opened["events"].shape.label
    ends = [_ends(engine, frame, label) for frame in (events.ledger, kept["transactions"].frame)]
    check_two_customers(label, min(low for low, _ in ends), max(high for _, high in ends))
    if "customers" in kept:
        _check_unique(engine, opened["customers"], kept["customers"])
    return Found(
        label=label,
        frames={name: one.frame for name, one in kept.items()},
        quality={name: one.quality for name, one in kept.items()},
        counts=events.counts,
        amounts=events.amounts,
        ledger=events.ledger,
    )


def keep_lazily(
    engine: LazyEngine, config: PipelineConfig, sources: Mapping[str, Any]
) -> dict[str, LazyKept]:
    """Read and check each table on its own, without what learning asks of them together."""
    opened = _open(engine, config, sources)
    for one in opened.values():
        check_values(engine, one)
    integer_ids = all(ids_are_integers(engine, one) for one in opened.values())
    return {
        name: keep(engine, one, canonical(engine, one, integer_ids=integer_ids))
        for name, one in opened.items()
    }


def _open(
    engine: LazyEngine, config: PipelineConfig, sources: Mapping[str, Any]
) -> dict[str, Source]:
    return {name: open_lazily(engine, config, name, given) for name, given in sources.items()}


def _ends(engine: LazyEngine, frame: nw.LazyFrame[Any], label: str) -> tuple[Any, Any]:
    who = nw.col("customer_id")
    (row,) = engine.rows(frame.select(low=who.min(), high=who.max()), source=label)
    return row["low"], row["high"]


def _check_unique(engine: LazyEngine, source: Source, kept: LazyKept) -> None:
    counted = kept.frame.group_by("customer_id").agg(nw.len().alias("rows_"))
    repeated = counted.filter(nw.col("rows_") > 1).sort("customer_id").head(1)
    for row in engine.rows(repeated, source=source.shape.label):
        raise InputError(
            f"{source.shape.label}: column '{source.shape.theirs['customer_id']}': "
            f"{row['customer_id']!r} is there {row['rows_']} times; give one row a customer"
        )
