"""Aggregations required from the daily totals, for any engine: totals and their windows."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.features.family import FeatureFamily, totals_of
from engagement_ml.features.window_aggregates import Total, window_totals
from engagement_ml.inputs import Tables
from engagement_ml.windows import Window, Windows


@dataclass(frozen=True)
class AggregationSpec:
    """Daily totals, and the aggregates over windows to compute from them in one pass.

    Attributes
    ----------
    families : tuple of FeatureFamily
        The families that the aggregation serves.
    daily : LazyFrame
        One row per `keys` and ``day``.
    keys : tuple of str
    totals : tuple of Total
        What the features of all `families` need.
    windows : mapping of date to mapping of kind to Window
        The windows around each cutoff.
    """

    families: tuple[FeatureFamily, ...]
    daily: nw.LazyFrame[Any]
    keys: tuple[str, ...]
    totals: tuple[Total, ...]
    windows: Mapping[dt.date, Mapping[str, Window]]

    @property
    def by_behaviour(self) -> bool:
        """Whether there is a row of totals per customer and behaviour."""
        return "event_type" in self.keys

    def merge(self, other: AggregationSpec) -> AggregationSpec | None:
        """Return the aggregation that serves both, None if one pass cannot.

        One pass can serve both unless a total or a window of the same name differs between them.
        """
        mine, theirs = ({t.name: t for t in spec.totals} for spec in (self, other))
        if any(theirs.get(name, total) != total for name, total in mine.items()):
            return None
        windows = {}
        for cutoff, spans in self.windows.items():
            added = other.windows[cutoff]
            if any(added.get(kind, window) != window for kind, window in spans.items()):
                return None
            windows[cutoff] = {**spans, **added}
        totals = tuple(dict.fromkeys((*self.totals, *other.totals)))
        families = (*self.families, *other.families)
        return dataclasses.replace(self, families=families, totals=totals, windows=windows)


def plan_aggregations(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    families: Sequence[FeatureFamily],
) -> tuple[AggregationSpec, ...]:
    """Return the aggregations that the families need, one pass for families with the same source.

    Families without daily totals need none.
    """
    specs: list[AggregationSpec] = []
    for family in families:
        if family.daily is None:
            continue
        spec = AggregationSpec(
            families=(family,),
            daily=family.daily(tables, config),
            keys=family.keys,
            totals=totals_of(family.available(tables, config)),
            windows={c: family.windows_at(tables, windows, c) for c in windows.cutoffs},
        )
        for i, earlier in enumerate(specs):
            shared = earlier.families[0].daily is family.daily and earlier.keys == family.keys
            merged = earlier.merge(spec) if shared else None
            if merged is not None:
                specs[i] = merged
                break
        else:
            specs.append(spec)
    return tuple(specs)


def totals_at(engine: Engine, spec: AggregationSpec, cutoff: dt.date) -> nw.LazyFrame[Any]:
    """Return the totals over the windows of a cutoff, aggregated by the engine.

    See ``window_aggregates.window_totals``; timestamps are in microseconds since 1970.
    """
    totals = window_totals(engine, spec.daily, spec.keys, spec.windows[cutoff], spec.totals)
    schema = spec.daily.collect_schema()
    moments = [t.name for t in spec.totals if t.how == "max" and schema[t.column] == nw.Datetime]
    return engine.micros(totals, *moments) if moments else totals
