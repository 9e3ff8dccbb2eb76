"""What the benchmark prints: costs, ratios, and what must hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.measured import Figures
from benchmarks.recovery.tables import number, table

MILLION = 1_000_000
Requirement = tuple[str, str, bool]


@dataclass(frozen=True)
class Found:
    """All that was measured.

    Attributes
    ----------
    panels, sessions : mapping
        By number of events.
    pandas : (int, Figures) or None
        Number of events, and what was found.
    rivals : mapping
        By name: number of events, and what was found.
    scoring : (int, Figures) or None
        Number of customers, and what was found.
    """

    panels: Mapping[int, Figures]
    sessions: Mapping[int, Figures] = field(default_factory=dict)
    pandas: tuple[int, Figures] | None = None
    rivals: Mapping[str, tuple[int, Figures]] = field(default_factory=dict)
    scoring: tuple[int, Figures] | None = None


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the least-squares slope of log cost on log size; NaN for a single size.

    Examples
    --------
    >>> round(exponent([1, 10, 100], [2, 20, 200]), 6)
    1.0
    """
    if len(set(sizes)) < 2:
        return math.nan
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    x_mean, y_mean = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True))
    return above / sum((a - x_mean) ** 2 for a in x)


def scaled(model: Figures, n_customers: int) -> float:
    """Return the seconds that prediction and SHAP take, from a sample of rows, linearly."""
    seconds = float(model["predict_seconds"]) + float(model["shap_seconds"])
    return seconds * n_customers / int(model["rows"])


def millions(n: int) -> str:
    """Return a number of events as people say it.

    Examples
    --------
    >>> millions(10_000_000), millions(300_000)
    ('10 million', '0.3 million')
    """
    return f"{n / MILLION:g} million"


STEPS = {
    "bare": "bare GROUP BY",
    "imports": "start of Python, imports",
    "first": "features, first run",
    "again": "… after one more day",
    "moved": "… cutoffs a day later",
}


def cost_table(found: Found) -> str:
    """Costs by size, and each as a multiple of the bare grouping of the same size."""
    rows = []
    for size, figures in sorted(found.panels.items()):
        rows += [_row(size, label, figures[name], figures) for name, label in STEPS.items()]
        session = found.sessions.get(size, {})
        if "first" in session:
            rows.append(_row(size, "… with sessions", session["first"], session))
    head = ["events", "", "wall s", "CPU s", "peak GB", "CPU s/million", "× bare"]
    return table(head, rows)


def _row(size: int, label: str, cost: Figures, beside: Figures) -> list[str]:
    return [
        millions(size), label, number(cost["seconds"]), number(cost["cpu_seconds"]),
        number(cost["peak_gb"]), number(cost["cpu_seconds"] / size * MILLION, 3),
        number(cost["seconds"] / beside["bare"]["seconds"]),
    ]  # fmt: skip


def rival_table(found: Found) -> str:
    """Others beside ours: at the same size, and per event beside ours at its largest size."""
    largest = max(found.panels)
    per_event = found.panels[largest]["first"]["seconds"] / largest
    rows = []
    if found.pandas is not None and "pandas" in found.pandas[1]:
        size, figures = found.pandas
        rows.append(_beside("pandas by hand", size, figures["pandas"], figures["ours"], per_event))
    for name, (size, figures) in found.rivals.items():
        if "rival" in figures:
            rows.append(_beside(name, size, figures["rival"], figures["ours"], per_event))
    head = ["beside", "events", "wall s", "peak GB", "ours s", "times ours",
            f"per event, ours at {millions(largest)}"]  # fmt: skip
    return table(head, rows)


def _beside(name: str, size: int, theirs: Figures, ours: Figures, per_event: float) -> list[str]:
    return [
        name, millions(size), number(theirs["seconds"]), number(theirs["peak_gb"]),
        number(ours["seconds"]), number(theirs["seconds"] / ours["seconds"], 1),
        number(theirs["seconds"] / size / per_event, 1),
    ]  # fmt: skip


def requirements(found: Found) -> list[Requirement]:
    """Return what must hold, what was found, and whether it holds; at the largest size."""
    sizes = sorted(found.panels)
    largest = sizes[-1]
    panel, at = found.panels[largest], millions(largest)
    ratio = panel["first"]["seconds"] / panel["bare"]["seconds"]
    again = panel["again"]["seconds"] / panel["first"]["seconds"]
    peak = panel["first"]["peak_gb"]
    rows = [
        (f"features of {at} events, at most 3 × bare GROUP BY", number(ratio), ratio <= 3),
        (f"their peak memory, at most 4 GB ({at})", number(peak), peak <= 4),
        (f"after one more day, at most 10% of the first run ({at})", f"{again:.1%}", again <= 0.1),
    ]
    session = found.sessions.get(largest, {})
    if "first" in session:
        ratio = session["first"]["seconds"] / session["bare"]["seconds"]
        rows.append((f"with sessions, at most 8 × bare ({at})", number(ratio), ratio <= 8))
        peak = session["first"]["peak_gb"]
        rows.append((f"their peak memory, at most 4 GB ({at})", number(peak), peak <= 4))
    if len(sizes) > 1:
        wall, cpu = (
            exponent(sizes, [found.panels[size]["first"][key] for size in sizes])
            for key in ("seconds", "cpu_seconds")
        )
        net = exponent(sizes, [_without_start(found.panels[size]) for size in sizes])
        said = f"{number(wall)} (CPU {number(cpu)}, start left out {number(net)})"
        spread = f"{millions(sizes[0])} to {at}"
        rows.append((f"exponent of cost, {spread}, at most 1.05", said, wall <= 1.05))
    return [*rows, *_against_others(found)]


def _without_start(panel: Figures) -> float:
    """Return the processor time of the first run without Python's start and imports."""
    return float(panel["first"]["cpu_seconds"]) - float(panel["imports"]["cpu_seconds"])


def _against_others(found: Found) -> list[Requirement]:
    rows: list[Requirement] = []
    if found.pandas is not None and "pandas" in found.pandas[1]:
        size, figures = found.pandas
        times = figures["pandas"]["seconds"] / figures["ours"]["seconds"]
        what = f"pandas by hand takes at least 5 times as long ({millions(size)})"
        rows.append((what, number(times, 1), times >= 5))
        apart = figures["disagreement"]["largest"]
        what = "its numbers are ours, 1e-9 relative, on a sample of customers"
        rows.append((what, f"{apart:.0e}", apart <= 1e-9))
    for name, (size, figures) in found.rivals.items():
        if "rival" in figures:
            times = figures["rival"]["seconds"] / figures["ours"]["seconds"]
            what = f"{name} takes at least 30 times as long ({millions(size)})"
            rows.append((what, number(times, 1), times >= 30))
    if found.scoring is not None:
        n_customers, figures = found.scoring
        times = scaled(figures["model"], n_customers) / figures["metric"]["seconds"]
        what = f"scoring {n_customers / MILLION:g} million customers, 50 times faster than SHAP"
        rows.append((what, number(times, 0), times >= 50))
    return rows


def scoring_line(found: Found) -> str:
    """Say what scoring cost, and how the model's cost was found."""
    if found.scoring is None:
        return ""
    n_customers, figures = found.scoring
    metric, model = figures["metric"], figures["model"]
    return (
        f"Scoring {n_customers:,} customers: {metric['seconds']:.1f} s with the metric, process "
        f"start, reading and writing Parquet included ({metric['peak_gb']:.2f} GB). The profit "
        f"model of {model['trees']} trees and {model['columns']} columns took "
        f"{model['predict_seconds']:.2f} s to predict {model['rows']:,} rows and "
        f"{model['shap_seconds']:.2f} s for their SHAP values: linearly, "
        f"{scaled(model, n_customers):,.0f} s for all."
    )


def everything(found: Found) -> str:
    """All tables, what was skipped and why, and what must hold."""
    held = [[what, said, "yes" if ok else "NO"] for what, said, ok in requirements(found)]
    skipped = {name: each for name, (_, each) in found.rivals.items()}
    if found.sessions:
        skipped["sessions"] = found.sessions[max(found.sessions)]
    parts = [
        cost_table(found), rival_table(found), scoring_line(found),
        *(f"{name}: skipped, {each['skipped']}" for name, each in skipped.items()
          if "skipped" in each),
        table(["must hold", "found", "holds"], held),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)
