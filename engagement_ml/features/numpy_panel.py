"""NumPy panel: totals in dense arrays, rows laid out block by block so that few are in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from engagement_ml._typing import AnyArray
from engagement_ml.config import PipelineConfig
from engagement_ml.features.aggregations import AggregationSpec, plan_aggregations, totals_at
from engagement_ml.features.families import FAMILIES, enabled_families
from engagement_ml.features.family import Feature, FeatureContext, FeatureFamily, totals_of
from engagement_ml.features.numpy_aggregator import (
    NEVER,
    WindowTotals,
    aggregate_chunks,
    from_engine_totals,
)
from engagement_ml.features.outcomes import FAMILY as OUTCOMES
from engagement_ml.features.population import Codes, Population, collect, read_population
from engagement_ml.features.window_aggregates import Total
from engagement_ml.inputs import Tables
from engagement_ml.ordered_map import ordered_map
from engagement_ml.windows import Windows

PASS_PLACES = 40_000_000
"""Customers × behaviours × cutoffs that one pass over the ledger adds up: some 40 bytes each."""
BLOCK = 131_072
"""Rows laid out together: a column of more does not stay in a processor's cache."""
_ENTRY, _EXIT = "entry_", "exit_"


@dataclass(frozen=True)
class CutoffTotals:
    """The totals of one cutoff, in the order of the aggregations."""

    cutoff: dt.date
    totals: tuple[WindowTotals, ...]


@dataclass(frozen=True)
class EntityBlock:
    """Entities (places in the population, ascending) and the totals of their cutoff."""

    at: CutoffTotals
    entities: AnyArray


@dataclass(frozen=True)
class NumpyPanel:
    """Builds the rows of the panel from arrays.

    Attributes
    ----------
    tables, config, windows
    families : tuple of FeatureFamily
        Families of the features and of the outcomes, in the order of the columns.
    specs : tuple of AggregationSpec
    population : Population
    """

    tables: Tables
    config: PipelineConfig
    windows: Windows
    families: tuple[FeatureFamily, ...]
    specs: tuple[AggregationSpec, ...]
    population: Population

    @classmethod
    def plan(
        cls,
        tables: Tables,
        config: PipelineConfig,
        windows: Windows,
        families: Sequence[FeatureFamily],
    ) -> NumpyPanel:
        """Read the population and plan the aggregations."""
        enabled = (*enabled_families(families, tables, config), OUTCOMES)
        specs = plan_aggregations(tables, config, windows, enabled)
        population = read_population(tables, config)
        return cls(tables, config, windows, enabled, specs, population)

    def blocks(self) -> Iterator[pd.DataFrame]:
        """Yield the rows; the next blocks are laid out in threads meanwhile."""
        codes = Codes.of(self.tables, self.population)
        n_by_behaviour = sum(spec.by_behaviour for spec in self.specs)
        places = len(self.population.ids) * len(self.tables.behaviours) * n_by_behaviour
        per_pass = max(1, PASS_PLACES // max(1, places))
        threads = self.tables.engine.threads
        for begin in range(0, len(self.windows.cutoffs), per_pass):
            cutoffs = self.windows.cutoffs[begin : begin + per_pass]
            by_spec = [self._aggregate(codes, spec, cutoffs) for spec in self.specs]
            by_cutoff = zip(cutoffs, zip(*by_spec, strict=True), strict=True)
            totals = [CutoffTotals(cutoff, of_specs) for cutoff, of_specs in by_cutoff]
            del by_spec, by_cutoff
            yield from ordered_map(self.lay_out, self._entity_blocks(totals), threads)
            # Free the arrays of these cutoffs before those of the next are allocated.
            del totals

    def _entity_blocks(self, totals: Sequence[CutoffTotals]) -> Iterator[EntityBlock]:
        for at in totals:
            entities = self.population.at(at.cutoff)
            for begin in range(0, len(entities), BLOCK):
                yield EntityBlock(at, entities[begin : begin + BLOCK])

    def _aggregate(
        self, codes: Codes, spec: AggregationSpec, cutoffs: Sequence[dt.date]
    ) -> list[WindowTotals]:
        """Return the totals of some cutoffs, with a place per entity, or per behaviour and entity.

        The place of an entity's behaviour is behaviour × number of entities + entity.
        """
        engine, n = self.tables.engine, len(self.population.ids)
        places = n * len(self.tables.behaviours) if spec.by_behaviour else n
        spans = [spec.windows[cutoff] for cutoff in cutoffs]

        def place_of(batch: Mapping[str, AnyArray]) -> AnyArray:
            place = batch["entity_"].astype(np.int64)
            return place + batch["behaviour_"].astype(np.int64) * n if spec.by_behaviour else place

        if not engine.local:
            # A remote engine aggregates itself: rows of totals are fewer than those of the ledger.
            fetched = (collect(codes.add(totals_at(engine, spec, cutoff))) for cutoff in cutoffs)
            return [
                from_engine_totals(rows | {"place_": place_of(rows)}, places, windows, spec.totals)
                for rows, windows in zip(fetched, spans, strict=True)
            ]
        first = min(window.start for windows in spans for window in windows.values())
        end = max(window.end for windows in spans for window in windows.values())
        inside = spec.daily.filter((nw.col("day") >= first) & (nw.col("day") < end))
        keys = ("entity_", "behaviour_") if spec.by_behaviour else ("entity_",)
        columns = dict.fromkeys(t.column for t in spec.totals if t.how in ("sum", "max"))
        coded = codes.add(inside).select(*keys, "day", *columns)

        def chunks() -> Iterator[dict[str, AnyArray]]:
            for batch in engine.batches(coded):
                chunk = {
                    "place_": place_of(batch),
                    "day": batch["day"].astype("datetime64[D]").view(np.int64),
                }
                yield chunk | {column: _int64(batch[column]) for column in columns}

        return aggregate_chunks(chunks(), places, spans, spec.totals)

    def lay_out(self, block: EntityBlock) -> pd.DataFrame:
        """Return the rows of a block: keys, part, features and outcomes."""
        entities, cutoff = block.entities, block.at.cutoff
        frame: dict[str, Any] = {
            "customer_id": self.population.ids[entities],
            "cutoff": np.full(len(entities), cutoff, dtype="datetime64[us]"),
            "part": "train" if cutoff in self.windows.train else "test",
        }
        moments = {
            _ENTRY: pa.array(self.population.entry[entities].view(np.int64)),
            _EXIT: _with_nulls(self.population.exit[entities].view(np.int64)),
        }
        for family in self.families:
            frame |= self._family_columns(family, block, moments, frame)
        return pd.DataFrame(frame, copy=False)

    def _family_columns(
        self,
        family: FeatureFamily,
        block: EntityBlock,
        moments: Mapping[str, pa.Array],
        frame: Mapping[str, Any],
    ) -> dict[str, AnyArray]:
        context = FeatureContext(
            total=lambda total: nw.col(total.name),
            column=nw.col,
            entry=nw.col(_ENTRY),
            exit=nw.col(_EXIT),
            cutoff=block.at.cutoff,
            windows=self.windows,
        )
        columns: dict[str, AnyArray] = {}
        for i, behaviour in enumerate(self.tables.behaviours if family.by_behaviour else (None,)):
            features = family.in_panel_order(self.tables, self.config, behaviour)
            operands = {
                **moments,
                **self._operands(family, totals_of(features), block, i),
                **{
                    name: pa.array(frame[name], from_pandas=True)
                    for feature in features
                    for name in feature.columns
                },
            }
            for feature, values in _evaluate(features, operands, context).items():
                columns[family.column(feature, behaviour)] = values
        return columns

    def _operands(
        self, family: FeatureFamily, totals: Sequence[Total], block: EntityBlock, behaviour: int
    ) -> dict[str, pa.Array]:
        """Slice the totals of one behaviour (0 if the family is not by behaviour) for a block."""
        if not totals:
            return {}
        spec = next(i for i, spec in enumerate(self.specs) if family in spec.families)
        entities, offset = block.entities, behaviour * len(self.population.ids)
        first, end = entities[0], entities[-1] + 1
        arrays = block.at.totals[spec].between(offset + first, offset + end, totals)
        if len(entities) < end - first:
            arrays = {name: values[entities - first] for name, values in arrays.items()}
        return {total.name: _arrow(total, arrays[total.name]) for total in totals}


def numpy_blocks(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    families: Sequence[FeatureFamily] = FAMILIES,
) -> Iterator[pd.DataFrame]:
    """Yield the rows of each cutoff in turn, block by block, sorted by ``customer_id``.

    Yields
    ------
    DataFrame
        The columns of ``Panel.frame`` without covariates and segments. A cutoff without a customer
        at risk has no block.
    """
    yield from NumpyPanel.plan(tables, config, windows, families).blocks()


def _evaluate(
    features: Sequence[Feature], operands: Mapping[str, pa.Array], context: FeatureContext
) -> dict[Feature, AnyArray]:
    """Evaluate the expressions of features over Arrow arrays."""
    names = {f"f{i}": feature for i, feature in enumerate(features)}
    expressions = [feature.evaluate(context).alias(name) for name, feature in names.items()]
    table = pa.table(dict(operands))

    def select(frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
        return frame.with_columns(*expressions).select(*names)

    try:
        evaluated = select(nw.from_native(table, eager_only=True))
    except pa.ArrowInvalid:
        # Arrow refuses to cast integers beyond 2⁵³ to floats; pandas rounds to the nearest.
        evaluated = select(nw.from_native(table.to_pandas(), eager_only=True))
    return {feature: evaluated[name].to_numpy() for name, feature in names.items()}


def _arrow(total: Total, values: AnyArray) -> pa.Array:
    """Return a total as an Arrow array: counts as floats, null for the maximum of an empty set."""
    if total.column == "n":
        return pa.array(values.astype(np.float64))
    return _with_nulls(values) if total.how == "max" else pa.array(values)


def _with_nulls(values: AnyArray) -> pa.Array:
    """Return int64 values as an Arrow array, null for `NEVER`, which is also NumPy's NaT."""
    return pa.array(values, mask=values == NEVER)


def _int64(values: AnyArray) -> AnyArray:
    """Return numbers as int64, timestamps as microseconds since 1970."""
    if np.issubdtype(values.dtype, np.datetime64):
        return values.astype("datetime64[us]").view(np.int64)
    return values.astype(np.int64, copy=False)
