"""Printed results: costs, ratios and requirements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.measurement import Figures
from benchmarks.recovery.tables import number, table
from benchmarks.scale import scorecard

MILLION = 1_000_000
Requirement = tuple[str, str, bool]


@dataclass(frozen=True)
class Measurements:
    """Results of all measurements.

    Attributes
    ----------
    panels, sessions : mapping
        Costs without and with session features, by number of events.
    pandas : (int, Figures) or None
        Number of events, and the costs of hand-written pandas.
    rivals : mapping
        Number of events and costs, by library.
    scoring : (int, Figures) or None
        Number of customers, and the costs of scoring.
    measures : (int, Figures) or None
        Number of events, and the costs of the scorecard's measures.
    """

    panels: Mapping[int, Figures]
    sessions: Mapping[int, Figures] = field(default_factory=dict)
    pandas: tuple[int, Figures] | None = None
    rivals: Mapping[str, tuple[int, Figures]] = field(default_factory=dict)
    scoring: tuple[int, Figures] | None = None
    measures: tuple[int, Figures] | None = None


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
    """Extrapolate the seconds of prediction and SHAP linearly from a sample of rows."""
    seconds = float(model["predict_seconds"]) + float(model["shap_seconds"])
    return seconds * n_customers / int(model["rows"])


def millions(n: int) -> str:
    """Format a number in millions.

    Examples
    --------
    >>> millions(10_000_000), millions(300_000)
    ('10 million', '0.3 million')
    """
    return f"{n / MILLION:g} million"


STEPS = {
    "bare": "bare GROUP BY",
    "imports": "Python start and imports",
    "check": "check, before the first run",
    "first": "features, first run",
    "again": "… with one more day of events",
    "moved": "… with cutoffs one day later",
}


def cost_table(measurements: Measurements) -> str:
    """Return costs by size, absolute and as multiples of the bare GROUP BY."""
    rows = []
    for size, figures in sorted(measurements.panels.items()):
        rows += [_row(size, label, figures[name], figures) for name, label in STEPS.items()]
        session = measurements.sessions.get(size, {})
        if "first" in session:
            rows.append(_row(size, "… with sessions", session["first"], session))
    head = ["events", "", "wall s", "CPU s", "peak GB", "CPU s/million", "× bare"]
    return table(head, rows)


def _row(size: int, label: str, cost: Figures, reference: Figures) -> list[str]:
    return [
        millions(size), label, number(cost["seconds"]), number(cost["cpu_seconds"]),
        number(cost["peak_gb"]), number(cost["cpu_seconds"] / size * MILLION, 3),
        number(cost["seconds"] / reference["bare"]["seconds"]),
    ]  # fmt: skip


def rival_table(measurements: Measurements) -> str:
    """Return other libraries' costs relative to the package, at equal size and per event."""
    largest = max(measurements.panels)
    per_event = measurements.panels[largest]["first"]["seconds"] / largest
    rows = []
    if measurements.pandas is not None and "pandas" in measurements.pandas[1]:
        size, figures = measurements.pandas
        rows.append(
            _comparison(
                "hand-written pandas", size, figures["pandas"], figures["product"], per_event
            )
        )
    for name, (size, figures) in measurements.rivals.items():
        if "rival" in figures:
            rows.append(_comparison(name, size, figures["rival"], figures["product"], per_event))
    head = ["compared with", "events", "wall s", "peak GB", "engagement-ml s", "ratio",
            f"ratio per event, engagement-ml at {millions(largest)}"]  # fmt: skip
    return table(head, rows)


def _comparison(
    name: str, size: int, other: Figures, product: Figures, per_event: float
) -> list[str]:
    return [
        name, millions(size), number(other["seconds"]), number(other["peak_gb"]),
        number(product["seconds"]), number(other["seconds"] / product["seconds"], 1),
        number(other["seconds"] / size / per_event, 1),
    ]  # fmt: skip


def requirements(measurements: Measurements) -> list[Requirement]:
    """Return (requirement, measured value, whether it is met), at the largest size."""
    sizes = sorted(measurements.panels)
    largest = sizes[-1]
    panel, at = measurements.panels[largest], millions(largest)
    ratio = panel["first"]["seconds"] / panel["bare"]["seconds"]
    again = panel["again"]["seconds"] / panel["first"]["seconds"]
    check = panel["check"]["seconds"] / panel["first"]["seconds"]
    peak = panel["first"]["peak_gb"]
    rows = [
        (f"features of {at} events, at most 3 × bare GROUP BY", number(ratio), ratio <= 3),
        (f"peak memory of features, at most 4 GB ({at})", number(peak), peak <= 4),
        (
            f"check, at most 10% of the first run ({at})",
            f"{check:.1%}",
            check <= 0.1,
        ),
        (
            f"one more day of events, at most 10% of the first run ({at})",
            f"{again:.1%}",
            again <= 0.1,
        ),
    ]
    session = measurements.sessions.get(largest, {})
    if "first" in session:
        ratio = session["first"]["seconds"] / session["bare"]["seconds"]
        rows.append((f"with sessions, at most 8 × bare ({at})", number(ratio), ratio <= 8))
        peak = session["first"]["peak_gb"]
        rows.append((f"peak memory with sessions, at most 4 GB ({at})", number(peak), peak <= 4))
    if len(sizes) > 1:
        wall, cpu = (
            exponent(sizes, [measurements.panels[size]["first"][key] for size in sizes])
            for key in ("seconds", "cpu_seconds")
        )
        net = exponent(sizes, [_without_start(measurements.panels[size]) for size in sizes])
        value = f"{number(wall)} (CPU {number(cpu)}, without start {number(net)})"
        spread = f"{millions(sizes[0])} to {at}"
        rows.append((f"exponent of cost, {spread}, at most 1.05", value, wall <= 1.05))
    return [*rows, *_comparison_requirements(measurements)]


def _without_start(panel: Figures) -> float:
    """Return the processor time of the first run minus Python's start and imports."""
    return float(panel["first"]["cpu_seconds"]) - float(panel["imports"]["cpu_seconds"])


def _comparison_requirements(measurements: Measurements) -> list[Requirement]:
    rows: list[Requirement] = []
    if measurements.pandas is not None and "pandas" in measurements.pandas[1]:
        size, figures = measurements.pandas
        times = figures["pandas"]["seconds"] / figures["product"]["seconds"]
        name = f"hand-written pandas takes at least 5 times as long ({millions(size)})"
        rows.append((name, number(times, 1), times >= 5))
        difference = figures["difference"]["largest"]
        name = "its numbers agree, 1e-9 relative, on a sample of customers"
        rows.append((name, f"{difference:.0e}", difference <= 1e-9))
    for library, (size, figures) in measurements.rivals.items():
        if "rival" in figures:
            times = figures["rival"]["seconds"] / figures["product"]["seconds"]
            name = f"{library} takes at least 30 times as long ({millions(size)})"
            rows.append((name, number(times, 1), times >= 30))
    if measurements.scoring is not None:
        n_customers, figures = measurements.scoring
        times = scaled(figures["model"], n_customers) / figures["metric"]["seconds"]
        name = f"scoring {n_customers / MILLION:g} million customers, 50 times faster than SHAP"
        rows.append((name, number(times, 0), times >= 50))
    if measurements.measures is not None:
        rows.append(scorecard.requirement(*measurements.measures))
    return rows


def scoring_line(measurements: Measurements) -> str:
    """Return a sentence on the cost of scoring with the metric and with the model."""
    if measurements.scoring is None:
        return ""
    n_customers, figures = measurements.scoring
    metric, model = figures["metric"], figures["model"]
    return (
        f"Scoring {n_customers:,} customers: {metric['seconds']:.1f} s with the metric, "
        f"including process start, reading and writing Parquet ({metric['peak_gb']:.2f} GB). "
        f"The profit model of {model['trees']} trees and {model['columns']} columns took "
        f"{model['predict_seconds']:.2f} s to predict {model['rows']:,} rows and "
        f"{model['shap_seconds']:.2f} s for their SHAP values, or "
        f"{scaled(model, n_customers):,.0f} s for all customers by linear extrapolation."
    )


def all_tables(measurements: Measurements) -> str:
    """Return all tables, reasons for skipped measurements and the requirements."""
    rows = [[name, value, "yes" if ok else "NO"] for name, value, ok in requirements(measurements)]
    skipped = {name: figures for name, (_, figures) in measurements.rivals.items()}
    if measurements.sessions:
        skipped["sessions"] = measurements.sessions[max(measurements.sessions)]
    parts = [
        cost_table(measurements),
        "" if measurements.measures is None else scorecard.cost_table(*measurements.measures),
        rival_table(measurements), scoring_line(measurements),
        *(f"{name}: skipped, {figures['skipped']}" for name, figures in skipped.items()
          if "skipped" in figures),
        table(["requirement", "measured", "met"], rows),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)
