"""Randomised tests: their results, and the sizes of tests still to be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engagement_ml.drivers.experiment_rows import ExperimentRow, ExperimentSegment, PlannedTest
from engagement_ml.formatting import (
    count,
    decimals_for,
    first_upper,
    how_many,
    number,
    one_line,
    p_value,
    quantity,
    spread,
)
from engagement_ml.report import plots, text
from engagement_ml.report.section import Section
from engagement_ml.report.svg import Scale
from engagement_ml.report.view import Estimate, Run, lift_of, without_folders

# Conventional significance level for a difference between segments.
_SIGNIFICANT = 0.05


def build(run: Run) -> dict[str, Any] | None:
    """Return the results of randomised tests and the plan of further ones; None without either."""
    experiments = run.record.evidence.experiments
    if not experiments.plan and not experiments.results:
        return None
    scale = plots.interval_scale([lift_of(row) for row in experiments.results])
    return {
        "plan": [_planned(run, row) for row in experiments.plan],
        "results": [_result(run, row, scale) for row in experiments.results],
        "lead": _lead(experiments.results),
        "scale": scale,
        "ticks": scale.ticks(run.money.tick),
        "segments": [_segments(run, row) for row in experiments.results if row.by_segment],
    }


def title(run: Run) -> str:
    """Return the heading: results come first if there are any."""
    return "Randomised tests" if run.record.evidence.experiments.results else "What to test next"


def _planned(run: Run, row: PlannedTest) -> dict[str, str]:
    return {
        "label": run.label(row.behaviour),
        "effect": run.money(row.effect),
        "increase": count(row.increase),
        "sd": run.money(row.sd),
        "n_per_arm": number(row.n_per_arm, 0),
        "total": number(row.total, 0),
    }


def _lead(results: Sequence[ExperimentRow]) -> str:
    if not results:
        return ""
    tested = {row.behaviour: row for row in results}
    changed = sum(row.verdict != row.observed_verdict for row in tested.values())
    lead = (
        f"{first_upper(how_many(len(results), 'randomised test'))} of "
        f"{how_many(len(tested), 'behaviour')}. A randomised test outranks observational data, so "
        "effect, interval and verdict come from the test. "
    )
    if not changed:
        return lead + "The verdicts agree with those from observational data."
    cases = first_upper(how_many(changed, "verdict"))
    verb = "differs" if changed == 1 else "differ"
    return lead + f"{cases} {verb} from that of observational data."


def _result(run: Run, row: ExperimentRow, scale: Scale) -> dict[str, Any]:
    label, lift = run.label(row.behaviour), lift_of(row)
    effect = (row.effect, row.effect_low, row.effect_high)
    observed = (row.observed_effect, row.observed_effect_low, row.observed_effect_high)
    return {
        "label": label,
        "name": one_line(row.name),
        "treated": number(row.n_treated, 0),
        "control": number(row.n_control, 0),
        **_amount(run, "lift", lift),
        "plot": plots.interval_cell(
            scale, lift, tone="good", label=f"{label}, lift: {run.money.estimate(*lift)}"
        ),
        "events": number(row.events, 2, signed=True),
        "events_interval": ""
        if row.events_low == row.events_high
        else spread(row.events_low, row.events_high, 2),
        **_amount(run, "effect", effect),
        **_amount(run, "observed", observed),
        "before": text.verdict_of(row.observed_verdict),
        "after": text.verdict_of(row.verdict),
        "facts": _facts(run, row),
    }


def _amount(run: Run, key: str, estimate: Estimate) -> dict[str, str]:
    decimals = decimals_for(*estimate)
    return {
        key: run.money(estimate[0], decimals),
        f"{key}_interval": run.money.spread(*estimate[1:], decimals),
    }


def _facts(run: Run, row: ExperimentRow) -> list[str]:
    other = "" if row.days == run.outcome_days else f", not rescaled to {run.outcome_days}"
    facts = [] if row.source is None else [without_folders(row.source)]
    facts.append(f"measured over {quantity(row.days, 'day')}{other}")
    if row.mean_control is not None:
        facts.append(f"control {run.money(row.mean_control)} on average")
    if row.p_value is not None:
        facts.append(f"p {p_value(row.p_value)}")
    if row.cost_per_event:
        facts.append(f"verdict net of the {run.money(row.cost_per_event)} that one event costs")
    return facts


def _segments(run: Run, row: ExperimentRow) -> dict[str, Any]:
    lifts = [(each.lift, each.lift_low, each.lift_high) for each in row.by_segment]
    scale = plots.interval_scale(lifts, wide=[True] * len(lifts))
    return {
        "title": f"{run.label(row.behaviour)}, by segment",
        "texts": [_same(segment, p) for segment, p in row.same_in_segments.items()],
        "rows": [
            _segment(run, each, lift, scale)
            for each, lift in zip(row.by_segment, lifts, strict=True)
        ],
        "scale": scale,
        "ticks": scale.ticks(run.money.tick),
    }


def _segment(run: Run, row: ExperimentSegment, lift: Estimate, scale: Scale) -> dict[str, Any]:
    segment = f"{one_line(row.segment)}: {one_line(row.value)}"
    difference = (row.difference, row.difference_low, row.difference_high)
    decimals = decimals_for(*difference)
    return {
        "segment": segment,
        "treated": number(row.n_treated, 0),
        "control": number(row.n_control, 0),
        **_amount(run, "lift", lift),
        "difference": run.money(row.difference, decimals, signed=True),
        "difference_interval": run.money.spread(*difference[1:], decimals),
        "p_value": p_value(row.p_value),
        "plot": plots.interval_cell(
            scale, lift, tone="plain", label=f"{segment}: {run.money.estimate(*lift)}"
        ),
    }


def _same(segment: str, p: float | None) -> str:
    name = one_line(segment)
    if p is None:
        return f"Whether the lift differs by {name} is not known."
    if p < _SIGNIFICANT:
        return f"The lift differs by {name} (p {p_value(p)})."
    return f"No significant difference by {name} (p {p_value(p)})."


def _tables(run: Run) -> Mapping[str, Sequence[Any]]:
    """Return the rows of the files, without the folders of the sources."""
    found = run.record.evidence.experiments
    return {
        "experiments.csv": [replace(row, source=None) for row in found.results],
        "planned-tests.csv": found.plan,
        **{
            f"experiments-by-segment-{place}.csv": rows
            for place, rows in enumerate(
                (row.by_segment for row in found.results if row.by_segment), start=1
            )
        },
    }


EXPERIMENTS = Section("experiments", title, "experiments.html.j2", build, tables=_tables)
