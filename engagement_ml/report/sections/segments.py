"""Effects by segment."""

from __future__ import annotations

from typing import Any

from engagement_ml.drivers.segment_evidence import SegmentRow
from engagement_ml.formatting import number, one_line
from engagement_ml.report import plots
from engagement_ml.report.section import Section
from engagement_ml.report.svg import Scale
from engagement_ml.report.view import Run


def build(run: Run) -> dict[str, Any] | None:
    """Return effects by segment on one scale, and how many differ; None without segments."""
    segments = run.record.evidence.segments
    if not segments:
        return None
    scale = plots.interval_scale(
        [(row.effect, row.low, row.high) for row in segments],
        wide=[row.low < 0 < row.high for row in segments],
    )
    return {
        "rows": [_row(run, row, scale) for row in segments],
        "lead": _lead(run, [row.agrees for row in segments]),
        "ticks": scale.ticks(run.money.tick),
        "scale": scale,
    }


def _row(run: Run, row: SegmentRow, scale: Scale) -> dict[str, Any]:
    label = run.label(row.behaviour)
    segment = f"{one_line(row.segment)}: {one_line(row.value)}"
    estimate = (row.effect, row.low, row.high)
    return {
        "segment": segment,
        "label": label,
        "effect": run.money(row.effect),
        "interval": run.money.spread(row.low, row.high),
        "n": number(row.n, 0),
        "agrees": row.agrees,
        "plot": plots.interval_cell(
            scale,
            estimate,
            tone="good" if row.effect > 0 else "bad",
            label=f"{label}, {segment}: {run.money.estimate(*estimate)}",
        ),
    }


def _lead(run: Run, agrees: list[bool]) -> str:
    differ, total = agrees.count(False), len(agrees)
    if total == 1:
        verb = "differs from" if differ else "agrees with"
        return f"The effect in the one segment {verb} that over all {run.entities}."
    if differ:
        return (
            f"In {differ} of {total} combinations of segment and behaviour the effect differs "
            f"from that over all {run.entities}."
        )
    return (
        f"In all {total} combinations of segment and behaviour the effect agrees with that over "
        f"all {run.entities}."
    )


SEGMENTS = Section("segments", "Differences between segments", "segments.html.j2", build)
