"""Lazy panel: built inside the engine that holds the tables, without collecting it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from engagement_ml.config import PipelineConfig
from engagement_ml.features.aggregations import AggregationSpec, plan_aggregations, totals_at
from engagement_ml.features.covariates import LazyCovariates
from engagement_ml.features.daily_totals import entities, present_at
from engagement_ml.features.families import FAMILIES, enabled_families
from engagement_ml.features.family import FeatureContext, FeatureFamily, totals_of
from engagement_ml.features.outcomes import FAMILY as OUTCOMES
from engagement_ml.features.window_aggregates import Total
from engagement_ml.inputs import Tables
from engagement_ml.windows import Windows

TotalColumns = Mapping[tuple[str | None, Total], str]
"""From a behaviour (None for totals per customer) and a total to its column."""


def build_lazy_panel(
    tables: Tables,
    config: PipelineConfig,
    windows: Windows,
    *,
    families: Sequence[FeatureFamily] = FAMILIES,
) -> nw.LazyFrame[Any]:
    """Return a row per customer and cutoff, as in ``Panel.frame``, in no order.

    Parameters
    ----------
    tables : Tables
    config : PipelineConfig
    windows : Windows
    families : sequence of FeatureFamily, default FAMILIES

    Returns
    -------
    LazyFrame
        The columns of ``Panel.frame``; null if that has NaN.
    """
    enabled = (*enabled_families(families, tables, config), OUTCOMES)
    specs = plan_aggregations(tables, config, windows, enabled)
    panel = _LazyPanel(tables, config, windows, enabled, specs, LazyCovariates.of(tables, config))
    return nw.concat([panel.at(cutoff) for cutoff in windows.cutoffs])


@dataclass(frozen=True)
class _LazyPanel:
    """Builds the rows of one cutoff.

    Columns have plain names until the end: some engines parse a dot in a column's name as a field
    of a record.
    """

    tables: Tables
    config: PipelineConfig
    windows: Windows
    families: tuple[FeatureFamily, ...]
    specs: tuple[AggregationSpec, ...]
    covariates: LazyCovariates

    def at(self, cutoff: dt.date) -> nw.LazyFrame[Any]:
        """Return the rows of a cutoff."""
        present = present_at(entities(self.tables, self.config), cutoff)
        rows = self.tables.engine.micros(present, "entry", "exit")
        total_columns: dict[FeatureFamily, TotalColumns] = {}
        for i, spec in enumerate(self.specs):
            of_spec = self._total_columns(spec, f"t{i}")
            total_columns |= dict.fromkeys(spec.families, of_spec)
            totals = self._totals(spec, cutoff, of_spec)
            rows = rows.join(totals, on="customer_id", how="left")
        names_of: dict[str, str] = {}
        for family in self.families:
            expressions = self._features(family, cutoff, total_columns.get(family, {}), names_of)
            names = {column: f"f{len(names_of) + j}" for j, column in enumerate(expressions)}
            rows = rows.with_columns(
                expression.alias(names[column]) for column, expression in expressions.items()
            )
            names_of |= names
        rows = self.covariates.join(rows)
        part = "train" if cutoff in self.windows.train else "test"
        return rows.select(
            "customer_id",
            # A date: some engines read a literal timestamp in the time zone of the session.
            nw.lit(cutoff).cast(nw.Datetime("us")).alias("cutoff"),
            nw.lit(part).alias("part"),
            *(nw.col(name).alias(column) for column, name in names_of.items()),
            *self.covariates.columns(),
        )

    def _total_columns(self, spec: AggregationSpec, prefix: str) -> TotalColumns:
        if not spec.by_behaviour:
            return {(None, total): f"{prefix}_{j}" for j, total in enumerate(spec.totals)}
        return {
            (behaviour, total): f"{prefix}_{i}_{spec.totals.index(total)}"
            for i, behaviour in enumerate(self.tables.behaviours)
            for total in totals_of(
                [
                    feature
                    for family in spec.families
                    for feature in family.available(self.tables, self.config, behaviour)
                ]
            )
        }

    def _totals(
        self, spec: AggregationSpec, cutoff: dt.date, names: TotalColumns
    ) -> nw.LazyFrame[Any]:
        """Return a row per customer with any activity, a column per total (and behaviour)."""
        totals = totals_at(self.tables.engine, spec, cutoff)
        if not spec.by_behaviour:
            columns = (nw.col(total.name).alias(name) for (_, total), name in names.items())
            return totals.select("customer_id", *columns)
        return totals.group_by("customer_id").agg(
            nw.when(nw.col("event_type") == behaviour).then(nw.col(total.name)).max().alias(name)
            for (behaviour, total), name in names.items()
        )

    def _features(
        self,
        family: FeatureFamily,
        cutoff: dt.date,
        total_columns: TotalColumns,
        earlier: Mapping[str, str],
    ) -> dict[str, nw.Expr]:
        """Return the expressions of a family's columns over totals and earlier columns."""
        expressions = {}
        for behaviour in self.tables.behaviours if family.by_behaviour else (None,):

            def total_of(total: Total, behaviour: str | None = behaviour) -> nw.Expr:
                column = nw.col(total_columns[behaviour, total])
                return column if total.how == "max" else column.fill_null(0)

            context = FeatureContext(
                total=total_of,
                column=lambda name: nw.col(earlier[name]),
                entry=nw.col("entry"),
                exit=nw.col("exit"),
                cutoff=cutoff,
                windows=self.windows,
            )
            for feature in family.in_panel_order(self.tables, self.config, behaviour):
                expressions[family.column(feature, behaviour)] = feature.evaluate(context)
        return expressions
