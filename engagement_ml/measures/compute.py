"""Computation of all measures: rows that measures share are read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engagement_ml.config import MeasureConfig
from engagement_ml.measures.context import ALL, AbsentError, Cell, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.duration_totals import duration_totals
from engagement_ml.measures.kinds.durations import Durations
from engagement_ml.measures.kinds.kind import NO_DATA, Estimate, Kind
from engagement_ml.measures.on_board import customers_on_board
from engagement_ml.measures.totals import totals_of
from engagement_ml.measures.wanted import Wanted

DIGITS = 10
"""Significant digits of values: what is beyond depends on the order of floating-point sums."""


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
    rows: dict[str, Rows] = {}
    absent: dict[str, str] = {}
    for name, (definition, settings) in chosen.items():
        try:
            rows[name] = definition.rows(context, settings)
        except AbsentError as error:
            absent[name] = str(error)
    kinds = {name: each.kind or chosen[name][0].kind for name, each in rows.items()}
    totals = _totals(context, kinds, rows)
    return tuple(
        _measured(
            context, name, each, kinds.get(name), rows.get(name), absent.get(name), totals.get(name)
        )
        for name, each in chosen.items()
    )


def _measured(
    context: MeasureContext,
    name: str,
    chosen: tuple[MeasureDefinition, MeasureConfig],
    kind: Kind | None,
    rows: Rows | None,
    absent: str | None,
    totals: Mapping[str, Mapping[Cell, Any]] | None,
) -> Measured:
    definition, settings = chosen
    days = [period.days for period in context.periods.each]
    estimates = {
        dimension: _series(definition, kind or definition.kind, cells, days)
        for dimension, cells in (totals or {}).items()
    }
    notes = list(definition.missing_types(settings, context.tables.event_counts))
    notes += [] if rows is None else rows.notes
    overall = estimates.get(ALL, {}).get("", ())
    if definition.remark is not None and overall:
        notes += filter(None, [definition.remark(overall, settings)])
    return Measured(name, definition, settings, estimates, absent, tuple(notes))


def _totals(
    context: MeasureContext, kinds: Mapping[str, Kind], rows: Mapping[str, Rows]
) -> dict[str, dict[str, dict[Cell, Any]]]:
    """Return the totals of each measure by dimension and cell."""
    found: dict[str, dict[str, dict[Cell, Any]]] = {}
    shared: dict[str, list[Wanted]] = {}
    for place, (name, each) in enumerate(rows.items()):
        kind = kinds[name]
        if isinstance(kind, Durations):
            found[name] = dict(duration_totals(context, each, kind))
        else:
            wanted = Wanted(name, kind.columns, each, f"m{place}", kind.cubes)
            shared.setdefault(each.key, []).append(wanted)
    on_board = customers_on_board(context) if shared else {}
    for measures in shared.values():
        for (name, dimension), cells in totals_of(context, measures, on_board).items():
            found.setdefault(name, {})[dimension] = dict(cells)
    return found


def _series(
    definition: MeasureDefinition, kind: Kind, cells: Mapping[Cell, Any], days: Sequence[int]
) -> dict[str, tuple[Estimate, ...]]:
    groups = sorted({group for _, group in cells}) or [""]
    return {
        group: tuple(
            _shown(definition, kind.estimate(replace(cells[place, group], days=length)))
            if (place, group) in cells
            else NO_DATA
            for place, length in enumerate(days)
        )
        for group in groups
    }


def _shown(definition: MeasureDefinition, estimate: Estimate) -> Estimate:
    if estimate.value is not None and estimate.n < definition.at_least:
        return Estimate(
            None, None, None, estimate.n, note=f"fewer than {definition.at_least} people"
        )
    return replace(
        estimate,
        value=_rounded(estimate.value),
        low=_rounded(estimate.low),
        high=_rounded(estimate.high),
        numerator=_rounded(estimate.numerator),
        denominator=_rounded(estimate.denominator),
        factors={name: float(f"{factor:.{DIGITS}g}") for name, factor in estimate.factors.items()},
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
