"""Parts of margin as outcomes: what each behaviour does to each product, and at whose cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engagement_ml.features.part_totals import PartTotals, part_totals, part_values
from engagement_ml.outcomes.evidence import OutcomeEvidence
from engagement_ml.outcomes.parts import Parts, assign_parts, configured_parts, part_columns
from engagement_ml.workflow.further.part import Fitted, Found, Part, Sources
from engagement_ml.workflow.run_log import log_notes


@dataclass(frozen=True)
class _Gathered:
    parts: Parts
    totals: PartTotals


def _gather(sources: Sources) -> _Gathered:
    """Return the amounts of every part; values are checked against all customers' transactions."""
    from engagement_ml.drivers import period_days

    outcomes, label = configured_parts(sources.config), sources.tables.source("transactions")
    columns = part_columns(outcomes, sources.tables.columns("transactions"), label)
    everyone = sources.everyone
    values = part_values(everyone.engine, everyone.transactions, columns)
    parts = assign_parts(outcomes, columns, values, label)
    totals = part_totals(
        sources.tables,
        sources.config,
        sources.windows,
        period_days=period_days(sources.config.windows),
        columns=columns,
        members=parts.members,
        other=parts.other,
    )
    return _Gathered(parts, totals)


def _find(gathered: _Gathered, fitted: Fitted) -> Found:
    from engagement_ml.outcomes.mix import product_mix
    from engagement_ml.outcomes.part_evidence import judge_part

    parts, totals = gathered.parts, gathered.totals
    outcomes = tuple(
        judge_part(
            name,
            totals.periods(name, fitted.periods),
            totals.panel(name, fitted.panel, fitted.windows),
            fitted.windows,
            fitted.config,
            fitted.evidence.drivers,
            n_parts=len(parts.names),
        )
        for name in parts.names
    )
    mix = product_mix(
        outcomes, fitted.evidence.drivers, fitted.config.currency, compare=not parts.overlaps
    )
    outcomes = _with_notes(outcomes, parts.notes)
    log_notes([note for outcome in outcomes for note in outcome.notes])
    return Found({"outcomes": outcomes, "mix": mix})


def _with_notes(
    outcomes: tuple[OutcomeEvidence, ...], notes: tuple[str, ...]
) -> tuple[OutcomeEvidence, ...]:
    """Return the outcomes, with what concerns all of them among the notes of the first."""
    first, *others = outcomes
    return (replace(first, notes=(*notes, *first.notes)), *others)


PARTS_OF_MARGIN = Part(
    field="outcomes",
    step="Judging parts of margin",
    wanted=lambda config: bool(configured_parts(config)),
    gather=_gather,
    find=_find,
)
