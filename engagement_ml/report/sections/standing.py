"""How customers score at the last cutoff date: distribution, trend, and by segment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from engagement_ml.formatting import day, listed, number, one_line, percent, quantity, spread
from engagement_ml.metric.standing import QUANTILES, CutoffScore, SegmentScore, Standing
from engagement_ml.report import plots, standing_plots
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run

_MOST_SHOWN = 12
"""Rows of segments beyond which their table is folded."""


def build(run: Run) -> dict[str, Any] | None:
    """Return the charts, sentences and rows; None if nothing was scored."""
    found = run.record.further.standing
    if found is None or not found.cutoffs:
        return None
    last = found.cutoffs[-1]
    segments = [_segment(row) for row in found.segments]
    scale = plots.interval_scale([each["estimate"] for each in segments])
    for each in segments:
        each["plot"] = plots.interval_cell(
            scale, each.pop("estimate"), tone="good", label=each["spoken"]
        )
    return {
        "sentences": _sentences(run, last),
        "who": _who(run),
        "cards": [
            {"title": title, "chart": chart, "sentence": said}
            for title, chart, said in _charts(run, found)
            if chart is not None
        ],
        "segments": segments,
        "scale": scale,
        "ticks": scale.ticks(number) if segments else [],
        "folded": len(segments) > _MOST_SHOWN,
        "left_out": _left_out(run, found),
        "dates": [_date(row) for row in found.cutoffs],
    }


def _date(row: CutoffScore) -> dict[str, Any]:
    return {
        "date": day(row.cutoff),
        "sort": row.cutoff,
        "n": number(row.n_entities, 0),
        "mean": number(row.mean, 1),
        "interval": spread(row.mean_low, row.mean_high, 1),
        "at_zero": percent(row.share_at_zero),
        "quantiles": [number(q, 1) for q in row.quantiles],
    }


def _sentences(run: Run, last: CutoffScore) -> list[str]:
    who = quantity(last.n_entities, run.entity)
    mean = f"The mean score is {number(last.mean, 1)}{_interval(last)}"
    return [
        f"On {day(last.cutoff)}, the last cutoff date, {percent(last.share_at_zero)} of {who} "
        f"scored 0: they did nothing that earns points in the {run.observation_days} days before.",
        f"{mean}; half of them score {number(last.quantiles[2], 1)} or less, and one in twenty "
        f"scores {number(last.quantiles[4], 1)} or more.",
    ]


def _who(run: Run) -> str:
    sample = run.record.sample
    if sample is None:
        return ""
    return (
        f"These are the {number(sample.customers, 0)} {run.entities} of the training sample, of "
        f"{number(sample.of, 0)}."
    )


def _interval(row: CutoffScore | SegmentScore) -> str:
    between = spread(row.mean_low, row.mean_high, 1)
    return f" ({between})" if row.mean_low is not None else ""


def _charts(run: Run, found: Standing) -> list[tuple[str, Any, str]]:
    last, first = found.cutoffs[-1], found.cutoffs[0]
    dates = f"from {day(first.cutoff)} to {day(last.cutoff)}"
    shares = [f"{percent(n / max(sum(found.bins), 1))}" for n in found.bins]
    means = [(row.cutoff, row.mean, row.mean_low, row.mean_high) for row in found.cutoffs]
    zeros = [(row.cutoff, 100 * row.share_at_zero, None, None) for row in found.cutoffs]
    return [
        (
            "All scores",
            standing_plots.histogram(
                found.bins,
                label=f"Share of {run.entities} by score: exactly 0 {shares[0]}, then by tens "
                f"{', '.join(shares[1:])}",
                y_label=f"share of {run.entities}",
            ),
            "",
        ),
        (
            "Mean score",
            standing_plots.series(
                means,
                label=f"Mean score {dates}: {number(first.mean, 1)} to {number(last.mean, 1)}",
                y_label="mean score, with a 95% interval",
                write=number,
            ),
            f"{number(first.mean, 1)} on {day(first.cutoff)}, {number(last.mean, 1)} on "
            f"{day(last.cutoff)}.",
        ),
        (
            "Share at 0",
            standing_plots.series(
                zeros,
                label=f"Share at 0 {dates}: {percent(first.share_at_zero)} to "
                f"{percent(last.share_at_zero)}",
                y_label=f"share of {run.entities} at 0",
                write=lambda value, decimals: f"{number(value, decimals)}%",
                zero=True,
            ),
            f"{percent(first.share_at_zero)} on {day(first.cutoff)}, "
            f"{percent(last.share_at_zero)} on {day(last.cutoff)}.",
        ),
    ]


def _segment(row: SegmentScore) -> dict[str, Any]:
    value = one_line(row.value) or "none given"
    title = f"{one_line(row.segment)}: {value}"
    said = "no data" if row.mean is None else f"mean score {number(row.mean, 1)}{_interval(row)}"
    return {
        "title": title,
        "estimate": (row.mean, row.mean_low, row.mean_high),
        "spoken": f"{title}, {said}",
        "mean": number(row.mean, 1),
        "interval": spread(row.mean_low, row.mean_high, 1),
        "at_zero": percent(row.share_at_zero),
        "n": number(row.n_entities, 0),
    }


def _left_out(run: Run, found: Standing) -> str:
    rest: Mapping[str, int] = found.left_out or {}
    parts = [f"{quantity(n, 'value')} of {one_line(column)}" for column, n in rest.items()]
    return f"Not shown: {listed(parts)}, with fewer {run.entities} each." if parts else ""


def tables(run: Run) -> Mapping[str, Sequence[Any]]:
    """Return the rows of the files."""
    found = run.record.further.standing
    if found is None:
        return {}
    dates = [
        {
            **dataclasses.asdict(row),
            **{f"p{100 * q:.0f}": x for q, x in zip(QUANTILES, row.quantiles, strict=True)},
        }
        for row in found.cutoffs
    ]
    return {"scores-by-segment.csv": found.segments, "scores-by-date.csv": dates}


STANDING = Section(
    "standing",
    lambda run: f"How {run.entities} score",
    "standing.html.j2",
    build,
    board=True,
    tables=tables,
)
