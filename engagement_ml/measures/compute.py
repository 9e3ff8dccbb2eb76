"""Computation of all measures: rows that measures share are read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engagement_ml.config import MeasureConfig
from engagement_ml.measures.context import AbsentError, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition
from engagement_ml.measures.kinds.kind import NO_DATA, Estimate, Totals
from engagement_ml.measures.totals import ALL, Wanted, customers_on_board, totals_of


@dataclass(frozen=True)
class Measured:
    """One measure, computed.

    Attributes
    ----------
    name : str
    definition : MeasureDefinition
    settings : MeasureConfig
    estimates : mapping of dimension to mapping of group to tuple of Estimate
        Dimensions are ``all`` (its only group is ``""``), ``touchpoint``, and the names of
        segments. An estimate for each period, in order; ``NO_DATA`` for an empty one.
    absent : str or None
        What the tables lack; then there are no estimates.
    notes : tuple of str
    """

    name: str
    definition: MeasureDefinition
    settings: MeasureConfig
    estimates: Mapping[str, Mapping[str, tuple[Estimate, ...]]]
    absent: str | None = None
    notes: tuple[str, ...] = ()


def compute(
    context: MeasureContext,
    chosen: Mapping[str, tuple[MeasureDefinition, MeasureConfig]],
) -> tuple[Measured, ...]:
    """Compute measures, in the order given; see ``catalogue.definitions``."""
    found: dict[str, Measured] = {}
    shared: dict[str, list[Wanted]] = {}
    for name, (definition, settings) in chosen.items():
        try:
            rows = definition.rows(context, settings)
        except AbsentError as error:
            found[name] = Measured(name, definition, settings, {}, absent=str(error))
            continue
        shared.setdefault(rows.key, []).append(Wanted(name, definition.kind.columns, rows))
    on_board = customers_on_board(context)
    for measures in shared.values():
        totals = totals_of(context, measures, on_board)
        for each in measures:
            definition, settings = chosen[each.name]
            estimates = {
                dimension: _series(definition, cells, len(context.periods.each))
                for (name, dimension), cells in totals.items()
                if name == each.name
            }
            notes = (*each.rows.notes, *_notes(context, definition, settings, estimates))
            found[each.name] = Measured(each.name, definition, settings, estimates, notes=notes)
    return tuple(found[name] for name in chosen)


def _notes(
    context: MeasureContext,
    definition: MeasureDefinition,
    settings: MeasureConfig,
    estimates: Mapping[str, Mapping[str, tuple[Estimate, ...]]],
) -> tuple[str, ...]:
    missing = definition.missing_types(settings, context.tables.event_counts)
    overall = estimates.get(ALL, {}).get("", ())
    remark = definition.remark(overall, settings) if definition.remark and overall else ""
    return (*missing, *filter(None, (remark,)))


def _series(
    definition: MeasureDefinition, cells: Mapping[Cell, Totals], n_periods: int
) -> dict[str, tuple[Estimate, ...]]:
    groups = sorted({group for _, group in cells}) or [""]
    return {
        group: tuple(
            _shown(definition, definition.kind.estimate(cells[place, group]))
            if (place, group) in cells
            else NO_DATA
            for place in range(n_periods)
        )
        for group in groups
    }


def _shown(definition: MeasureDefinition, estimate: Estimate) -> Estimate:
    if estimate.value is not None and estimate.n < definition.at_least:
        return Estimate(
            None, None, None, estimate.n, note=f"fewer than {definition.at_least} people"
        )
    return estimate
