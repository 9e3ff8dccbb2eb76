"""The check of a pipeline's tables: all faults, then what customers, history and data allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import Engine
from engagement_ml.errors import ConfigError, EngagementError, InputError
from engagement_ml.experiments import read_experiments
from engagement_ml.formatting import listed, quantity
from engagement_ml.inputs import TableQuality
from engagement_ml.inputs.inspection import Inspection, inspect_tables, reported
from engagement_ml.readiness.facts import Facts
from engagement_ml.readiness.maturity import maturity_of
from engagement_ml.readiness.outcomes import outcomes_of
from engagement_ml.readiness.parts import check_parts
from engagement_ml.readiness.result import CheckedHistory, CheckedTable, CheckResult, Fault
from engagement_ml.readiness.row_samples import RowSamples
from engagement_ml.readiness.variation import Variation
from engagement_ml.tables.dropped import dropped_note
from engagement_ml.windows import DAY, Windows, plan_windows

NOT_MEASURED = (
    "The smallest effects were not predicted: that needs whole histories of customers, and a "
    "sample of the rows was read."
)
APPROXIMATED = (
    "The smallest effects are approximate, within a factor of about three: the sample of rows has "
    "no whole histories of customers, so events of different days are taken to be independent."
)


def check_tables(
    config: PipelineConfig, engine: Engine, frames: Mapping[str, Any] | None = None
) -> CheckResult:
    """Find all faults of the tables, and what they allow; nothing is trained or written.

    Parameters
    ----------
    config : PipelineConfig
    engine : Engine
    frames : mapping of str to path or frame, optional
        Replace the paths in ``config.sources``, by table name.
    """
    problems: list[EngagementError] = []
    rows = RowSamples()
    inspection = inspect_tables(engine, config, frames, problems.append, rows)
    for test in config.experiments:
        with reported(problems.append):
            read_experiments(config.model_copy(update={"experiments": (test,)}), engine)
    windows = None
    if inspection.tables is not None and inspection.values_fit:
        with reported(problems.append):
            windows = plan_windows(inspection.tables.history, config.windows)
    part_notes: tuple[str, ...] = ()
    if inspection.values_fit and "transactions" in inspection.sources:
        with reported(problems.append):
            part_notes = check_parts(config, engine, frames)
    variation, notes = _variation(inspection, config, windows, rows, problems)
    facts = _facts(config, inspection, windows, variation, usable=not problems)
    return CheckResult(
        name=config.name,
        currency=config.currency,
        entity=config.entity,
        faults=tuple(_fault(problem, inspection) for problem in _distinct(problems)),
        notes=(*rows.notes(), *_notes(inspection, facts), *part_notes, *notes),
        tables=tuple(_checked(name, inspection, rows) for name in inspection.sources),
        history=_history(inspection, windows),
        variation=variation,
        outcomes=outcomes_of(facts),
        maturity=maturity_of(facts),
    )


def _variation(
    inspection: Inspection,
    config: PipelineConfig,
    windows: Windows | None,
    rows: RowSamples,
    problems: list[EngagementError],
) -> tuple[Variation | None, list[str]]:
    """Return the variation, or a note that says why it was not measured."""
    tables_faulty = any(isinstance(problem, InputError) for problem in problems)
    if inspection.tables is None or windows is None or tables_faulty:
        return None, []
    if any(str(problem).startswith("key 'segments'") for problem in problems):
        config = config.model_copy(update={"segments": ()})
    if not rows.whole("events", "transactions"):
        from engagement_ml.readiness.approximating import approximate_variation

        if config.churn.kind == "event":
            return None, [NOT_MEASURED]
        shares = rows.share("events"), rows.share("transactions")
        return approximate_variation(inspection.tables, config, windows, *shares), [APPROXIMATED]
    from engagement_ml.readiness.measuring import measure_variation

    variation = None
    with reported(problems.append):
        variation = measure_variation(inspection.tables, config, windows)
    return variation, []


def _facts(
    config: PipelineConfig,
    inspection: Inspection,
    windows: Windows | None,
    variation: Variation | None,
    *,
    usable: bool,
) -> Facts:
    tables = inspection.tables
    return Facts(
        config=config,
        columns={name: frozenset(t.source_columns) for name, t in inspection.sources.items()},
        counts=inspection.counts,
        amounts={} if tables is None else tables.amounts,
        usable=usable,
        train_cutoffs=0 if windows is None else len(windows.train),
        test_cutoffs=0 if windows is None else len(windows.test),
        variation=variation,
    )


def _distinct(problems: Sequence[EngagementError]) -> list[EngagementError]:
    """Return the problems without repeated messages, in their order."""
    return list({str(problem): problem for problem in problems}.values())


def _fault(problem: EngagementError, inspection: Inspection) -> Fault:
    message = " ".join(str(problem).split())
    if isinstance(problem, ConfigError):
        return Fault(None, message)
    own = [n for n, t in inspection.sources.items() if message.startswith(f"{t.label}: ")]
    return Fault(own[0] if own else None, message)


def _notes(inspection: Inspection, facts: Facts) -> list[str]:
    notes = [] if inspection.tables is None else list(inspection.tables.notes)
    if inspection.tables is None:
        notes += [note for quality in inspection.quality.values() for note in quality.notes]
    for quality in inspection.quality.values():
        if note := dropped_note(quality):
            notes.append(note)
    if facts.covariates:
        names = listed(facts.covariates[:6])
        more = len(facts.covariates) - 6
        rest = f" and {quantity(more, 'other column')}" if more > 0 else ""
        notes.append(
            f"{names}{rest} of customers {'is' if len(facts.covariates) == 1 else 'are'} as of "
            "the day of the export, not of the cutoff: what is a consequence of later purchases "
            "must not be among them."
        )
    return [_sentence(note) for note in notes]


def _sentence(note: str) -> str:
    return note if note.endswith((".", "!", "?")) else f"{note}."


def _checked(name: str, inspection: Inspection, rows: RowSamples) -> CheckedTable:
    source = inspection.sources[name]
    quality: TableQuality | None = inspection.quality.get(name)
    columns = tuple(sorted(source.source_columns))
    if quality is None:
        return CheckedTable(name, source.label, columns, sampled=rows.read.get(name))
    return CheckedTable(
        table=name,
        source=source.label,
        columns=columns,
        rows_read=quality.rows_read,
        rows_kept=quality.rows_kept,
        dropped=quality.dropped,
        first=quality.first if source.has("timestamp") else None,
        last=quality.last if source.has("timestamp") else None,
        sampled=rows.read.get(name),
    )


def _history(inspection: Inspection, windows: Windows | None) -> CheckedHistory | None:
    if inspection.tables is None or not inspection.values_fit:
        return None
    history = inspection.tables.history
    days = max(0, (history.end - history.start).days)
    found = CheckedHistory(history.start, history.end - DAY, days)
    if windows is None:
        return found
    return CheckedHistory(found.first, found.last, days, windows.train, windows.test)
