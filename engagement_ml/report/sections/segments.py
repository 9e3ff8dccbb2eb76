"""Effects by segment: a forest plot per behaviour and segment column, with the test of equality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engagement_ml.drivers.segment_evidence import HeterogeneityRow, SegmentRow
from engagement_ml.drivers.segment_explanations import difference
from engagement_ml.formatting import number, one_line, p_value, percent
from engagement_ml.report import plots
from engagement_ml.report.section import Section
from engagement_ml.report.svg import Scale
from engagement_ml.report.view import Run

MOST_SHOWN = 6
"""Number of combinations shown; the further ones without a difference are folded."""


@dataclass(frozen=True)
class _Group:
    """The effects of one behaviour by the values of one column, largest first."""

    behaviour: str
    segment: str
    rows: tuple[SegmentRow, ...]
    test: HeterogeneityRow | None

    @property
    def differs(self) -> bool:
        """Whether effects differ; records without a test say it by row."""
        if self.test is None:
            return not all(row.agrees for row in self.rows)
        return self.test.differs

    @property
    def informative_only(self) -> bool:
        return self.test is not None and self.test.informative_only


def build(run: Run) -> dict[str, Any] | None:
    """Return effects by segment on one scale, and how many differ; None without segments."""
    segments = run.record.evidence.segments
    if not segments:
        return None
    groups = _groups(run)
    scale = plots.interval_scale(
        [(row.effect, row.low, row.high) for row in segments],
        wide=[row.low < 0 < row.high for row in segments],
    )
    n_shown = max(MOST_SHOWN, sum(group.differs for group in groups))
    folded = groups[n_shown:]
    return {
        "shown": [_shown(run, group, scale) for group in groups[:n_shown]],
        "folded": [_shown(run, group, scale) for group in folded],
        "folded_title": f"{number(len(folded))} more without a difference",
        "lead": _lead(groups),
        "key": _key(run, segments),
        "ticks": scale.ticks(run.money.tick),
        "scale": scale,
    }


def _groups(run: Run) -> list[_Group]:
    """Return the groups: those that differ first, drivers before others, then by p-value."""
    evidence = run.record.evidence
    tests = {(t.segment, t.behaviour): t for t in evidence.heterogeneity}
    by_place: dict[tuple[str, str], list[SegmentRow]] = {}
    for row in evidence.segments:
        by_place.setdefault((row.segment, row.behaviour), []).append(row)
    groups = [
        _Group(
            behaviour,
            segment,
            tuple(sorted(rows, key=lambda r: (-r.effect, r.value))),
            tests.get((segment, behaviour)),
        )
        for (segment, behaviour), rows in by_place.items()
    ]
    return sorted(
        groups,
        key=lambda g: (
            not g.differs,
            g.informative_only,
            1.0 if g.test is None else g.test.p_value,
            g.behaviour,
            g.segment,
        ),
    )


def _shown(run: Run, group: _Group, scale: Scale) -> dict[str, Any]:
    return {
        "title": f"{run.label(group.behaviour)} by {one_line(group.segment)}",
        "sentence": _sentence(run, group),
        "rows": [_row(run, group, row, scale) for row in group.rows],
    }


def _sentence(run: Run, group: _Group) -> str:
    """Return what the test says, with the money each way."""
    test = group.test
    if test is None:
        return "Effects differ." if group.differs else "No difference is shown."
    degrees = f"{test.df} {'degree' if test.df == 1 else 'degrees'} of freedom"
    q = f"Q {number(test.q, 1)} with {degrees}"
    numbers = f"{q}, p {p_value(test.p_value)}, I² {percent(test.i_squared)}"
    if not test.differs:
        return f"No difference is shown ({numbers}). {_aside(run, group)}".strip()
    spread = f"standard deviation between segments {run.money(test.tau)}"
    what = difference(group.rows, test, run.money)
    return (
        f"{run.label(group.behaviour)} {what} ({numbers}, {spread}). {_aside(run, group)}".strip()
    )


def _aside(run: Run, group: _Group) -> str:
    if not group.informative_only:
        return ""
    return f"For information: its verdict is {run.verdict(group.behaviour)}."


def _row(run: Run, group: _Group, row: SegmentRow, scale: Scale) -> dict[str, Any]:
    label = f"{run.label(row.behaviour)}, {one_line(row.segment)}: {one_line(row.value)}"
    estimate = (row.effect, row.low, row.high)
    tone = "plain" if group.informative_only else "good" if row.effect > 0 else "bad"
    return {
        "value": one_line(row.value),
        "effect": run.money(row.effect),
        "interval": run.money.spread(row.low, row.high),
        "pooled": run.money(row.pooled_effect),
        "pooled_interval": run.money.spread(row.pooled_low, row.pooled_high),
        "n": number(row.n, 0),
        "agrees": row.agrees,
        "plot": plots.forest_cell(
            scale,
            estimate,
            row.pooled_effect,
            tone=tone,
            label=f"{label}: {run.money.estimate(*estimate)}",
        ),
    }


def _lead(groups: Sequence[_Group]) -> str:
    differ, total = sum(group.differs for group in groups), len(groups)
    if total == 1:
        shown = "The effect differs" if differ else "No difference of the effect is shown"
        return f"{shown} between the segments of {one_line(groups[0].segment)}."
    test = "(Cochran's Q test, corrected for the number of tests)"
    if differ:
        return (
            f"In {differ} of {total} combinations of segment column and behaviour, the effect "
            f"differs between segments {test}."
        )
    return (
        f"In none of {total} combinations of segment column and behaviour is a difference between "
        f"segments shown {test}."
    )


def _key(run: Run, rows: Sequence[SegmentRow]) -> str:
    text = f"The dot is the estimate from the segment's own {run.entities}."
    if all(row.pooled_effect is None for row in rows):
        return text
    return (
        f"{text} The ring is the same estimate, pooled partially with that over all "
        f"{run.entities}: the less a segment's data say, the closer it lies to the whole. A sign ≠ "
        "marks segments apart from the whole, if effects differ."
    )


SEGMENTS = Section(
    "segments",
    "Differences between segments",
    "segments.html.j2",
    build,
    folded=True,
    tables=lambda run: {"effects-by-segment.csv": run.record.evidence.segments},
)
